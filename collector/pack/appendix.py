"""The second half of a pack: what did not count, the method, and how to check it."""

import base64
import shlex
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from collector.pack.gathering import Case
from collector.pack.speech import Speech
from collector.store.verdicts import PRELIMINARY
from collector.verdicts.rules import Numbers

Block = dict[str, Any]
_FILE = "evidence.jsonl.gz"


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
    held = case.facts.stretches
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
        yield {"kind": "note", "cited": True, "text": speech.say("sources.rule", source=numbers.source)}
        if numbers.not_verified:
            yield {"kind": "note", "cited": True, "text": speech.say("sources.unverified", text=numbers.not_verified)}
    yield {"kind": "note", "cited": True, "text": speech.say("sources.statistics")}
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
        wanted = {"school": one.school, "line": one.line, "month": one.month, "version": one.version}
        which = f"{one.school}/{one.line}/{one.month}/{one.operator}/{one.version}"
        key = case.place.key if case.place is not None else "KEY"
        asked = f"https://COLLECTOR/api/v1/evidence/bundle?{urlencode(wanted)}"
        yield {"kind": "text", "text": speech.say("check.ask")}
        yield {"kind": "code", "text": f'curl -o {_FILE} -H "Authorization: Bearer TOKEN" {shlex.quote(asked)}'}
        yield {"kind": "text", "text": speech.say("check.export")}
        yield {"kind": "code", "text": f"netready-collector evidence export --verdict {shlex.quote(which)} -o {_FILE}"}
        yield {"kind": "text", "text": speech.say("check.verify")}
        yield {
            "kind": "code",
            "text": f"pip install netready\nnetready-collector evidence verify {_FILE} --log-key {shlex.quote(key)}",
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
