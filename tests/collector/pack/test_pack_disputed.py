"""Disputes in the evidence pack: who disputes what, until when, and what was decided."""

import hashlib
from datetime import date, timedelta

import pytest

from collector.agreements import disputes
from collector.agreements.disputes import Decision, Objection, Occasion, Piece, working_days
from collector.pack import printing
from collector.pack.contents import contents
from collector.pack.speech import Speech
from collector.pack.words import LANGUAGES
from collector.store.audit import Who
from collector.store.database import Role, Viewer
from tests.collector.pack.conftest import CLOSED, SETTINGS, case_of, text_of


@pytest.fixture
def dispute(database, breach):
    """Open a dispute of the breach, a working day later, and attach a file; ``at`` gives the moment of a step."""

    def at(days: int, role: Role | None = "operator", scope: str | None = "Alpha") -> Occasion:
        return Occasion(Who("a desk", role, scope), CLOSED + timedelta(days=days), working_days(SETTINGS.policy))

    viewer = Viewer("operator", "Alpha")
    said = Objection(school="0101", month="2026-09", version=1, claim="Our port\nwas *fast*: " + "x" * 2_000)
    with database.reading(viewer) as connection:
        judged = disputes.judged(connection, said, viewer)
    with database.ingesting() as connection:
        made = disputes.open_one(connection, said, judged, at(1))
        piece = Piece(name="port.csv", content=b"1;2", text="counters of the port")
        disputes.attach(connection, made.id, piece, at(2))
    return made, at


def test_a_dispute_is_shown_with_its_deadlines(database, breach, dispute):
    """Who disputes what, until when, with which files; nobody but who may see it."""
    made, _ = dispute
    for language in LANGUAGES:
        text = text_of(printing.pdf(case_of(database), language))
        assert made.id in text
        assert "Our port was *fast*: x" in text
        assert "[…]" in text
        assert hashlib.sha256(b"1;2").hexdigest() in text.replace(" ", "")
        assert Speech(language).day(made.evidence_until) in text
        assert Speech(language).day(made.decide_until) in text
    case = case_of(database)
    first = contents(case, Speech("en"))["more"][-1]
    assert first == f"The operator disputes version 1 of the verdict; this is to be decided by {made.decide_until}."
    assert case.dispute_until is None


@pytest.mark.parametrize(("outcome", "said"), [("upheld", "true"), ("partly", "partly true"), ("rejected", "not true")])
def test_a_decision_is_told_in_a_sentence(database, breach, dispute, outcome, said):
    """What was decided, when, by whom and why; the verdict that it was about keeps its own words."""
    made, at = dispute
    with database.ingesting() as connection:
        decision = Decision(outcome=outcome, reason="The counters\nare of another port.")
        disputes.decide(connection, made.id, decision, at(9, "ministry", None))
    told = contents(case_of(database, version=1), Speech("en"))
    day = CLOSED.date() + timedelta(days=9)
    sentence = f"The operator disputed version 1 of the verdict; on {day} it was decided that its claim is {said}."
    assert sentence in told["more"]
    text = text_of(printing.pdf(case_of(database, version=1), "en"))
    assert f"what the operator claims is {said}; decided on {day} by a desk" in text
    assert "The counters are of another port." in text


def test_how_long_a_verdict_can_be_disputed(database, breach):
    """A breach that nobody disputes says until when somebody may; in working days after it was made."""
    case = case_of(database)
    assert case.dispute_until == date(2026, 10, 19)
    text = text_of(printing.pdf(case, "en"))
    assert (
        "This version of the verdict is not disputed; the operator may dispute it until 2026-10-19, included." in text
    )
