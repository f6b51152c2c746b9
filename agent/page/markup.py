"""HTML made of nested elements: text is always escaped, and only what this module made passes as markup."""

from collections.abc import Iterable
from html import escape

from msgspec import Struct

_EMPTY = frozenset({"meta", "link", "input", "path", "line", "circle"})


class Html(Struct, frozen=True):
    """Markup that is safe to send as it is."""

    text: str


Part = Html | str | None | Iterable["Part"]


def tag(name: str, /, *parts: Part, **attributes: str | float | bool | None) -> Html:
    """Return an element. An attribute's ``_`` is a hyphen, a last one falls off; True is a bare one, None is none."""
    written = "".join(_attribute(key.rstrip("_").replace("_", "-"), value) for key, value in attributes.items())
    if name in _EMPTY:
        return Html(f"<{name}{written}>" if name in {"meta", "link", "input"} else f"<{name}{written}/>")
    return Html(f"<{name}{written}>{inside(parts)}</{name}>")


def inside(part: Part) -> str:
    """Return parts as markup, their texts escaped."""
    if part is None:
        return ""
    if isinstance(part, Html):
        return part.text
    if isinstance(part, str):
        return escape(part)
    return "".join(inside(one) for one in part)


def _attribute(name: str, value: str | float | bool | None) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        return f" {name}"
    text = value if isinstance(value, str) else f"{value:g}"
    return f' {name}="{escape(text, quote=True)}"'
