"""The few kinds of marks that drawings consist of. Lengths are the drawing's own units, which fit the page's width."""

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

Place = tuple[float, float]
_CHAR_PX = 6.6  # a letter of 12 px is about so wide


def drawing(width: float, height: float, title: str, marks: Iterable[Markup], *, kind: str = "chart") -> Markup:
    """Return a whole drawing, which readers of the screen know by its title."""
    inside = Markup("\n").join(marks)
    role = "group" if "<a " in inside else "img"  # what is inside an image nobody could reach by keyboard
    return Markup('<svg class="{}" viewBox="0 0 {} {}" role="{}" aria-label="{}">{}</svg>').format(
        kind, _short(width), _short(height), role, title, inside
    )


def rect(x: float, y: float, width: float, height: float, css: str, *, title: str = "", radius: float = 0) -> Markup:
    """Return a rectangle."""
    rounded = Markup(' rx="{}"').format(_short(radius)) if radius else ""
    return Markup('<rect x="{}" y="{}" width="{}" height="{}"{} class="{}">{}</rect>').format(
        _short(x), _short(y), _short(max(0.0, width)), _short(max(0.0, height)), rounded, css, _title(title)
    )


def line(begin: Place, end: Place, css: str) -> Markup:
    """Return a straight line."""
    return Markup('<line x1="{}" y1="{}" x2="{}" y2="{}" class="{}"/>').format(
        _short(begin[0]), _short(begin[1]), _short(end[0]), _short(end[1]), css
    )


def circle(middle: Place, radius: float, css: str, *, title: str = "") -> Markup:
    """Return a dot."""
    return Markup('<circle cx="{}" cy="{}" r="{}" class="{}">{}</circle>').format(
        _short(middle[0]), _short(middle[1]), _short(radius), css, _title(title)
    )


def polyline(places: Sequence[Place], css: str) -> Markup:
    """Return a line through places."""
    return Markup('<polyline points="{}" class="{}"/>').format(_points(places), css)


def polygon(places: Sequence[Place], css: str, *, title: str = "") -> Markup:
    """Return an area."""
    return Markup('<polygon points="{}" class="{}">{}</polygon>').format(_points(places), css, _title(title))


def text(place: Place, words: str, css: str = "", *, anchor: str = "start") -> Markup:
    """Return a text; ``anchor``: whether the place is its start, its middle or its end."""
    return Markup('<text x="{}" y="{}" text-anchor="{}" class="{}">{}</text>').format(
        _short(place[0]), _short(place[1]), anchor, css, words
    )


def link(address: str, label: str, marks: Iterable[Markup]) -> Markup:
    """Return marks that lead somewhere."""
    return Markup('<a href="{}" aria-label="{}">{}</a>').format(address, label, Markup("").join(marks))


def key(css: str) -> Markup:
    """Return a small field of a colour for a legend."""
    return Markup(
        '<svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" rx="2" class="{}"/></svg>'
    ).format(css)


def width_of(words: str) -> float:
    """Return about how wide a text is."""
    return len(words) * _CHAR_PX


def _title(words: str) -> Markup:
    return Markup("<title>{}</title>").format(words) if words else Markup("")


def _points(places: Sequence[Place]) -> str:
    return " ".join(f"{_short(x)},{_short(y)}" for x, y in places)


def _short(value: float) -> str:
    return str(escape(f"{value:.1f}".removesuffix(".0")))
