"""Reports that a verdict does not rest on: what shows that they are of other days, and what cannot be shown."""

import hashlib
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from msgspec import structs

from collector import ingest
from collector.evidence import bundle
from collector.judging import gathering
from collector.store.database import Viewer
from collector.verdicts.facts import Known
from tests.collector.evidence.conftest import CLOSED, judge_again, verified
from tests.fakes import halves, lines, sessions

ALPHA = Viewer("operator", "Alpha")
NEAR, FAR = "198.51.100.0/24", "203.0.113.0/24"
AUGUST = datetime(2026, 8, 28, 4, tzinfo=UTC)


def records_of(whole, kind):
    return [line.record for line in bundle.read(whole) if isinstance(line.record, kind)]


def is_good(one) -> bool:
    return b'"ip_bps":95000000' in one.payload


@pytest.fixture
def mixed(place):
    """A sound month, of which a few half hours of each day are bad."""
    computer = place.school()
    place.contract()
    place.deliver(lines.month(computer, [[95.0] * 4 + [60.0] * 2] * 21))
    place.judge()
    place.sign()
    return place


@pytest.mark.parametrize("is_whole", [True, False])
def test_good_reports_cannot_be_called_others(mixed, monkeypatch, is_whole):
    """Whoever has database and log key cannot judge by the bad reports alone, and call the good ones others."""
    real_facts, real_drawn = gathering.facts_of, gathering.drawn_from

    def forged(*given, **named):
        for one in real_facts(*given, **named):
            kept = tuple(each for each in one.reports if not is_good(each))
            low, high = (pick(each.sequence for each in kept) for pick in (min, max))
            hidden = [
                Known(agent=each.agent, sequence=each.sequence, sha256=hashlib.sha256(each.payload).hexdigest())
                for each in one.reports
                if is_good(each) and low - 1 <= each.sequence <= high
            ]
            yield structs.replace(one, reports=kept, known=tuple(hidden))

    def drawn(*given, **named):
        reports, records = real_drawn(*given, **named)
        return [one for one in reports if not is_good(one)], records

    monkeypatch.setattr(gathering, "facts_of", forged)
    monkeypatch.setattr(gathering, "drawn_from", drawn)
    if not is_whole:
        monkeypatch.setattr("collector.bundles.exporting._stray", lambda *_: {})
    judge_again(mixed, CLOSED + timedelta(hours=2))
    whole = mixed.export(now=CLOSED + timedelta(days=1), school="0101", month="2026-09")
    told = verified(whole, mixed.key())
    assert told.verdicts[0].state == "breach"
    assert not told.holds()
    words = "and the verdict does not rest on it" if is_whole else "nothing shows that it is of another"
    assert {one.what.partition(": it ")[2][-len(words) :] for one in told.findings} == {words}


def test_a_wrong_clock_between_right_ones(place):
    """A computer that started with an old date is shown with that report, and the bundle proves."""
    computer = place.school()
    place.contract()
    days = [[95.0, 60.0]] * 8
    first = lines.month(computer, days[:4])
    stray = computer.reports(first[-1].received_at + timedelta(hours=1), created_at=datetime(2015, 1, 1, tzinfo=UTC))
    last = [
        computer.reports(at, sessions.cable(), sessions.throughput(95e6, started_at=at - timedelta(seconds=10)))
        for at in lines.school_days(8)[4:]
    ]
    place.deliver([*first, stray, *last])
    place.judge()
    place.sign()
    whole = place.export(school="0101", month="2026-09")
    told = verified(whole, place.key())
    assert told.holds(), told.findings
    [stub] = records_of(whole, bundle.StubRecord)
    assert (stub.sequence, stub.payload) == (stray.sequence, stray.payload.decode())


def test_reports_before_the_month_are_told(place):
    """What stands at the edges nobody can show to be of other days: how many there are is said."""
    computer = place.school()
    place.contract()
    before = computer.reports(AUGUST, sessions.cable(), monotonic_s=100.0)
    place.deliver([before, *lines.month(computer, [[60.0, 95.0]] * 8)])
    place.judge()
    place.sign()
    told = verified(place.export(school="0101", month="2026-09"), place.key())
    assert told.holds(), told.findings
    assert any(one.what.startswith("reports that are not shown: 1;") for one in told.unchecked)


def two_lines_in_august(place):
    """Until the end of August the school had a line of Beta's beside that of Alpha's."""
    computer = place.school()
    place.contract(valid_from=date(2026, 8, 1), networks=(NEAR,))
    other = {"line": "2", "contract": "B-1", "operator": "Beta", "networks": (FAR,)}
    place.contract(**other, valid_from=date(2026, 8, 1), valid_to=date(2026, 8, 31))
    test = sessions.throughput(33e6, started_at=AUGUST - timedelta(seconds=10), test_id="b" * 32)
    return computer, structs.replace(test, record=halves.recorded(test, 1, peer="203.0.113.0"))


def test_an_earlier_report_of_a_day_with_two_lines(place):
    """It shows that a clock was right, and all the same nobody is shown another operator's line by it."""
    computer, test = two_lines_in_august(place)
    one = computer.reports(AUGUST, sessions.cable(), test, monotonic_s=100.0)
    computer.boot = "another"
    with place.database.ingesting() as connection:
        ingest.accept(connection, [msgspec.json.encode(one.envelope)], one.received_at)
    month = lines.month(computer, [[60.0, 95.0]] * 8)
    month[0] = structs.replace(month[0], received_at=month[0].received_at + timedelta(minutes=20))
    place.deliver(month)
    place.judge()
    place.sign()
    whole = place.export(viewer=ALPHA, school="0101", month="2026-09")
    assert min(one.received_at for one in records_of(whole, bundle.ReportRecord)) > lines.FIRST
    assert not any(b"33000000" in line for line in whole)
    told = verified(whole, place.key())
    assert told.holds(), told.findings


def test_a_fork_of_a_day_with_two_lines(place):
    """The report is not shown, and why is told."""
    computer, test = two_lines_in_august(place)
    place.deliver([computer.reports(AUGUST - timedelta(minutes=5), sessions.cable(), monotonic_s=1.0)])
    computer.previous = "0" * 64
    place.deliver([computer.reports(AUGUST, sessions.cable(), test, monotonic_s=301.0)])
    place.deliver(lines.month(computer, [[60.0, 95.0]] * 8))
    place.judge()
    place.sign()
    whole = place.export(viewer=ALPHA, now=CLOSED + timedelta(days=1), school="0101", month="2026-09")
    [fork] = records_of(whole, bundle.ForkRecord)
    assert (fork.payload, fork.why) == (None, "of a day with two lines")
    told = verified(whole, place.key())
    assert told.holds(), told.findings
    assert any(one.what.endswith("the report is of a day with two lines") for one in told.unchecked)
