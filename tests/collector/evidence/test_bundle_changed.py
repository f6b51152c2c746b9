"""Whatever is changed in a bundle, the verifier says so and names the line; whoever changes it."""

import hashlib
import itertools
import random

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from nacl.signing import SigningKey

from collector.evidence import bundle
from collector.evidence.bundle import ReportRecord, Seal, Writer
from collector.verdicts import canonical
from collector.verdicts.facts import Facts
from tests.collector.evidence.conftest import kinds, verified

often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
STRANGER = SigningKey(b"\7" * 32)


def faults(lines, key) -> list[int]:
    """Return the lines that are named, which are some if it does not prove, and none if it does."""
    told = verified(lines, key)
    assert told.holds() == (not told.findings)
    return [one.line for one in told.findings]


def test_a_changed_byte(made):
    """Any byte that is another one, is left out or added makes its own line the first that is named."""
    raw, key = b"".join(made.lines), made.key

    @often
    @given(st.integers(0, len(raw) - 1), st.integers(0, 255), st.sampled_from(["change", "drop", "add"]))
    def check(at, byte, how):
        put = b"" if how == "drop" else bytes([byte])
        changed = raw[:at] + put + raw[at + (how != "add") :]
        if changed == raw:
            return
        # Of two equal bytes side by side nobody can tell which one went or came.
        first = next(n for n, (one, two) in enumerate(itertools.zip_longest(raw, changed)) if one != two)
        assert faults(changed.splitlines(keepends=True), key)[0] == raw[:first].count(b"\n") + 1

    check()


def test_changed_lines(made):
    """Any line that is left out, added, doubled or moved makes the first line that is not as it was the one named."""
    key = made.key
    places = st.integers(0, len(made.lines) - 1)

    @often
    @given(places, places, st.sampled_from(["drop", "double", "move", "swap", "cut", "add"]), st.binary(max_size=40))
    def check(here, there, how, noise):
        changed = list(made.lines)
        if how == "cut":
            changed = changed[:here]
        elif how == "add":
            changed.insert(here, noise.replace(b"\n", b"") + b"\n")
        elif how == "double":
            changed.insert(there, made.lines[here])
        elif how == "swap":
            changed[here], changed[there] = changed[there], changed[here]
        else:
            one = changed.pop(here)
            if how == "move":
                changed.insert(there, one)
        if changed == made.lines:
            return
        first = next(n for n, (one, two) in enumerate(itertools.zip_longest(made.lines, changed), 1) if one != two)
        assert faults(changed, key)[0] == first

    check()


def again(records, key: SigningKey | None) -> list[bytes]:
    """Write records anew, with check values that fit and a seal by this key."""
    writer = Writer()
    lines = [writer.line(one) for one in records if not isinstance(one, Seal)]
    return [*lines, writer.seal(key)]


def records_of(lines) -> list[bundle.Record]:
    return [line.record for line in bundle.read(lines)]


@pytest.mark.parametrize("key", [None, STRANGER])
def test_a_forger_without_the_logs_key(made, key):
    """Check values can be computed by anybody; the seal and the log's signatures cannot."""
    records = records_of(made.lines)
    assert faults(again(records, key), made.key) == [len(made.lines)]
    forged = structs.replace(records[0], made_by="somebody else")
    assert faults(again([forged, *records[1:]], key), made.key) == [len(made.lines)]


def test_a_forger_with_a_log_of_its_own(made):
    """Whoever signs a whole log again has another key than the one that was told."""
    told = verified(made.lines, structs.replace(made.key, public=bytes(STRANGER.verify_key)))
    assert [one.line for one in told.findings] == [2]
    assert "another key" in told.findings[0].what


@pytest.mark.parametrize("kind", ["verdict", "facts", "contract", "rules", "log", "report"])
def test_the_collector_itself_leaves_something_out(made, kind):
    """Whoever has the log's key cannot leave out what the verdict names either; its line is named, or one before."""
    records = records_of(made.lines)
    place = kinds(made.lines).index(kind)
    key = made.secret
    assert faults(again(records, key), made.key) == []
    found = faults(again(records[:place] + records[place + 1 :], key), made.key)
    assert found
    assert found[0] <= kinds(made.lines).index("verdict") + 2


def test_the_collector_itself_changes_a_report(made):
    """A payload, a signature, a time or a place that is another one is named by its line."""
    records, key = records_of(made.lines), made.secret
    place = kinds(made.lines).index("report") + 3
    one, other = records[place], records[place + 1]
    assert isinstance(one, ReportRecord)
    later = msgspec.convert("2026-09-02T04:06:00Z", type(one.received_at))
    for changed in (
        structs.replace(one, payload=one.payload.replace('"light"', '"scheduled"').replace("0.2", "0.3", 1)),
        structs.replace(one, signature=bytes(64)),
        structs.replace(one, signature=other.signature),
        structs.replace(one, received_at=later),
        structs.replace(one, place=other.place),
        structs.replace(one, place=structs.replace(one.place, index=one.place.index ^ 1)),
        structs.replace(one, place=structs.replace(one.place, proof=one.place.proof[:-1])),
        structs.replace(one, place=structs.replace(one.place, entry=one.place.entry.replace("0101", "0102"))),
        structs.replace(one, sequence=one.sequence + 100),
    ):
        assert changed != one
        found = faults(again([*records[:place], changed, *records[place + 1 :]], key), made.key)
        assert place + 1 in found


def test_the_collector_itself_changes_facts(made):
    """Other servers or lines than the verdict's are named, and so is a verdict that they do not lead to."""
    records, key = records_of(made.lines), made.secret
    place = kinds(made.lines).index("facts")
    facts = canonical.decode(records[place].body.encode(), Facts)
    inside = tuple(structs.replace(one, place="inside") for one in facts.servers)
    for changed in (structs.replace(facts, servers=inside), structs.replace(facts, line="2")):
        body = structs.replace(records[place], body=canonical.encode(changed).decode())
        found = faults(again([*records[:place], body, *records[place + 1 :]], key), made.key)
        assert {place, place + 1} <= set(found)


def test_any_two_lines_of_the_collectors_own_that_change_places(made):
    """With check values and a seal that fit, lines still have one order."""
    records, key = records_of(made.lines)[:-1], made.secret
    chosen = random.Random(5)  # noqa: S311 - nothing to guess here
    for one, other in chosen.sample(list(itertools.combinations(range(len(records)), 2)), 60):
        if {kinds(made.lines)[one], kinds(made.lines)[other]} == {"rules"}:
            continue  # they are named by their hashes
        changed = list(records)
        changed[one], changed[other] = changed[other], changed[one]
        assert faults(again(changed, key), made.key)


def chained(raws) -> list[bytes]:
    """Write records' bytes, whatever they are, with check values that fit."""
    chain, lines = bytes(32), []
    for raw in raws:
        chain = hashlib.sha256(chain + raw).digest()
        lines.append(b'["' + chain[:8].hex().encode() + b'",' + raw + b"]\n")
    return lines


def test_a_record_that_anybody_wrote(made):
    """A byte or a number that is another one, with check values that fit, is answered with its line and a sentence."""
    raws, names = [line[20:-2] for line in made.lines], kinds(made.lines)
    assert chained(raws) == made.lines
    first = [names.index(kind) for kind in dict.fromkeys(names)]
    pieces = [
        b"0",
        b"-1",
        b"9" * 30,
        b"1e999",
        b"null",
        b'"',
        b"\\",
        b"\\ud800",
        b"\\u0000",
        b"[",
        b"0000-01",
        b"9999-12",
        b"\xff",
    ]

    @often
    @given(st.sampled_from(first), st.randoms(use_true_random=False), st.sampled_from(pieces))
    def check(place, chosen, piece):
        at = chosen.randrange(len(raws[place]))
        until = min(len(raws[place]), at + chosen.choice([0, 1, 2, len(piece)]))
        changed = list(raws)
        changed[place] = raws[place][:at] + piece + raws[place][until:]
        if changed[place] == raws[place]:
            return
        found = verified(chained(changed), made.key).findings
        assert found
        assert all(one.what and one.line <= len(raws) for one in found)

    check()


def test_a_line_that_nobody_could_read_is_not_written(month, monkeypatch):
    """The export ends with a sentence instead, be the line too long or its record out of bounds."""
    with monkeypatch.context() as patch:
        patch.setattr(bundle, "MAX_LINE_BYTES", 3000)
        with pytest.raises(bundle.BundleError, match=r"line 3: the record \(rules\) would have [0-9,]+ bytes, more"):
            month.export(school="0101")
    place = bundle.Place(log=1, index=0, entry="é" * 5000, proof=())
    with pytest.raises(bundle.BundleError, match=r"the record \(rules\) is one that 'evidence verify' could not read"):
        Writer().line(bundle.Rules(body="", place=place))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"[]\n",
        b'["0000000000000000",{}]\n',
        b"\x00" * 100,
        b'["' + b"[" * 10_000 + b"\n",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_is_no_bundle(raw):
    """Anything at all is answered with a line and a sentence."""
    told = verified(raw.splitlines(keepends=True))
    assert [one.line for one in told.findings] == [1]
    assert not told.holds()
