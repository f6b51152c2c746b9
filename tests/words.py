"""Bring the catalogues of kk and ru up to date with the texts in code and templates: ``python -m tests.words``.

Each room of the house has a file of its own in each language. New texts come in empty, for somebody who speaks the
language; texts that nobody says any more go. Nothing is guessed: a changed sentence is a new one.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po

from collector.words import Language
from collector.words.tongue import FOLDER

Text = str | tuple[str, str]
ROOT = Path(__file__).parent.parent
TRANSLATED: tuple[Language, ...] = ("kk", "ru")
_KEYWORDS = {"_": None, "_say": None, "say": None, "mark": None, "counted": (1, 2), "n_": (1, 2)}
_PAGES = "collector/pages/"
_NOT_OURS = tuple(
    f'"{name}'.encode() for name in ("Project-Id", "Report-", "POT-", "PO-", "Last-", "Language-Team", "Generated-")
)
# A file belongs to the first room that names it, or a folder above it.
ROOMS: dict[str, tuple[str, ...]] = {
    "operator": (
        *(f"{_PAGES}operator", f"{_PAGES}templates/operator", f"{_PAGES}drawing/halves.py"),
        *(f"{_PAGES}drawing/months.py", "collector/sla.py"),
        *(f"collector/agreements/{name}.py" for name in ("exclusions", "disputes")),
        *(f"collector/notices/{name}.py" for name in ("destination", "mail", "subscribing")),
    ),
    "admin": (
        *(f"{_PAGES}{name}" for name in ("admin", "login.py", "accounts.py", "forms.py", "fleet.py", "replaying.py")),
        *(f"{_PAGES}templates/{name}" for name in ("admin", "account", "code", "login", "password", "second", "fleet")),
        "collector/people",
        "collector/fleet.py",
        "collector/registry",
    ),
    "school": (
        *(f"{_PAGES}school", f"{_PAGES}it", f"{_PAGES}templates/school", f"{_PAGES}templates/it"),
        *("collector/readiness.py", "collector/diagnosis", "collector/coverage.py"),
    ),
    "country": (
        *(f"{_PAGES}country", f"{_PAGES}map", f"{_PAGES}rankings", f"{_PAGES}templates/country"),
        *(f"{_PAGES}templates/ranking", "collector/rankings"),
    ),
    "frame": (
        _PAGES,
        "collector/api/problems.py",
        "collector/errors.py",
        "collector/context.py",
        "collector/periods.py",
        "collector/words",
    ),
}


def room_of(path: Path) -> str | None:
    """Return whose catalogue has a file's texts; none has those of a file that no page shows."""
    name = path.relative_to(ROOT).as_posix()
    return next((room for room, begins in ROOMS.items() if name.startswith(begins)), None)


def texts() -> dict[str, dict[Text, list[str]]]:
    """Return all texts by room, each with the files that say it."""
    found: dict[str, dict[Text, list[str]]] = {room: {} for room in ROOMS}
    for path in sorted((ROOT / "collector").rglob("*")):
        room = room_of(path) if path.suffix in (".py", ".html") else None
        for text in _texts_of(path) if room is not None else ():
            files = found[str(room)].setdefault(text, [])
            name = path.relative_to(ROOT).as_posix()
            if name not in files:
                files.append(name)
    return found


def _texts_of(path: Path) -> Iterator[Text]:
    method = "python" if path.suffix == ".py" else "jinja2.ext:babel_extract"
    options = {"trimmed": "true", "silent": "false"}
    for _, message, _, _ in extract_from_file(method, path, keywords=_KEYWORDS, options=options):
        yield message if isinstance(message, str) else (message[0], message[1])


def path_of(language: Language, room: str) -> Path:
    """Return where a room's catalogue is."""
    return FOLDER / language / f"{room}.po"


def kept(language: Language, room: str) -> Catalog:
    """Return a room's catalogue as it is."""
    path = path_of(language, room)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def updated(language: Language, room: str, wanted: dict[Text, list[str]]) -> bytes:
    """Return a room's catalogue with just the texts that are said, and the translations that it had of them."""
    before = kept(language, room)
    made = Catalog(locale=language, fuzzy=False, header_comment=f"# netready: {room}, {language}")
    for text, files in sorted(wanted.items(), key=lambda item: (item[1][0], str(item[0]))):
        known: Message | None = before.get(text[0] if isinstance(text, tuple) else text)
        fits = known is not None and isinstance(known.id, tuple) == isinstance(text, tuple)
        made.add(text, known.string if known is not None and fits else None, locations=[(name, None) for name in files])
    out = io.BytesIO()
    write_po(out, made, width=110, omit_header=False, sort_output=False)
    return b"".join(line for line in out.getvalue().splitlines(keepends=True) if not line.startswith(_NOT_OURS))


def is_translated(one: Message) -> bool:
    """Tell whether all of a text has a translation."""
    return all(one.string if isinstance(one.string, tuple) else (one.string,))


def main() -> None:
    """Write all catalogues, and say what is to be translated."""
    missing = 0
    for room, wanted in texts().items():
        for language in TRANSLATED:
            path = path_of(language, room)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(updated(language, room, wanted))
            count = sum(not is_translated(one) for one in kept(language, room) if one.id)
            missing += count
            sys.stdout.write(f"{path.relative_to(ROOT)}: {len(wanted)} texts, {count} to translate\n")
    sys.exit(1 if missing else 0)


if __name__ == "__main__":
    main()
