"""Where each role's pages are: the menu on top, and the page that somebody begins with."""

from urllib.parse import quote

from msgspec import Struct

from collector.context import Asker
from collector.words import Sentence, say

_ALL_SEEING = ("ministry", "auditor", "admin")


class Entry(Struct, frozen=True):
    """One place of the menu; ``under`` is how the addresses below it begin."""

    place: str
    words: Sentence
    under: tuple[str, ...] = ()

    def is_here(self, path: str) -> bool:
        """Tell whether a page stands under this entry."""
        return path == self.place or path.startswith(self.under or (self.place + "/",))


_BREACHES = Entry("/breaches", say("Breaches"))
_VERDICTS = Entry("/verdicts", say("Verdicts"))
_EXCLUSIONS = Entry("/exclusions", say("Exclusions"))
_DISPUTES = Entry("/disputes", say("Disputes"))
_NOTICES = Entry("/notices", say("Notices"))
_RANKINGS = Entry("/rankings/schools", say("Rankings"), ("/rankings/",))
_FLEET = Entry("/fleet", say("Computers"))


def home(person: Asker | None) -> str:
    """Return where somebody begins."""
    role, scope = (None, None) if person is None else (person.viewer.role, person.viewer.scope)
    if role in _ALL_SEEING:
        return "/country"
    if role == "operator":
        return "/operator"
    if role is not None and scope is not None:
        return f"/{'regions' if role == 'region' else 'schools'}/{quote(scope, safe='/')}"
    return "/open"


def of(person: Asker | None) -> tuple[Entry, ...]:
    """Return the menu of somebody; of nobody, what is open to all."""
    if person is None:
        return (Entry("/open", say("Open data")),)
    begin, role = home(person), person.viewer.role
    if role == "operator":
        return (
            Entry(begin, say("My contracts"), ("/operator/", "/contracts")),
            _VERDICTS,
            _BREACHES,
            _EXCLUSIONS,
            _DISPUTES,
            _NOTICES,
            _RANKINGS,
        )
    if role == "school":
        work = f"/it/{quote(person.viewer.scope or '', safe='/')}"
        return (
            Entry(begin, say("My school"), ("/schools/", "/rooms/", "/tests/", "/history/", "/board/")),
            Entry(work, say("To do"), ("/it/",)),
            _VERDICTS,
            _EXCLUSIONS,
            _DISPUTES,
            _NOTICES,
        )
    country = Entry(
        begin,
        say("Country") if role in _ALL_SEEING else say("My region"),
        ("/country", "/regions/", "/districts/", "/schools", "/rooms/", "/tests/", "/history/", "/board/", "/it/"),
    )
    shown = (country, _RANKINGS, _BREACHES, _VERDICTS, _DISPUTES, _FLEET, _NOTICES)
    if {"accounts", "policy", "registry", "audit"} & set(person.rights):
        return (*shown, Entry("/admin", say("Administration"), ("/admin", "/accounts")))
    return shown
