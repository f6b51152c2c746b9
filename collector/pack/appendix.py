"""The second half of a pack: what did not count, the method, how to check it, and every test."""

import base64
import shlex
from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby
from typing import Any
from urllib.parse import urlsplit

from collector.pack.charts import own_stretches
from collector.pack.gathering import Case
from collector.pack.speech import Speech
from collector.store.verdicts import PRELIMINARY
from collector.verdicts.heard import Heard, Source
from collector.verdicts.judge import Judgement
from collector.verdicts.rules import Numbers
from collector.verdicts.terms import WAYS, Way

Block = dict[str, Any]
_SHOWN_OF_KEY = 8


def reasons(case: Case, speech: Speech) -> Iterator[Block]:
    """Say how many tests did not count, by reason."""
    counted = case.verdict.verdict.excluded
    if not case.verdict.verdict.tests and not counted:
        return
    yield {"kind": "heading", "text": speech.say("reasons")}
    if not counted:
        yield {"kind": "text", "text": speech.say("reasons.none")}
        return
    ordered = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    rows = [[speech.say(f"reason.{name}"), speech.number(number)] for name, number in ordered]
    head = [speech.say("reasons.why"), speech.say("reasons.count")]
    yield {"kind": "table", "head": head, "rows": rows, "widths": [0, 0], "right": [1]}


def method(case: Case, speech: Speech) -> Iterator[Block]:
    """Say in plain words how lines are judged, and where that comes from."""
    by = case.standard
    yield {"kind": "heading", "text": speech.say("method")}
    held = own_stretches(case.facts)
    numbers = by.rules.get(held[-1].terms.rule) if held else None
    if numbers is not None:
        yield {"kind": "text", "text": _rule(numbers, speech)}
    eligible, sure = by.eligibility, by.statistics
    yield {"kind": "text", "text": speech.say("method.slots", minutes=sure.slot_minutes.value)}
    yield {
        "kind": "text",
        "text": speech.say(
            "method.may speak",
            headroom=speech.number(eligible.link_headroom.value, 2),
            busy=speech.share(float(eligible.cpu_busy_ratio.value)),
            own=speech.share(float(eligible.own_traffic_ratio.value)),
        ),
    }
    yield {"kind": "text", "text": speech.say("method.others")}
    yield {
        "kind": "text",
        "text": speech.say(
            "method.chance",
            risk=speech.share(float(sure.risk.value)),
            discovery=speech.share(float(sure.discovery.value)),
            effective=sure.effective_slots.value,
            days=sure.days.value,
        ),
    }
    yield {"kind": "text", "text": speech.say("method.outages")}
    yield {"kind": "text", "text": speech.say("method.exclusions", hours=by.exclusions.announced_h.value)}
    yield {"kind": "heading", "text": speech.say("sources")}
    if numbers is not None:
        yield {"kind": "note", "text": speech.say("sources.rule", source=numbers.source)}
        if numbers.not_verified:
            yield {"kind": "note", "text": speech.say("sources.unverified", text=numbers.not_verified)}
    yield {"kind": "note", "text": speech.say("sources.statistics")}
    yield {"kind": "note", "text": speech.say("sources.log")}


def _rule(numbers: Numbers, speech: Speech) -> str:
    def share(text: str) -> str:
        return speech.share(float(Fraction(text)))

    if numbers.kind == "german":
        return speech.say(
            "method.german",
            days=share(numbers.best_days),
            best=share(numbers.best_share),
            normal=share(numbers.normal_share),
            least=share(numbers.least_share),
        )
    return speech.say(
        "method.shares",
        slots=share(numbers.slot_share),
        speed=share(numbers.speed_share),
        rtt=share(numbers.rtt_share),
    )


def checking(case: Case, speech: Speech) -> Iterator[Block]:
    """Say how anybody checks all this, with the hashes and the place in the log."""
    one, told = case.verdict, case.verdict.verdict
    yield {"kind": "heading", "text": speech.say("check")}
    yield {"kind": "text", "text": speech.say("check.why")}
    if one.version == PRELIMINARY:
        yield {"kind": "text", "text": speech.say("check.preliminary")}
    else:
        which = f"{one.school}/{one.line}/{one.month}/{one.operator}/{one.version}"
        key = case.place.key if case.place is not None else "KEY"
        yield {"kind": "text", "text": speech.say("check.export")}
        yield {
            "kind": "code",
            "text": f"netready-collector evidence export --verdict {shlex.quote(which)} -o evidence.jsonl",
        }
        yield {"kind": "text", "text": speech.say("check.verify")}
        yield {
            "kind": "code",
            "text": f"netready-collector evidence verify evidence.jsonl --log-key {shlex.quote(key)}",
        }
        yield {"kind": "text", "text": speech.say("check.compare")}
    rows = [
        ("hash.verdict", one.sha256),
        ("hash.reports", told.reports_sha256),
        ("hash.facts", told.facts_sha256),
        ("hash.standard", told.standard_sha256),
        ("hash.causes", told.causes_sha256),
        ("rules.version", case.standard.version),
        *_log(case, speech),
    ]
    yield {"kind": "hashes", "rows": [{"label": speech.say(key), "value": value} for key, value in rows]}


def _log(case: Case, speech: Speech) -> Iterator[tuple[str, str]]:
    if case.verdict.version == PRELIMINARY:
        return
    place = case.place
    if place is None:
        yield "log.index", speech.say("log.waits")
        return
    yield from (("log.origin", place.origin), ("log.key", place.key), ("log.index", str(place.index)))
    if place.signed is None:
        yield "log.checkpoint", speech.say("log.unsigned")
        return
    at = speech.moment(case.facts.lessons.slot_of(place.signed.at, 1))
    yield "log.checkpoint", speech.say("log.checkpoint.of", size=speech.number(place.signed.size), at=at)
    yield "log.root", base64.b64encode(place.signed.root).decode()
    yield "log.witnesses", speech.joined(place.signed.witnesses) or speech.say("log.nobody")


def tests(case: Case, speech: Speech) -> Iterator[Block]:
    """List every test with what it said, and why where it did not count."""
    if case.judgement is None or not case.judgement.tests:
        return
    used = _used(case.judgement)
    by_source: dict[Source, list[Heard]] = defaultdict(list)
    for one in case.judgement.tests:
        by_source[one.source].append(one)
    ordered = sorted(by_source.values(), key=lambda ways: (ways[0].at, ways[0].source))
    rows: list[Any] = []
    for day, members in groupby(ordered, key=lambda ways: case.facts.lessons.slot_of(ways[0].at, 1).date()):
        rows.append({"day": speech.weekday(day)})
        rows += [_test(case, case.judgement, ways, used, speech) for ways in members]
    columns = ("time", "computer", "server", "download", "upload", "counted")
    yield {"kind": "heading", "text": speech.say("tests")}
    note = speech.say("tests.note", zone=case.facts.lessons.timetable.time_zone)
    yield {"kind": "tests", "note": note, "head": [speech.say(f"tests.{name}") for name in columns], "rows": rows}


def _used(judgement: Judgement) -> set[tuple[Source, Way]]:
    return {
        (source, slot.way)
        for one in judgement.asked
        for slot in one.outcomes
        if slot.good is not None
        for source in slot.spoke
    }


def _test(
    case: Case, judgement: Judgement, ways: list[Heard], used: set[tuple[Source, Way]], speech: Speech
) -> list[str]:
    first = ways[0]
    rates = {one.way: one for one in ways}
    return [
        speech.clock(case.facts.lessons.slot_of(first.at, 1)),
        f"{first.source.agent[:_SHOWN_OF_KEY]} / {first.source.sequence}",
        urlsplit(first.server).netloc or first.server,
        *(_rate(rates.get(way), used, speech) for way in WAYS),
        _counted(judgement, ways, used, speech),
    ]


def _rate(one: Heard | None, used: set[tuple[Source, Way]], speech: Speech) -> str:
    if one is None or one.rate is None:
        return speech.say("none")
    value = speech.speed(one.rate.value_bps)
    if one.rate.high_bps is None:
        value = speech.say("at least", value=value)
    return value if (one.source, one.way) in used else speech.say("in brackets", value=value)


def _counted(judgement: Judgement, ways: list[Heard], used: set[tuple[Source, Way]], speech: Speech) -> str:
    """Say why a test, or a direction of it, did not count; where all of it did, that it did."""
    left = [one for one in ways if (one.source, one.way) not in used]
    if not left:
        return speech.say("tests.used")
    why = dict.fromkeys(reason for one in left for reason in (*one.void, *one.weak))
    if any(_is_narrow(judgement, one) for one in left):
        why["link_narrow"] = None
    told = [speech.say(f"reason.{reason}") for reason in why]
    return speech.joined(told) if told else speech.say("tests.silent")


def _is_narrow(judgement: Judgement, one: Heard) -> bool:
    levels = [asked.level for asked in judgement.asked if asked.level is not None and asked.level.way == one.way]
    return one.link_bps is not None and any(one.link_bps < level.link_bps for level in levels)
