"""Reports and measurements survive the way over the wire, whatever values they hold."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from agent.contract import measurement, report
from agent.contract.failure import FAILURES
from agent.contract.measurement import Direction, Failed, Latency, Link, Measurement, Skipped, Throughput
from agent.contract.report import Report

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=64)
rates = st.floats(0, 1e13)
milliseconds = st.floats(0, 1e7)
seconds = st.floats(0, 1e6)
ratios = st.floats(0, 1)
counts = st.integers(0, 2**53)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=zones)  # noqa: DTZ001 - given a zone there


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


directions = st.builds(
    Direction,
    goodput_bps=rates,
    ip_bps=rates,
    ip_low_bps=optional(rates),
    ip_high_bps=optional(rates),
    bytes=counts,
    duration_s=seconds,
    connections=st.integers(1, 256),
    stop=st.sampled_from(["verdict", "converged", "time", "bytes"]),
    counted_at=st.sampled_from(["server", "acked", "receiver", "nic"]),
    burst_bps=optional(rates),
    sustained_bps=optional(rates),
    paced_bps=optional(rates),
    cross_traffic_bps=optional(rates),
    samples_bps=st.lists(rates, max_size=5).map(tuple),
)
timing = {"started_at": optional(moments), "took_s": optional(seconds)}
measurements: st.SearchStrategy[Measurement] = st.one_of(
    st.builds(
        Throughput,
        engine=words,
        server=words,
        purpose=st.sampled_from(["capacity", "verdict"]),
        download=optional(directions),
        upload=optional(directions),
        rtt_idle_ms=optional(milliseconds),
        loss_ratio=optional(ratios),
        tainted=st.lists(words, max_size=3).map(tuple),
        **timing,
    ),
    st.builds(
        Latency,
        server=words,
        sent=counts,
        received=counts,
        min_ms=milliseconds,
        median_ms=milliseconds,
        p95_ms=milliseconds,
        jitter_ms=optional(milliseconds),
        loss_ratio=ratios,
        **timing,
    ),
    st.builds(
        Link,
        interface=words,
        medium=optional(st.sampled_from(["ethernet", "wifi"])),
        speed_bps=optional(rates),
        **timing,
    ),
    st.builds(Failed, probe=words, failure=st.sampled_from(sorted(FAILURES)), detail=words, **timing),
    st.builds(Skipped, probe=words, reason=words, **timing),
)
hexadecimal = st.binary(min_size=32, max_size=32).map(bytes.hex)
reports = st.builds(
    Report,
    agent=hexadecimal.map(lambda text: text[:32]),
    school=words.filter(bool),
    sequence=st.integers(1, 2**53),
    previous=optional(hexadecimal),
    boot_id=words,
    created_at=moments,
    monotonic_s=st.floats(0, 1e12),
    time_zone=words,
    software=words,
    trigger=words,
    room=optional(words),
    dropped=counts,
    session_s=optional(seconds),
    measurements=st.lists(measurements.map(measurement.encode).map(msgspec.Raw), max_size=3).map(tuple),
)


@given(measured=measurements)
def test_a_measurement_comes_back_as_it_was(measured: Measurement) -> None:
    """What is encoded is decoded to the same values, moments in time included."""
    assert measurement.decode(measurement.encode(measured)) == measured


@given(made=reports)
def test_a_report_comes_back_as_it_was(made: Report) -> None:
    """A report is read back field by field as it was written, and writing it again gives the same bytes."""
    payload = report.encode(made)
    decoded = report.decode(payload)
    assert report.encode(decoded) == payload
    assert decoded.created_at == made.created_at
    assert decoded.read_measurements() == made.read_measurements()


def test_every_key_is_on_the_wire() -> None:
    """A thing that was not measured stands there as null: a reader never has to guess."""
    direction = Direction(
        goodput_bps=1, ip_bps=1, bytes=1, duration_s=1, connections=1, stop="time", counted_at="receiver"
    )
    written = msgspec.json.decode(measurement.encode(Throughput(engine="msak", server="s", download=direction)))
    assert list(written) == ["kind", *Throughput.__struct_fields__]
    assert list(written["download"]) == list(Direction.__struct_fields__)
    assert written["rtt_idle_ms"] is written["upload"] is written["download"]["ip_high_bps"] is None


def test_a_moment_is_written_with_its_zone() -> None:
    """A date without a zone cannot be written by accident: the field's reader would refuse it."""
    aware = Skipped(probe="wifi", reason="none", started_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert b'"started_at":"2026-01-01T00:00:00Z"' in measurement.encode(aware)
