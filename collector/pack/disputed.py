"""What a pack says of disputes: in a sentence for the first page, and whole further on; pure."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from collector.pack.gathering import Case
from collector.pack.speech import Speech
from collector.verdicts.disputes import Dispute

Block = dict[str, Any]


def sentences(case: Case, speech: Speech) -> list[str]:
    """Return a sentence for each dispute."""
    found = []
    for one in case.disputes:
        at, decide = _day(case, speech, one.steps[-1].at), speech.day(one.decide_until)
        found.append(speech.say(f"disputed.{_end(one)}", version=one.about.version, at=at, decide=decide))
    return found


def blocks(case: Case, speech: Speech) -> Iterator[Block]:
    """Return what is disputed, by whom, until when, and what was decided."""
    if not case.disputes and case.dispute_until is None:
        return
    yield {"kind": "heading", "text": speech.say("disputes")}
    if case.dispute_until is not None:
        yield {"kind": "text", "text": speech.say("disputes.until", until=speech.day(case.dispute_until))}
    for one in case.disputes:
        rows = [{"label": speech.say(key), "value": value} for key, value in _rows(case, speech, one)]
        yield {"kind": "records", "rows": rows}


def _rows(case: Case, speech: Speech, one: Dispute) -> Iterator[tuple[str, str]]:
    first, last = one.steps[0], one.steps[-1]
    opened = {"id": one.id, "version": one.about.version, "author": first.author}
    yield "dispute", speech.say("dispute.of", at=_day(case, speech, first.at), **opened)
    days = {"evidence": speech.day(one.evidence_until), "decide": speech.day(one.decide_until)}
    yield "dispute.times", speech.say("dispute.times.of", **days)
    yield "dispute.claim", speech.cut(first.text)
    for step in one.steps:
        if step.attached is not None:
            file = {"name": step.attached.name, "size": speech.number(step.attached.size), "author": step.author}
            at, text = _day(case, speech, step.at), speech.cut(step.text)
            yield "dispute.file", speech.say("dispute.file.of", at=at, text=text, **file)
            yield "dispute.hash", step.attached.sha256
    ended = {"at": _day(case, speech, last.at), "author": last.author, "text": speech.cut(last.text)}
    yield "dispute.end", speech.say(f"dispute.{_end(one)}", **ended)
    if one.state == "decided":
        yield "dispute.reason", speech.cut(last.text)
    if one.exclusions:
        yield "dispute.exclusions", speech.number(len(one.exclusions))


def _end(one: Dispute) -> str:
    return one.outcome or one.state


def _day(case: Case, speech: Speech, at: datetime) -> str:
    return speech.day(case.facts.lessons.slot_of(at, 1).date())
