import base64
import json
import time
import urllib.request

import pytest

from agent.contract import record
from agent.contract.measurement import Throughput
from agent.outbox import Outbox
from agent.reflector import records

pytestmark = pytest.mark.timeout(400)


def test_a_test_reaches_the_collector_from_both_ends(place):
    """The reflector sends its own record by itself, though nobody knew its key at first; the report carries it too."""
    reflector = place.folder / "reflector"
    collector = ("--collector", place.address, "--name", "a journey's server")
    listen = place.server.removeprefix("ws://")
    place.start("netready-agent", "reflect", "--listen", listen, "--state", str(reflector), *collector)
    place.wait_for(place.server.replace("ws:", "http:") + "/healthz")
    place.serve()
    place.join_a_school()
    key = bytes(records.key_in(reflector).verify_key)
    place.collector("servers", "add", "--url", place.server, "--key", key.hex(), "--place", "outside")
    place.agent("run", "--once")
    stored = _stored(place)
    found = record.verify(stored, key)
    assert found.server == "a journey's server"
    reported = _reported(place)
    assert reported.record == stored
    assert record.differs(reported, found) is None


def _stored(place) -> bytes:
    """Return the record that the collector has of the school's one test."""
    token = place.collector("access", "create", "--role", "auditor", "--name", "journey").strip()
    query = "school=0042&begins=2020-01-01T00:00:00Z&ends=2999-01-01T00:00:00Z"
    request = urllib.request.Request(f"{place.address}/api/v1/records?{query}")  # noqa: S310 - loopback
    request.add_header("Authorization", f"Bearer {token}")
    end = time.monotonic() + 150
    while True:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - loopback
            items = json.load(answer)["items"]
        if items:
            return base64.b64decode(items[0]["envelope"])
        assert time.monotonic() < end, "the record did not arrive"
        time.sleep(1)


def _reported(place) -> Throughput:
    """Return the test as this computer reported it."""
    [report] = Outbox(place.state, max_bytes=10**9, max_age_days=99).latest()
    return next(one for one in report.read_measurements() if isinstance(one, Throughput))
