"""Bundles with facts that nobody would write by mistake: the verifier says so, and never ends in a traceback."""

import json

import pytest
from msgspec import structs

from collector.evidence import bundle
from tests.collector.evidence.conftest import verified

SERVER = {"url": "ws://[", "place": "outside"}
FACTS = [
    {"servers": [SERVER]},
    {"lessons": {"clock": [{"since": "0001-01-01T00:00:00Z", "minutes": 1440}]}},
    {"lessons": {"clock": [{"since": "2026-01-01T00:00:00Z", "minutes": -1440}]}},
    {"lessons": {"clock": [{"since": "9999-12-31T23:59:59Z", "minutes": 1439}]}},
    {"month": "9999-12"},
    {"month": "0001-01"},
    {"month": "0000-01"},
    {"left_out": {"left_out": -1}},
    {"left_out": {"nonsense": 1}},
    {"records": ["AAAA"]},
    {"keys": []},
]


def forged(made, change, *, verdicts=False) -> list[bytes]:
    """Write a bundle anew and seal it, with the body of its facts, or of its verdict too, as ``change`` makes it."""
    kinds = (bundle.FactsRecord, bundle.VerdictRecord) if verdicts else bundle.FactsRecord
    writer = bundle.Writer()
    found = [line.record for line in bundle.read(made.lines)][:-1]
    records = [structs.replace(one, body=change(one.body)) if isinstance(one, kinds) else one for one in found]
    return [*(writer.line(one) for one in records), writer.seal(made.secret)]


@pytest.mark.parametrize("facts", FACTS)
def test_facts_that_make_no_sense(made, facts):
    """A server, a clock or a month that there cannot be is a finding with its line."""

    def change(body):
        raw = json.loads(body)
        values = {name: raw[name] | value if name == "lessons" else value for name, value in facts.items()}
        return json.dumps(raw | values, separators=(",", ":"), ensure_ascii=False)

    told = verified(forged(made, change), made.key)
    assert told.findings
    assert all(one.what for one in told.findings)


@pytest.mark.parametrize("month", ["0000-01", "0001-01", "9999-12", "1969-12", "2262-01"])
def test_a_month_that_there_cannot_be(made, month):
    """Not though the verdict says the same."""
    told = verified(forged(made, lambda body: body.replace("2026-09", month), verdicts=True), made.key)
    assert not told.holds(allow_pending=True)
