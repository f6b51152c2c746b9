"""What ``netready-agent diagnose`` shows: the cause, the sentence, and the figures it rests on."""

from collections.abc import Iterator

from agent.contract.causes import Diagnosis, Evidence
from agent.diagnosis.finding import mbit


def lines(diagnosis: Diagnosis) -> Iterator[str]:
    """Return the diagnosis for people, one fact a line."""
    yield f"{diagnosis.cause.replace('_', ' ')} ({diagnosis.confidence} confidence)"
    yield diagnosis.sentence
    for heading, figures in (("Why", diagnosis.evidence), ("Against it", diagnosis.counter_evidence)):
        for number, one in enumerate(figures):
            yield f"{heading if number == 0 else '':<12}{_words(one)}"
    for number, what in enumerate(diagnosis.missing):
        yield f"{'Missing' if number == 0 else '':<12}{what}"
    for number, defect in enumerate(diagnosis.defects):
        yield f"{'Besides' if number == 0 else '':<12}{defect.sentence}"
    yield f"{'Rules':<12}{diagnosis.rules_version}"


def _words(one: Evidence) -> str:
    when = f", {one.reference.started_at.astimezone():%Y-%m-%d %H:%M}" if one.reference.started_at else ""
    overturned = f"; overturned by {one.overturned_by}" if one.overturned_by else ""
    if one.unit == "mark":
        return f"{one.figure}{when}{overturned}"
    is_rate = one.unit == "bit/s"
    value = f"{mbit(one.value)} Mbit/s" if is_rate else f"{one.value:.3g} {one.unit}"
    limit = ""
    if one.threshold is not None:
        limit = f" (held against {mbit(one.threshold) if is_rate else f'{one.threshold:g}'})"
    return f"{one.figure}: {value}{limit}{when}{overturned}"
