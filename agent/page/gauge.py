"""The gauge: a half circle in which the target stands at the top, whatever it is and however fast the line."""

from agent.page.markup import Html, Part, tag

_ARC = "M 20 110 A 100 100 0 0 1 220 110"
_LENGTH = 100


def filled(bps: float | None, needed_bps: float) -> float:
    """Return how much of the arc, 0 to 100, a speed fills: half of it at the target, never all of it."""
    if not bps or bps <= 0:
        return 0.0
    return round(_LENGTH * bps / (bps + needed_bps), 1)


def gauge(name: str, kind: str, bps: float | None, needed_bps: float) -> Html:
    """Return the drawing alone; its figures and words stand in the text beside it."""
    share = filled(bps, needed_bps)
    return tag(
        "svg",
        tag("path", d=_ARC, class_="track", pathLength=_LENGTH),
        # The gap is longer than the arc: a round end of the next dash must not show.
        tag("path", d=_ARC, class_="fill", pathLength=_LENGTH, stroke_dasharray=f"{share:g} {2 * _LENGTH}"),
        _target(),
        viewBox="0 0 240 122",
        class_=f"gauge {kind}" + ("" if share else " empty"),
        id=f"gauge-{name}",
        aria_hidden="true",
        focusable="false",
    )


def _target() -> Part:
    return (
        tag("line", x1=120, y1=0, x2=120, y2=28, class_="mark-edge"),
        tag("line", x1=120, y1=0, x2=120, y2=28, class_="mark"),
    )
