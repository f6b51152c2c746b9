"""A bar beside a count in a table: how much of the longest it is. The count itself stands in the table."""

from markupsafe import Markup


def bar(value: float, longest: float) -> Markup:
    """Return a bar; readers of the screen pass over it."""
    share = min(1.0, max(0.0, value / longest)) if longest > 0 else 0.0
    return Markup(
        '<svg class="bar wide" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">'
        '<rect class="track" width="100" height="6"/><rect class="c3" width="{:.1f}" height="6"/></svg>'
    ).format(100 * share)
