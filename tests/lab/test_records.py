"""On lines that are slow, deeply queued or fast, a computer's report and the server's record say the same."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.contract import measurement, record
from agent.contract.measurement import Throughput
from agent.reflector import records
from tests.lab import namespaces
from tests.lab.namespaces import SERVER_IP, Line

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def recorded_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Line, Path]]:
    """A line with a reflector at its far end that records tests, and the reflector's state folder."""
    reason = namespaces.unavailable()
    if reason is not None:
        pytest.skip(reason)
    state = tmp_path_factory.mktemp("reflector")
    with Line() as made:
        words = ("-m", "agent", "reflect", "--listen", "0.0.0.0:9000", "--state", str(state))
        reflector = made.server.start(sys.executable, *words)
        try:
            assert reflector.stdout.readline().startswith("listening ")
            yield made, state
        finally:
            reflector.terminate()
            reflector.wait(10)
            reflector.stdout.close()
            reflector.stdin.close()


@pytest.mark.parametrize(
    ("rates_mbps", "queue_ms", "settings"),
    [
        ((20, 5), 300, ("purpose=verdict",)),
        ((8, 0.8), 2000, ()),  # the word of the upload's end is two seconds late
        ((100, 100), 100, ()),
    ],
)
def test_both_halves_agree(
    recorded_line: tuple[Line, Path], rates_mbps: tuple[float, float], queue_ms: float, settings: tuple[str, ...]
) -> None:
    """However long the word of its end takes, an honest test contradicts nothing."""
    line, state = recorded_line
    line.shape(*(rate * 1e6 for rate in rates_mbps), queue_ms=queue_ms)
    command = (sys.executable, "-m", "tests.lab.measure", "msak", "40", f"server={SERVER_IP}:9000", *settings)
    seen = measurement.decode(line.client.run(*command, timeout_s=60).encode())
    assert isinstance(seen, Throughput), seen
    assert seen.record is not None
    found = record.verify(seen.record, bytes(records.key_in(state).verify_key))
    assert record.differs(seen, found) is None
