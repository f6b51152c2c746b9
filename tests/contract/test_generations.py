"""Programs of other years talk to each other: what every landed contract sent and asked for (golden/generations)."""

import copy
import json
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from agent.contract import measurement
from agent.contract.measurement import Unknown
from tests import golden_messages
from tests.golden_messages import BY_AGENTS, BY_COLLECTORS, GENERATIONS, stored, unfolded

NAMES = sorted(file.stem for file in GENERATIONS.glob("*.json"))
TODAY = golden_messages.kinds()
# These two words came within schema 1, when no program had been released yet.
BEFORE_ANY_RELEASE, NEW_WORDS = ("2026-11-22-first", "failed"), {"captive_portal", "intercepted"}
MEASURED = golden_messages.measurements()


@cache
def generation(name: str) -> dict[str, Any]:
    return json.loads((GENERATIONS / f"{name}.json").read_text("utf-8"))


def then(part: str) -> list[tuple[str, str]]:
    """Return the kinds of messages of every generation."""
    return [(name, kind) for name in NAMES for kind in sorted(generation(name)[part])]


def read(message: Any, kind: type) -> Any:
    """Read a message as today's programs do, and return what they made of it."""
    return msgspec.json.decode(msgspec.json.encode(message), type=kind)


def newer(value: Any) -> Any:
    """Return a message with a field in each object that nobody knows yet."""
    if isinstance(value, dict):
        return {name: newer(each) for name, each in value.items()} | {"of_2028": {"deep": [1, None]}}
    return [newer(each) for each in value] if isinstance(value, list) else value


def assert_still_there(was: Any, now: Any) -> None:
    """Compare two JSON values; ``now`` may have keys that ``was`` has not."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name, value in was.items():
            assert_still_there(value, now[name])
    elif isinstance(was, list) and isinstance(now, list):
        for one, other in zip(was, now, strict=True):
            assert_still_there(one, other)
    else:
        assert was == now or datetime.fromisoformat(was) == datetime.fromisoformat(now)  # in another notation


def messages_then(name: str, part: str, kind: str) -> Iterator[Any]:
    yield from unfolded(generation(name)[part][kind])


def test_every_generation_is_here():
    """The oldest programs in schools are of the first; a file that went missing would prove nothing any more."""
    assert NAMES == [
        "2026-11-22-first",
        "2026-11-22-meter",
        "2026-11-23-evidence",
        "2026-11-23-inside",
        "2026-11-23-national",
        "2026-11-24-fleet",
    ]
    assert {kind for _, kind in then("messages")} == {*BY_AGENTS, *BY_COLLECTORS}
    assert all(generation(name)["measurements"].keys() >= {"throughput", "latency", "link"} for name in NAMES)


@pytest.mark.parametrize(("name", "kind"), then("messages"))
def test_todays_programs_read_what_was_sent_then(name, kind):
    """An old agent reports to a new collector, and a new agent understands an old one: every field, every word."""
    for message in messages_then(name, "messages", kind):
        assert_still_there(message, json.loads(msgspec.json.encode(read(message, TODAY[kind]))))


@pytest.mark.parametrize(("name", "kind"), then("measurements"))
def test_todays_collector_reads_what_was_measured_then(name, kind):
    """A measurement of every kind means today what it meant then."""
    for message in messages_then(name, "measurements", kind):
        decoded = measurement.decode(msgspec.json.encode(message))
        assert type(decoded) is MEASURED[kind]
        assert_still_there(message, json.loads(measurement.encode(decoded)))


@pytest.mark.parametrize("kind", sorted(TODAY))
def test_fields_of_a_newer_program_are_passed_over(kind):
    """Whatever a program of 2028 adds in any object of a message: what today's read of it stays the same."""
    for message in unfolded(stored(TODAY[kind])):
        plain = copy.deepcopy(message)
        for raw in ("envelopes", "measurements"):  # signed bytes and measurements are kept as they came
            if raw in plain:
                message[raw] = plain[raw] = []
                if raw == "envelopes":
                    message[raw] = plain[raw] = [{}]
        extended = newer(message) | ({"envelopes": [{}]} if "envelopes" in message else {})
        assert read(extended, TODAY[kind]) == read(plain, TODAY[kind])


@pytest.mark.parametrize("kind", sorted(MEASURED))
def test_fields_of_a_newer_measurement_are_passed_over(kind):
    """The same for what was measured; a kind that nobody knows yet is kept as unknown."""
    for message in unfolded(stored(MEASURED[kind])):
        extended = msgspec.json.encode(newer(message))
        assert measurement.decode(extended) == measurement.decode(msgspec.json.encode(message))
    assert isinstance(measurement.decode(b'{"kind": "satellite", "dish_db": 12}'), Unknown)


@pytest.mark.parametrize(("name", "kind"), then("messages"))
def test_programs_of_then_read_what_is_sent_today(name, kind):
    """A new collector's answer keeps to what an old agent asks for, and a new agent's report to an old collector."""
    reader = jsonschema_rs.validator_for(generation(name)["readers"][kind])
    for message in unfolded(stored(TODAY[kind])):
        assert [str(error) for error in reader.iter_errors(message)] == []


@pytest.mark.parametrize(("name", "kind"), then("measured"))
def test_a_collector_of_then_reads_what_is_measured_today(name, kind):
    """A new agent's measurements of the kinds that an old collector knows keep to what it asks for.

    A word that is new in a closed list does not: a collector refuses the report, unless it says a newer schema, of
    which it keeps unread what it does not understand. So a new word raises SCHEMA_VERSION.
    """
    reader = jsonschema_rs.validator_for(generation(name)["measured"][kind])
    for message in unfolded(stored(MEASURED[kind])):
        if (name, kind) == BEFORE_ANY_RELEASE and message["failure"] in NEW_WORDS:
            assert not reader.is_valid(message)
            continue
        assert [str(error) for error in reader.iter_errors(message)] == []
