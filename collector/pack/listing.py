"""Every test of a month as a table: what it said, and why where it did not count; pure.

A month can have six hundred of them: reasons go by number and servers by letter, so that two columns fit on a page.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from typing import Any

from msgspec import Struct

from collector.pack.gathering import Case
from collector.pack.speech import Speech
from collector.verdicts.heard import Heard, Source
from collector.verdicts.judge import Judgement
from collector.verdicts.terms import WAYS, Way

Block = dict[str, Any]
_COLUMNS = ("time", "computer", "download", "upload", "server", "counted")
_SHOWN_OF_KEY = 8


class _Test(Struct, frozen=True):
    """A test in both directions, and by which names the catalogue knows why some of it did not count."""

    ways: list[Heard]
    why: list[str]

    @property
    def server(self) -> str:
        return self.ways[0].server.partition("://")[2].partition("/")[0] or self.ways[0].server


class _Marks(Struct, frozen=True):
    """Which number stands for a reason, which letter for a server, and which tests the judged half hours rest on."""

    reasons: dict[str, str]
    servers: dict[str, str]
    used: set[tuple[Source, Way]]


def tests(case: Case, speech: Speech) -> Iterator[Block]:
    """List every test."""
    if case.judgement is None or not case.judgement.tests:
        return
    used = _used(case.judgement)
    found = _found(case.judgement, used)
    counted = Counter(chain.from_iterable(one.why for one in found)).most_common()
    marks = _Marks(
        reasons={name: str(place) for place, (name, _) in enumerate(counted, start=1)},
        servers={name: _letter(place) for place, name in enumerate(dict.fromkeys(one.server for one in found))},
        used=used,
    )
    yield {"kind": "heading", "text": speech.say("tests")}
    yield {
        "kind": "tests",
        "note": speech.say("tests.note", zone=case.facts.lessons.timetable.time_zone),
        "keys": list(_keys(marks, speech)),
        "head": [speech.say(f"tests.{name}") for name in _COLUMNS],
        "rows": list(_rows(case, found, marks, speech)),
    }


def _found(judgement: Judgement, used: set[tuple[Source, Way]]) -> list[_Test]:
    by_source: dict[Source, list[Heard]] = defaultdict(list)
    for one in judgement.tests:
        by_source[one.source].append(one)
    ordered = sorted(by_source.values(), key=lambda ways: (ways[0].at, ways[0].source))
    return [_Test(ways, _why(judgement, ways, used)) for ways in ordered]


def _keys(marks: _Marks, speech: Speech) -> Iterator[str]:
    servers = [speech.say("tests.key", mark=mark, text=name) for name, mark in marks.servers.items()]
    yield speech.say("tests.servers", servers=speech.joined(servers))
    if marks.reasons:
        reasons = [speech.say("tests.key", mark=mark, text=speech.say(name)) for name, mark in marks.reasons.items()]
        yield speech.say("tests.reasons", reasons=speech.joined(reasons))


def _rows(case: Case, found: Sequence[_Test], marks: _Marks, speech: Speech) -> Iterator[Any]:
    for day, members in groupby(found, key=lambda one: case.facts.lessons.slot_of(one.ways[0].at, 1).date()):
        yield {"day": speech.weekday(day)}
        for one in members:
            says = ", ".join(marks.reasons[name] for name in one.why) or speech.say("tests.used")
            yield [*_figures(case, one.ways, marks.used, speech), marks.servers[one.server], says]


def _used(judgement: Judgement) -> set[tuple[Source, Way]]:
    return {
        (source, slot.way)
        for one in judgement.asked
        for slot in one.outcomes
        if slot.good is not None
        for source in slot.spoke
    }


def _figures(case: Case, ways: Sequence[Heard], used: set[tuple[Source, Way]], speech: Speech) -> list[str]:
    first, rates = ways[0], {one.way: one for one in ways}
    key = first.source.agent[:_SHOWN_OF_KEY]
    return [
        speech.clock(case.facts.lessons.slot_of(first.at, 1)),
        speech.say("tests.record", agent=key) if first.source.test_id else f"{key} / {first.source.sequence}",
        *(_rate(rates.get(way), used, speech) for way in WAYS),
    ]


def _letter(place: int) -> str:
    """Return A to Z, then AA, AB and so on."""
    before, letter = divmod(place, 26)
    return (_letter(before - 1) if before else "") + chr(ord("A") + letter)


def _rate(one: Heard | None, used: set[tuple[Source, Way]], speech: Speech) -> str:
    if one is None or one.rate is None:
        return speech.say("none")
    value = speech.speed(one.rate.value_bps)
    if one.rate.high_bps is None:
        value = speech.say("at least", value=value)
    return value if (one.source, one.way) in used else speech.say("in brackets", value=value)


def _why(judgement: Judgement, ways: Sequence[Heard], used: set[tuple[Source, Way]]) -> list[str]:
    """Return by which names the catalogue knows why a test, or a direction of it, did not count."""
    left = [one for one in ways if (one.source, one.way) not in used]
    why = dict.fromkeys(f"reason.{reason}" for one in left for reason in (*one.void, *one.weak))
    if any(_is_narrow(judgement, one) for one in left):
        why["reason.link_narrow"] = None
    return list(why) if why or not left else ["tests.silent"]


def _is_narrow(judgement: Judgement, one: Heard) -> bool:
    levels = [asked.level for asked in judgement.asked if asked.level is not None and asked.level.way == one.way]
    return one.link_bps is not None and any(one.link_bps < level.link_bps for level in levels)
