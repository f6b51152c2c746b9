"""Files that were attached to disputes: known by their SHA-256 in any bundle, and in one that asks for them whole."""

import hashlib

import pytest
from msgspec import structs

from collector.evidence import bundle
from collector.ledger.keeping import keeping_of
from collector.store import agreements
from collector.verdicts.disputes import Attached, Disputed, Step
from tests.collector.evidence.conftest import CLOSED, kinds, verified

LARGE = b"measured by ourselves\n" * 400_000  # more than two pieces
SMALL = b"a photo"


@pytest.fixture
def disputed(month):
    """A month whose verdict is disputed, with two files."""
    about = Disputed(school="0101", line="1", month="2026-09", version=1, operator="Alpha")
    opened = Step(dispute="2" * 16, number=1, action="opened", about=about, at=CLOSED, author="Alpha", text="No.")
    with month.database.owning() as connection:
        agreements.keep_step(connection, opened, "KZ-75")
        for number, content in ((2, LARGE), (3, SMALL)):
            sha256 = hashlib.sha256(content).hexdigest()
            attached = Attached(name=f"file {number}", size=len(content), sha256=sha256)
            step = structs.replace(opened, number=number, action="evidence", attached=attached)
            agreements.keep_step(connection, step, "KZ-75", content)
    month.sign()
    return month


def test_without_the_files(disputed):
    """Their names, sizes and hashes stand in the steps, which are logged."""
    whole = disputed.export(school="0101")
    told = verified(whole, disputed.key())
    assert told.holds(), told.findings
    assert "file" not in kinds(whole)
    assert (told.verdicts[0].files, told.verdicts[0].files_shown) == (2, 0)
    assert any(hashlib.sha256(LARGE).hexdigest().encode() in line for line in whole)


def test_with_the_files(disputed):
    """They are there in pieces, and are those that were attached."""
    whole = disputed.export(school="0101", files=True)
    told = verified(whole, disputed.key())
    assert told.holds(), told.findings
    pieces = [line.record for line in bundle.read(whole) if isinstance(line.record, bundle.FileRecord)]
    assert [(one.number, one.piece) for one in pieces] == [(2, 0), (2, 1), (2, 2), (3, 0)]
    assert b"".join(one.content for one in pieces) == LARGE + SMALL
    assert (told.verdicts[0].files, told.verdicts[0].files_shown) == (2, 2)


def again(place, records_of) -> list[bytes]:
    writer = bundle.Writer()
    lines_of = [writer.line(one) for one in records_of]
    return [*lines_of, writer.seal(keeping_of(place.settings).made_key())]


@pytest.mark.parametrize("how", ["left out", "cut", "changed", "swapped", "twice", "another step"])
def test_other_files_than_those_attached(disputed, how):
    """What is left out, changed or moved is named, whoever did it."""
    found = [line.record for line in bundle.read(disputed.export(school="0101", files=True))][:-1]
    first = next(number for number, one in enumerate(found) if isinstance(one, bundle.FileRecord))
    one = found[first]
    changed = {
        "left out": found[:first] + found[first + 4 :],
        "cut": found[: first + 3] + found[first + 4 :],
        "changed": [*found[:first], structs.replace(one, content=one.content[:-1] + b"!"), *found[first + 1 :]],
        "swapped": [*found[:first], found[first + 1], one, *found[first + 2 :]],
        "twice": [*found[: first + 4], found[first + 3], *found[first + 4 :]],
        "another step": [*found[:first], structs.replace(one, number=3), *found[first + 1 :]],
    }[how]
    told = verified(again(disputed, changed), disputed.key())
    assert {kinds(again(disputed, changed))[each.line - 1] for each in told.findings} <= {"verdict", "file"}
    assert not told.holds()
