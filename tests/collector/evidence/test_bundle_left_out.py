"""A verdict whose evidence cannot be written stops no others: the bundle says which one it is, and why."""

import argparse
import contextlib
import hashlib
from datetime import timedelta

import pytest
from msgspec import structs

from collector.bundles import cli
from collector.bundles.exporting import Export
from collector.evidence import bundle, threshold, verifying
from collector.evidence.bundle import Wanted
from collector.ledger.keeping import keeping_of
from collector.store import agreements
from collector.store.database import MINISTRY
from collector.verdicts.disputes import Attached, Disputed, Step
from collector.verdicts.exclusions import Exclusion
from tests.collector.evidence.conftest import CLOSED, Place, kinds, verified
from tests.fakes import lines

LONG = 20_000


@pytest.fixture
def alpha(place):
    """Alpha's three lines, of which the second has facts that are longer than a line may be."""
    for number in (1, 2, 3):
        school = f"010{number}"
        computer = place.school(school, seed=number)
        place.contract(school=school, contract=f"A-{number}")
        place.deliver(lines.month(computer, [[60.0, 95.0]] * 8))
    works = Exclusion(
        id="0" * 16,
        state="claimed",
        kind="planned_works",
        school="0102",
        operator="Alpha",
        begins=lines.FIRST,
        ends=lines.FIRST + timedelta(hours=1),
        announced_at=lines.FIRST - timedelta(days=9),
        recorded_at=lines.FIRST - timedelta(days=9),
        author="Alpha",
    )
    with place.database.owning() as connection:
        for number in range(60):
            agreements.keep_exclusion(connection, structs.replace(works, id=f"{number:016x}"), "KZ-75", ["Alpha"])
    place.judge()
    place.sign()
    return place


def exported(place: Place, **wanted) -> tuple[Export, list[bytes]]:
    export = Export(place.database, place.settings, MINISTRY, Wanted(month="2026-09", **wanted), CLOSED)
    return export, b"".join(export.chunks()).splitlines(keepends=True)


def test_one_schools_facts_are_too_long(alpha, monkeypatch, capsys):
    """The others prove; the one is named, by the verifier too, and how rare a breach had to be is not computed anew."""
    monkeypatch.setattr(bundle, "MAX_LINE_BYTES", LONG)
    export, whole = exported(alpha, operator="Alpha")
    assert [one.school for one in export.left_out] == ["0102"]
    found = kinds(whole)
    assert [one for one in found if one in ("verdict", "left out")] == ["verdict", "left out", "verdict"]
    told = verified(whole, alpha.key())
    assert told.holds(), told.findings
    (one,) = told.left_out
    assert found[one.line - 1] == "left out"
    assert one.what.startswith(
        "school 0102, line 1, 2026-09, Alpha, version 1: it cannot be written: the record (facts)"
    )
    assert [each.school for each in told.verdicts] == ["0101", "0103"]
    assert threshold.NOT_RECOMPUTED not in [each.what for each in told.unchecked]
    verifying.print_told(told, allow_pending=False)
    printed = capsys.readouterr().out
    assert "LEFT OUT: line" in printed
    assert "LEFT OUT: 1 verdicts" in printed


def test_nothing_but_such_a_verdict(alpha, monkeypatch):
    """The bundle says why it is empty, and proves nothing."""
    monkeypatch.setattr(bundle, "MAX_LINE_BYTES", LONG)
    _, whole = exported(alpha, school="0102")
    told = verified(whole, alpha.key())
    assert [one.what for one in told.findings] == ["the bundle shows no verdict"]
    assert len(told.left_out) == 1


def test_left_out_where_it_was_not_asked_for(alpha):
    """A line that speaks of another verdict than was wanted, or out of order, is named."""
    _, whole = exported(alpha, school="0101")
    records = [line.record for line in bundle.read(whole)][:-1]
    named = {"line": "1", "month": "2026-09", "operator": "Alpha", "version": 1, "why": "no reason"}
    for school in ("0102", "0001", "0101"):
        writer = bundle.Writer()
        forged = [writer.line(one) for one in [*records, bundle.LeftOut(school=school, **named)]]
        told = verified([*forged, writer.seal(keeping_of(alpha.settings).made_key())], alpha.key())
        assert not told.holds()
        assert {one.line for one in told.findings} == {len(forged)}


def test_a_verdict_that_is_gone(alpha):
    """What was replaced while the bundle was made is said to be so."""
    export = Export(alpha.database, alpha.settings, MINISTRY, Wanted(month="2026-09"), CLOSED)
    with alpha.database.owning() as connection:
        connection.execute("delete from verdict where school_id = '0103'")
    told = verified(b"".join(export.chunks()).splitlines(keepends=True), alpha.key())
    assert told.holds()
    assert ["0103" in one.what and "was replaced" in one.what for one in told.left_out] == [True]


def test_files_are_fetched_one_by_one(month, monkeypatch):
    """Of all that was attached to a verdict's disputes no more than one file is held at a time."""
    content = b"measured by ourselves\n" * 1000
    about = Disputed(school="0101", line="1", month="2026-09", version=1, operator="Alpha")
    opened = Step(dispute="2" * 16, number=1, action="opened", about=about, at=CLOSED, author="Alpha", text="No.")
    with month.database.owning() as connection:
        agreements.keep_step(connection, opened, "KZ-75")
        for number in (2, 3, 4):
            mine = content + bytes([number])
            attached = Attached(name=f"{number}", size=len(mine), sha256=hashlib.sha256(mine).hexdigest())
            step = structs.replace(opened, number=number, action="evidence", attached=attached)
            agreements.keep_step(connection, step, "KZ-75", mine)
    month.sign()
    events = []
    real = agreements.attached

    def noted(*given):
        events.append("fetched")
        return real(*given)

    monkeypatch.setattr(agreements, "attached", noted)
    export = Export(month.database, month.settings, MINISTRY, Wanted(school="0101", files=True), CLOSED)
    whole = b""
    for chunk in export.chunks():
        events += ["written"] * (b'"kind":"file"' in chunk)
        whole += chunk
    assert events == ["fetched", "written"] * 3
    told = verified(whole.splitlines(keepends=True), month.key())
    assert told.holds(), told.findings
    assert told.verdicts[0].files_shown == 3


def test_the_command_says_so(alpha, monkeypatch, tmp_path, capsys):
    """It names what is left out; with nothing else in the file it ends with 1."""
    monkeypatch.setattr(bundle, "MAX_LINE_BYTES", LONG)
    parser, common = argparse.ArgumentParser(), argparse.ArgumentParser(add_help=False)
    opened = contextlib.nullcontext(alpha.database)
    cli.add(parser.add_subparsers(), common, lambda _options: alpha.settings, lambda _settings: opened)
    ends = []
    for words in (("--operator", "Alpha", "--month", "2026-09"), ("--school", "0102", "--month", "2026-09")):
        options = parser.parse_args(["export", *words, "-o", str(tmp_path / "made.jsonl")])
        ends.append(options.command(options))
    assert ends == [0, 1]
    printed = capsys.readouterr().err
    assert printed.count("warning: 0102/1/2026-09/Alpha/1 is left out: it cannot be written: ") == 2
    assert "the evidence of verdicts: 2" in printed
