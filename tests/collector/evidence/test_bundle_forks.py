"""A computer that told two histories: the bundle shows the report that proves it, or says why it does not."""

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec import structs

from collector.evidence import bundle
from collector.judging import gathering
from collector.ledger.keeping import keeping_of
from tests.collector.evidence.conftest import CLOSED, judge_again, kinds, verified
from tests.fakes import lines, sessions

AUGUST = datetime(2026, 8, 28, 4, tzinfo=UTC)


def forked(place, at=AUGUST, valid_from=date(2026, 8, 1)):
    """A month of a computer that told two histories from its second report on."""
    computer = place.school()
    place.contract(valid_from=valid_from)
    place.deliver([computer.reports(at - timedelta(minutes=5), sessions.cable(), monotonic_s=1.0)])
    computer.previous = "0" * 64
    place.deliver([computer.reports(at, sessions.cable(), monotonic_s=301.0)])
    place.deliver(lines.month(computer, [[60.0, 95.0]] * 8))
    place.judge()
    place.sign()
    return computer


def september(place) -> list[bytes]:
    return place.export(now=CLOSED + timedelta(days=1), school="0101", month="2026-09")


def forks_of(whole) -> list[bundle.ForkRecord]:
    return [line.record for line in bundle.read(whole) if isinstance(line.record, bundle.ForkRecord)]


def changed(place, whole, change) -> list[bytes]:
    """Write a bundle anew and seal it, each fork as ``change`` makes of it; null leaves it out."""
    writer = bundle.Writer()
    found = [line.record for line in bundle.read(whole)][:-1]
    records = [change(one) if isinstance(one, bundle.ForkRecord) else one for one in found]
    return [*(writer.line(one) for one in records if one), writer.seal(keeping_of(place.settings).made_key())]


@pytest.mark.parametrize("at", [AUGUST, lines.FIRST - timedelta(hours=1)])
def test_a_fork_is_shown(place, at):
    """Be it of this month or an earlier one, the report is there with what shows that it does not continue."""
    forked(place, at)
    whole = september(place)
    told = verified(whole, place.key())
    assert told.holds(), told.findings
    assert told.verdicts[0].state == "insufficient"
    assert [one.what for one in told.unchecked if "two histories" in one.what] == []
    (one,) = forks_of(whole)
    assert (one.sequence, one.why) == (2, None)


def test_a_fork_of_another_operators_days(place):
    """The report is not shown: the log's entries of both are, and that it is not shown is told."""
    forked(place, valid_from=date(2026, 9, 1))
    whole = september(place)
    told = verified(whole, place.key())
    assert told.holds(), told.findings
    sentences = [one.what for one in told.unchecked if "two histories" in one.what]
    assert [one.rsplit("report ", 1)[1] for one in sentences] == ["is not of this line"]
    (one,) = forks_of(whole)
    assert one.payload is one.signature is None
    assert None not in (one.before, one.place)


def test_a_fork_whose_reports_are_not_kept(place):
    """It is told by the entries of both, which are kept for longer."""
    forked(place)
    with place.database.owning() as connection:
        connection.execute("delete from report where sequence <= 2")
    whole = september(place)
    told = verified(whole, place.key())
    assert told.holds(), told.findings
    assert [one.why for one in forks_of(whole)] == ["not kept"]
    assert any(one.what.endswith("not shown, the report is not kept") for one in told.unchecked)


def test_a_fork_that_nobody_shows(place):
    """Left out, with another reason than the true one, or with another report it does not prove."""
    computer = forked(place, valid_from=date(2026, 6, 1))
    whole = september(place)
    honest = next(line.record for line in bundle.read(whole) if isinstance(line.record, bundle.ReportRecord))
    hidden = {"payload": None, "signature": None}
    first = honest.sequence
    changes = {
        "facts": lambda _: None,
        "fork": lambda one: structs.replace(one, **hidden),
        "fork, of another line": lambda one: structs.replace(one, **hidden, why="not of this line"),
        "fork, signed by nobody": lambda one: structs.replace(one, signature=b"\0" * 64),
        "fork, of another number": lambda one: structs.replace(one, sequence=first),
        "fork, that is none": lambda one: structs.replace(one, before_sha256="0" * 64),
        "fork, of another report": lambda one: structs.replace(
            one, payload=honest.payload, signature=honest.signature, place=honest.place
        ),
    }
    assert computer.agent == honest.agent
    for named, change in changes.items():
        forged = changed(place, whole, change)
        told = verified(forged, place.key())
        assert not told.holds(allow_pending=True), named
        assert named.split(",")[0] in {kinds(forged)[one.line - 1] for one in told.findings}, named


@pytest.mark.parametrize("sequence", [3, 10, 1])
def test_a_fork_that_there_was_not(month, monkeypatch, sequence):
    """Whoever has the database and the log's key cannot call a computer's honest reports two histories."""
    real = gathering.facts_of

    def forged(*given, **named):
        for one in real(*given, **named):
            yield structs.replace(one, keys=tuple(structs.replace(key, forked_from=sequence) for key in one.keys))

    monkeypatch.setattr(gathering, "facts_of", forged)
    judge_again(month, CLOSED + timedelta(hours=2))
    whole = september(month)
    told = verified(whole, month.key())
    assert not told.holds(allow_pending=True)
    assert {kinds(whole)[one.line - 1] for one in told.findings} <= {"facts", "fork"}
    for why in ("not kept", "not of this line"):
        hidden = {"payload": None, "signature": None, "why": why}
        lied = changed(month, whole, lambda one, hidden=hidden: structs.replace(one, **hidden))
        assert not verified(lied, month.key()).holds(allow_pending=True)
