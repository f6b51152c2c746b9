"""What a school's IT teacher has to do, in order: nothing is measured, then defects, computers, rooms, the registry."""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from agent.contract.causes import INSIDE
from collector import fleet
from collector.coverage import SchoolCoverage
from collector.diagnosis import Told, words
from collector.readiness import Readiness
from collector.store.fleet import ComputerHealth
from collector.store.schools import SchoolRecord
from collector.words import Sentence, counted, mark, say

STATES: dict[str, str] = {
    "live": mark("reports"),
    "at_risk": mark("was silent for some days"),
    "silent": mark("silent"),
    "never_reported": mark("never reported"),
}
KEYS: dict[fleet.Identity, str] = fleet.ADVICE | {"one": mark("its own")}
_NAMED = 6
_SCHOOLS_OWN = INSIDE | {"HOST", "MIXED", "LINE_SATURATED"}


class Task(Struct, frozen=True, kw_only=True):
    """One thing to do: what is the matter, how to mend it, and where; ``names`` are of outside."""

    what: Sentence
    how: Sentence
    place: str | None = None
    names: tuple[str, ...] = ()


class Known(Struct, frozen=True, kw_only=True):
    """What is known of a school; ``computers`` null where the viewer may not see single ones."""

    judged: Readiness
    told: Told
    covered: SchoolCoverage
    computers: Sequence[ComputerHealth] | None


def tasks(known: Known, address: str) -> list[Task]:
    """Return what is to be done, the most urgent first; ``address`` is the school's, as links have it."""
    return [
        *_computers_at_all(known, address),
        *_inside(known.told),
        *_computers(known.computers or (), address),
        *_rooms(known.covered, address),
        *_registry(known.judged.school),
    ]


def _inside(told: Told) -> Iterable[Task]:
    """Return what the diagnosis says of the school's own network, and each defect of it."""
    again = say("Then measure again: the defect goes from this list when it is not seen any more.")
    if told.not_organised is not None:
        yield Task(what=told.not_organised, how=told.sentence)
    elif told.diagnosis.cause in _SCHOOLS_OWN:
        yield Task(what=told.sentence, how=again)
    for one in told.diagnosis.defects:
        yield Task(what=words.said(one.sentence), how=again)


def _computers_at_all(known: Known, address: str) -> Iterable[Task]:
    if known.computers is not None and not known.computers:
        yield Task(
            what=say("No computer of this school measures yet."),
            how=say("Install the program on one computer with a cable, best near the router, and enrol it."),
            place=f"/it/enrol/{address}",
        )
    elif not known.judged.tests:
        yield Task(
            what=say("There is no speed test in this period."),
            how=say("Leave a computer switched on during lessons, or ask for a test now."),
            place=f"/it/run/{address}",
        )


def _computers(computers: Sequence[ComputerHealth], address: str) -> Iterable[Task]:
    """Return what is the matter with which computers; the gravest first."""
    place = f"/it/computers/{address}"
    silent = [one for one in computers if one.state == "silent"]
    copied = [one for one in computers if one.identity == "copied"]
    never = [one for one in computers if one.state == "never_reported"]
    delayed = [one for one in computers if one.is_delayed]
    unplaced = [one for one in computers if not one.room]
    matters = (
        (
            silent,
            counted("{n} computer is silent.", "{n} computers are silent.", len(silent)),
            say("Switch them on and see whether the program runs; a computer that is gone can stay off this list."),
            place,
        ),
        (
            copied,
            counted("{n} key is used by two computers.", "{n} keys are used by two computers each.", len(copied)),
            say("Enrol the copy anew: delete the program's state folder there and use a new token."),
            f"/it/enrol/{address}",
        ),
        (
            never,
            counted("{n} computer never reported.", "{n} computers never reported.", len(never)),
            say("See whether the program runs there and reaches this collector: netready-agent status."),
            place,
        ),
        (
            delayed,
            counted("Reports pile up on {n} computer.", "Reports pile up on {n} computers.", len(delayed)),
            say("See whether these computers reach this collector all the time, and whether their clocks are right."),
            place,
        ),
        (
            unplaced,
            counted("{n} computer has no room.", "{n} computers have no room.", len(unplaced)),
            say("Enrol it again with --room, so that its results count for a room; nothing is lost by that."),
            place,
        ),
    )
    return [Task(what=what, how=how, place=where, names=_names(ones)) for ones, what, how, where in matters if ones]


def _names(computers: Sequence[ComputerHealth]) -> tuple[str, ...]:
    return tuple(one.room or one.id[:12] for one in computers[:_NAMED])


def _rooms(covered: SchoolCoverage, address: str) -> Iterable[Task]:
    place = f"/rooms/{address}"
    if not covered.by_room:
        yield Task(
            what=say("No rooms are known."),
            how=say("Walk through the school with a laptop: netready-agent survey --room LABEL --floor FLOOR."),
            place=place,
        )
    failing = [one.room for one in covered.by_room if one.measured and not one.passes]
    if failing:
        yield Task(
            what=counted("In {n} room the Wi-Fi does not pass.", "In {n} rooms the Wi-Fi does not pass.", len(failing)),
            how=say("Put an access point in or near it, or use a cable there."),
            place=place,
            names=tuple(failing[:_NAMED]),
        )
    unseen = [one.room for one in covered.by_room if not one.measured]
    if unseen:
        yield Task(
            what=counted("{n} room was not measured.", "{n} rooms were not measured.", len(unseen)),
            how=say("Stop there with a laptop: netready-agent survey --room LABEL."),
            place=place,
            names=tuple(unseen[:_NAMED]),
        )


def _registry(school: SchoolRecord) -> Iterable[Task]:
    office = say("Ask the education office to enter it in the registry; the next import brings it here.")
    if school.pupils is None:
        yield Task(
            what=say("The registry does not say how many pupils there are, so the target is not known."), how=office
        )
    if school.operator is None:
        yield Task(what=say("The registry names no telecom operator, so nobody answers for the line."), how=office)
    if school.download_contracted_bps is None or school.upload_contracted_bps is None:
        yield Task(
            what=say("The registry has no contract speeds, so the line cannot be held against them."), how=office
        )
    if school.connectivity_type is None:
        yield Task(what=say("The registry does not say what kind of line the school has."), how=office)
