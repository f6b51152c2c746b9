"""The emulated line is the line it is told to be; what is measured against it rests on this."""

import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from agent.contract.measurement import Latency
from tests.lab import school
from tests.lab.far_end import FarEnd, Way, far_end
from tests.lab.lines import LINES, KnownLine, boosted, lossy
from tests.lab.namespaces import MTU, ROOT
from tests.lab.traffic import Arrived

pytestmark = pytest.mark.root
_log = logging.getLogger(__name__)
_TEST_S, _TRIES = 2, 6
_SENDS_BACK = """
import socket
listening = socket.create_server(("", 9400))
print("ready", flush=True)
stream = listening.accept()[0].makefile("rwb")
stream.write(stream.read(500_000))
stream.flush()
stream.read()
"""
_SENDS = """
import socket, sys
stream = socket.create_connection((sys.argv[1], 9400), timeout=20).makefile("rwb")
stream.write(bytes(500_000))
stream.flush()
print(len(stream.read(500_000)))
"""
_HOLDS = """
import time
from tests.lab.school import School
with School():
    print("built", flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def end() -> Iterator[FarEnd]:
    """A far end behind an emulated line."""
    reason = school.unavailable()
    if reason is not None:
        assert os.environ.get("CI") != "true", f"in CI the lab has to run: {reason}"
        pytest.skip(reason)
    with far_end(LINES["cable 20/5"]) as made:
        yield made


def flooded(end: FarEnd, line: KnownLine, way: Way, share: float) -> tuple[float, tuple[int, ...]]:
    """Send more than the line carries; return what came beyond its rate, in bytes, and all that came by tenths."""

    def flood() -> Arrived:
        with end.competing(way, share) as traffic:
            time.sleep(_TEST_S)
        assert traffic.sent.packets > traffic.arrived.packets
        return traffic.arrived

    arrived = trusted(end, line, flood)
    return arrived.bytes - MTU - end.truth(way) / 8 * arrived.over_s, arrived.series


def trusted(end: FarEnd, line: KnownLine, see: Callable[[], Any]) -> Any:
    """Return what is seen on the line; again where this machine was too busy to be one, which the emulator tells.

    Where it stays so, the last is what is looked at, and a failure says why it was not trusted.
    """
    for _ in range(_TRIES):
        end.become(line)
        seen = see()
        reason = end.distrust()
        if reason is None:
            break
        _log.warning("this machine is too busy to be a line: %s", reason)
    return seen


@pytest.mark.parametrize("name", ["ADSL 8/0.8", "100/30"])
@pytest.mark.parametrize("way", ["download", "upload"])
def test_the_rate_is_the_one_told(end: FarEnd, name: str, way: Way) -> None:
    """What arrives from a flooded line is its IP rate, within 1 %."""
    beyond, _ = flooded(end, LINES[name], way, 1.3)
    assert abs(beyond) < 0.01 * end.truth(way) / 8 * _TEST_S


def test_an_idle_line_is_as_long_as_it_is_told(end: FarEnd) -> None:
    """An echo takes the round-trip time, hardly more, over IPv4 and IPv6."""
    line = LINES["cable 20/5"]
    for address in (end.address, f"[{end.address6}]"):
        server = f"server={address}:{end.port}"
        echoes = trusted(end, line, lambda server=server: end.measure("latency", 20, server))
        assert isinstance(echoes, Latency), echoes
        assert echoes.loss_ratio == 0
        assert line.rtt_ms <= echoes.min_ms <= line.rtt_ms + 3


def test_a_full_queue_delays_and_drops(end: FarEnd) -> None:
    """Under a flood echoes take as much longer as the queue is long, and the queue drops what it has no room for."""
    line = LINES["cable 20/5"]

    def see() -> object:
        with end.competing("upload", 1.5):
            time.sleep(0.5)  # the queue is full after 0.2 s
            return end.measure("latency", 20)

    echoes = trusted(end, line, see)
    assert isinstance(echoes, Latency), echoes
    assert line.rtt_ms + line.upload.queue_ms * 0.9 <= echoes.median_ms <= line.rtt_ms + line.upload.queue_ms + 10
    passed = end.counts()
    assert passed.upload.queue_drops > 0
    assert passed.upload.loss_drops == passed.download.queue_drops == 0


def test_loss_takes_its_share_and_nothing_of_the_rate(end: FarEnd) -> None:
    """Random loss is about what it is told, and a flooded line still carries its rate."""
    line = lossy(LINES["100/30"], 0.05)
    beyond, _ = flooded(end, line, "upload", 1.3)
    passed = end.counts().upload
    assert passed.loss_drops / passed.packets_in == pytest.approx(0.05, rel=0.25)
    assert abs(beyond) < 0.01 * end.truth("upload") / 8 * _TEST_S


@pytest.mark.parametrize("way", ["download", "upload"])
def test_a_boost_gives_its_bucket_and_then_the_rate(end: FarEnd, way: Way) -> None:
    """A full bucket goes at the peak rate, what it held comes on top of the rate, and then there is the rate."""
    bucket = 500_000
    beyond, series = flooded(end, boosted(LINES["cable 20/5"], bucket), way, 3.5)
    tenth = end.truth(way) / 8 / 10
    assert beyond == pytest.approx(bucket, rel=0.05)
    assert series[0] == pytest.approx(3 * tenth, rel=0.1)
    assert series[-1] - series[-11] == pytest.approx(10 * tenth, rel=0.03)


def test_large_segments_become_single_packets(end: FarEnd) -> None:
    """TCP passes both ways, and no packet on the line is larger than 1,500 bytes."""
    end.become(LINES["100/30"])
    server = end.server.start(sys.executable, "-c", _SENDS_BACK)
    try:
        assert server.stdout.readline() == "ready\n"
        assert end.client.run(sys.executable, "-c", _SENDS, end.address) == "500000\n"
    finally:
        server.kill()
        server.communicate(timeout=10)
    passed = end.counts()
    assert passed.download.longest_packet == passed.upload.longest_packet == MTU
    assert passed.download.bytes_out > 500_000 < passed.upload.bytes_out


@pytest.mark.usefixtures("end")
def test_nothing_outlives_a_killed_test() -> None:
    """When the test process is killed, the emulator's processes and the namespaces' holders end by themselves."""
    with subprocess.Popen([sys.executable, "-c", _HOLDS], stdout=subprocess.PIPE, cwd=ROOT, text=True) as test:
        try:
            assert test.stdout.readline() == "built\n"
            left = psutil.Process(test.pid).children(recursive=True)
        finally:
            test.kill()
    assert len(left) >= 6  # three holders, the emulator and its two directions
    deadline = time.monotonic() + 20
    while any(alive(process) for process in left):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
