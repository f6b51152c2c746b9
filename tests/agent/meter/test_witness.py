"""What is drawn from a testimony: invented records for the judgements, loopback's own counters for the watching."""

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agent.host.counters import Counters, FrameHeader
from agent.host.link import LinkFacts
from agent.meter import witness
from agent.meter.layers import Segment
from agent.meter.witness import Reading, Tick, Witness

SEGMENT = Segment(1448, 52)
FRAME_BYTES = 1514
CABLE = LinkFacts(medium="ethernet", speed_bps=1e8, duplex="full", mtu_bytes=1500)


def ticks(seconds: float, thread_share: float = 0.1) -> tuple[Tick, ...]:
    """An even run of ticks, the measuring thread busy for a share of the time."""
    times = [100 + 0.05 * number for number in range(round(seconds / 0.05) + 1)]
    return tuple(Tick(at, 1e9 + at, round((at - 100) * thread_share * 1e9) + 77, 0.0) for at in times)


def readings(seconds: float, packets_per_tick: int, segments_per_packet: int = 1) -> tuple[Reading, ...]:
    """A card that receives full segments, or a software one that counts many of them as one packet."""
    per_packet = FRAME_BYTES - 1448 + 1448 * segments_per_packet
    return tuple(
        Reading(100 + 0.05 * n, Counters(10**9 + n * packets_per_tick * per_packet, 5, n * packets_per_tick, 5))
        for n in range(round(seconds / 0.05) + 1)
    )


def told(**changed) -> witness.Testimony:
    """A run of 2 s in which 1000 segments a second came in over a cable."""
    even = {
        "interface": "eth0",
        "link": CABLE,
        "frame": FrameHeader(14, 14),
        "segment": SEGMENT,
        "ticks": ticks(2),
        "readings": readings(2, 50),
        "machine_busy_share": 0.3,
    }
    return witness.Testimony(**{**even, **changed})


def test_rates() -> None:
    """Frames and payload are told apart, and a window in the middle is read between the ticks."""
    rates = told().rates(100.51, 101.51)
    assert rates.rx_bps == pytest.approx(8 * FRAME_BYTES * 1000)
    assert rates.rx_payload_bps == pytest.approx(8 * 1448 * 1000)
    assert (rates.tx_bps, rates.tx_payload_bps) == (0, 0)


def test_big_packets_are_the_same_payload() -> None:
    """Where the system counts one big packet for many segments, the payload is still right."""
    curve = told(readings=readings(2, 2, 25)).payload_curve("download")
    assert curve.at(102) == pytest.approx(1448 * 2000)


def test_cross_traffic() -> None:
    """What the interface carried beyond the test's own payload is other traffic, as IP packets."""
    seen = told()
    assert seen.cross_traffic(100.5, 101.5, 1448 * 1000, "download") == pytest.approx(0, abs=1)
    assert seen.cross_traffic(100.5, 101.5, 1448 * 800, "download") == pytest.approx(8 * 1500 * 200)
    assert seen.cross_traffic(100.5, 101.5, 1448 * 1200, "download") == 0
    assert seen.cross_traffic(100.5, 101.5, 0, "upload") == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"interface": None, "link": None, "frame": None, "readings": ()},
        {"readings": readings(0, 50)},
        {"frame": None},
        {"link": LinkFacts(medium="loopback", speed_bps=None, duplex=None, mtu_bytes=65_536)},
        {"readings": (*readings(1, 50), Reading(101.05, None), Reading(102, Counters(2 * 10**9, 5, 5, 5)))},
        {"readings": (*readings(1, 50), Reading(102, Counters(0, 0, 0, 0)))},
    ],
)
def test_unknown_cross_traffic_is_null(changed) -> None:
    """No interface, no counters, loopback, an interface that went away or was reset: null, never zero."""
    assert told(**changed).cross_traffic(100.5, 101.5, 0, "download") is None


@pytest.mark.parametrize("window", [(99, 101), (101, 103), (101, 101), (101.5, 101)])
def test_a_window_that_was_not_watched(window) -> None:
    """Of a time that was not watched, or is none, nothing is said."""
    assert told().rates(*window) is None
    assert told().thread_share(*window) is None
    assert told().cross_traffic(*window, 0, "download") is None


def test_a_counter_that_starts_again() -> None:
    """A 32-bit counter that passes 4 GiB goes on counting."""
    start = 2**32 - 1514 * 10
    run = tuple(Reading(100 + 0.1 * n, Counters((start + 1514 * n) % 2**32, 0, n, 0)) for n in range(21))
    assert told(readings=run).rates(100, 102).rx_bps == pytest.approx(8 * 1514 * 10)


@pytest.mark.parametrize(
    ("thread", "machine", "said"),
    [
        (0.1, 0.5, None),
        (0.84, 0.96, None),
        (0.9, 0.5, "one processor core 90%"),
        (0.1, 0.98, "all processor cores"),
        (0.2, None, None),
    ],
)
def test_host_limited(thread, machine, said) -> None:
    """The processor was the limit where the one thread, or all cores, had next to no time left."""
    sentence = told(ticks=ticks(2, thread), machine_busy_share=machine).host_limited(100.5, 101.5)
    assert sentence is None if said is None else said in sentence


def test_thread_share() -> None:
    """The thread's share is that of the window."""
    assert told(ticks=ticks(2, 0.42)).thread_share(100.3, 101.7) == pytest.approx(0.42)


@pytest.mark.parametrize(
    ("after", "slept"),
    [
        (Tick(100.05, 1e9 + 100.05, 0, 0.0), 0),
        (Tick(100.05, 1e9 + 160.05, 0, 60.0), 60),  # Linux: the monotonic clock sleeps too
        (Tick(100.05, 1e9 + 160.05, 0, 0.0), 0),  # the clock was only set forward
        (Tick(100.05, 1e9 + 100.05, 0, 0.4), 0),
        (Tick(160.0, 1e9 + 160.0, 0, None), 60),  # Windows: the monotonic clock runs on
        (Tick(105.0, 1e9 + 105.0, 0, 0.0), 5),  # a virtual machine was halted
        (Tick(102.0, 1e9 + 102.0, 0, None), 0),
        (Tick(160.0, 1e9 + 100.1, 0, None), 0),
    ],
)
def test_standstill(after, slept) -> None:
    """Sleep is seen where the clocks jump, not where only the wall clock was set."""
    seen = told(ticks=(Tick(100.0, 1e9 + 100, 0, 0.0), after))
    assert seen.standstill_s(100, 161) == pytest.approx(slept)
    assert seen.standstill_s(50, 99) == 0


@pytest.mark.parametrize(
    ("medium", "speed", "ip", "said"),
    [
        ("ethernet", 1e8, 9.5e7, True),
        ("ethernet", 1e8, 8.9e7, False),
        ("ethernet", 1e9, 9.5e7, False),
        ("ethernet", None, 9.5e7, False),
        ("wifi", 1e8, 9.5e7, False),
        (None, 1e8, 9.5e7, True),
        (None, 7.22e7, 7e7, False),
        ("virtual", 1e8, 9.5e7, False),
    ],
)
def test_link_limited(medium, speed, ip, said) -> None:
    """Only a cable that was filled was the limit; a Wi-Fi rate is never believed for it."""
    facts = LinkFacts(medium=medium, speed_bps=speed, duplex=None, mtu_bytes=None)
    sentence = told(link=facts).link_limited(ip)
    assert (sentence is not None) == said
    assert told(link=None).link_limited(ip) is None
    if sentence is not None:
        assert "100 Mbit/s" in sentence


def test_busy_share() -> None:
    """Idle and waiting for a disk is not busy; guests and interrupts are not counted twice."""
    before = {"user": 1.0, "system": 1.0, "idle": 10.0}
    assert witness.busy_share(before, {"user": 2.0, "system": 2.0, "idle": 12.0}) == pytest.approx(0.5)
    assert witness.busy_share(before, before) is None
    linux = {"user": 3.0, "system": 1.0, "idle": 11.0, "iowait": 1.0, "guest": 2.0, "interrupt": 9.0}
    assert witness.busy_share(before, linux) == pytest.approx(0.5)


def test_watching_loopback() -> None:
    """Real counters of loopback hold the bytes that really went, and the thread's time is told."""
    name = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname(), timeout=10)
        server, _ = listener.accept()
    seen_by = Witness(name)
    with client, server:
        for _ in range(40):
            client.sendall(b"x" * 50_000)
            left = 50_000
            while left:
                left -= len(server.recv(left))
            seen_by.tick(time.monotonic())
    seen = seen_by.finish(Segment(65_483, 52))
    begin, end = seen.ticks[0].at_s, seen.ticks[-1].at_s
    assert seen.interface == name
    assert seen.payload_curve("download").total >= 0.99 * 40 * 50_000
    assert seen.rates(begin, end).tx_payload_bps > 0
    assert 0 <= seen.thread_share(begin, end) <= 1.1
    assert seen.standstill_s(begin, end) == 0
    assert seen.cross_traffic(begin, end, 0, "download") is None


@pytest.mark.parametrize("interface", [None, "gone0"])
def test_nothing_to_watch(interface) -> None:
    """Without an interface the clocks are still watched, and the rest is null."""
    seen = Witness(interface).finish(SEGMENT)
    assert len(seen.ticks) == 2
    assert seen.payload_curve("upload") is None
    assert seen.rates(seen.ticks[0].at_s, seen.ticks[-1].at_s) is None
    assert seen.link_limited(1e9) is None


# Both ends of a veth pair; the far one takes all it is given, or gives what it is asked for.
_BULK = """
import json, socket, subprocess, sys, time
from agent.meter import layers
from agent.meter.witness import Witness

FAR = '''
import socket, threading
def serve(peer):
    give = int(peer.recv(9))
    peer.sendall(bytes(give))
    while peer.recv(1 << 20):
        pass
    peer.close()
with socket.create_server(("10.1.0.1", 9)) as listener:
    print(flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
'''
ns = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE)
ns.stdout.readline()
inside = ["nsenter", "--target", str(ns.pid), "--net"]
for where, command in (([], f"link add near0 type veth peer name far0 netns {ns.pid}"), ([], "link set near0 up"),
                       ([], "address add 10.1.0.2/24 dev near0"), (inside, "link set far0 up"),
                       (inside, "address add 10.1.0.1/24 dev far0")):
    subprocess.run([*where, "ip", *command.split()], check=True, timeout=10)
far = subprocess.Popen([*inside, sys.executable, "-c", FAR], stdout=subprocess.PIPE)
far.stdout.readline()

def transfer(give, send):
    with socket.create_connection(("10.1.0.1", 9), timeout=20) as sock:
        sock.sendall(b"%9d" % give)
        left = give
        while left:
            left -= len(sock.recv(left))
        sock.sendall(bytes(send))
        sock.shutdown(socket.SHUT_WR)
        assert not sock.recv(1)
        return layers.segment(sock)

def repeated(where):
    # The interface counts what TCP sent again, too.
    lines = subprocess.run([*where, "cat", "/proc/self/net/snmp"], check=True, capture_output=True, text=True).stdout
    names, values = (line.split() for line in lines.splitlines() if line.startswith("Tcp:"))
    return int(values[names.index("RetransSegs")]) * 1448

try:
    seen_by = Witness("near0")
    segment = transfer(20_000_000, 10_000_000)
    transfer(4_000_000, 2_000_000)
    seen = seen_by.finish(segment)
    begin, end = seen.ticks[0].at_s, seen.readings[-1].at_s
    scale = (end - begin) / 8 / segment.ip_per_payload
    down, up = 20_000_000 + repeated(inside), 10_000_009 + repeated([])
    print(json.dumps({way: seen.cross_traffic(begin, end, own, way) * scale
                      for way, own in (("download", down), ("upload", up))}))
finally:
    far.kill(); far.wait(); ns.kill(); ns.wait()
"""


def test_cross_traffic_of_real_connections() -> None:
    """Over a software interface, where big packets are counted, the bytes of another connection are found again."""
    unshare = ["unshare", "--user", "--map-root-user", "--net"]
    if sys.platform != "linux" or subprocess.run([*unshare, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces here")
    command, root = [*unshare, sys.executable, "-c", _BULK], Path(__file__).parents[3]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False, timeout=60, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == pytest.approx({"download": 4_000_000, "upload": 2_000_000}, rel=0.01)
