import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress

import httpx
import psutil
import pytest

from agent.contract.errors import SettingsError
from agent.meter import echo
from agent.probes import msak
from agent.reflector import sharing
from agent.reflector.metrics import Board, Metrics

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux hands a network to one of several")
WAIT_S = 30
NETWORKS = [f"127.0.{number}.1" for number in range(1, 25)]


@contextmanager
def running(*options, host="127.0.0.1"):
    """Run ``netready-agent reflect`` with several processes; gives it, its port, and the place of its metrics."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "agent", "reflect", "--listen", f"{host}:0", "--metrics", str(port), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert line.startswith("listening"), process.stderr.read()
        yield process, int(line.split()[1].rpartition(":")[2]), f"http://127.0.0.1:{port}/metrics"
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        process.communicate(timeout=WAIT_S)


def children(process):
    """Return the processes that share the port."""
    return psutil.Process(process.pid).children()


def client(source):
    """Return a client with this address."""
    return httpx.Client(transport=httpx.HTTPTransport(local_address=source), timeout=WAIT_S)


def talking_to(process, source, port):
    """Connect from an address several times; return which processes took it."""
    taken = set()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", port), source_address=(source, 0)) as sock:
            ours = sock.getsockname()
            ends = time.monotonic() + WAIT_S
            while True:
                found = {
                    one.pid
                    for one in children(process)
                    for line in one.net_connections()
                    if line.raddr and tuple(line.raddr) == ours
                }
                if found or time.monotonic() > ends:
                    break
            taken |= found
    return taken


def walked(processes, packet):
    """Run the program by hand over a packet, as the kernel's documentation says (networking/filter.rst)."""
    code, a, x, at = sharing.program(processes), 0, 0, 0
    loads = {0x20: 4, 0x28: 2, 0x30: 1}
    sums = {
        0x74: lambda k: a >> k,
        0x24: lambda k: a * k,
        0x0C: lambda _: a + x,
        0x94: lambda k: a % k,
    }
    while True:
        what, if_true, if_false, k = code[at]
        at += 1
        if what == 0x16:
            return a
        if what in loads:
            offset = k - 0xFFF00000
            a = int.from_bytes(packet[offset : offset + loads[what]], "big")
        elif what == 0x07:
            x = a
        elif what in {0x15, 0x05}:
            at += k if what == 0x05 else if_true if a == k else if_false
        else:
            a = sums[what](k) & 0xFFFFFFFF


def packet_from(address):
    """Return the head of a packet from this address."""
    if ":" in address:
        return b"\x60" + bytes(7) + socket.inet_pton(socket.AF_INET6, address) + bytes(16)
    return b"\x45" + bytes(11) + socket.inet_aton(address) + bytes(4)


@pytest.mark.parametrize("processes", [2, 3, 8, 64])
def test_a_network_is_always_the_same_process_s(processes):
    """An IPv4 /24 and an IPv6 /48 stay together, and neighbouring networks spread over all processes evenly."""
    spread = Counter()
    for number in range(4096):
        four, six = f"10.{number >> 8}.{number & 255}", f"2001:db8:{number:x}"
        picked = {walked(processes, packet_from(f"{four}.{host}")) for host in (1, 77, 254)}
        picked_six = {walked(processes, packet_from(one)) for one in (f"{six}::1", f"{six}:ffff:1:2:3:4")}
        assert len(picked) == len(picked_six) == 1
        spread.update(picked)
        spread.update(picked_six)
    assert set(spread) == set(range(processes))
    assert max(spread.values()) < 1.5 * 8192 / processes


def test_each_network_s_connections_come_to_one_process():
    """The kernel picks as the program says, in the order of the processes; and both have some."""
    with running("--processes", "2") as (process, port, _):
        pids = [one.pid for one in children(process)]
        assert len(pids) == 2
        taken = {source: talking_to(process, source, port) for source in NETWORKS}
        assert taken == {source: {pids[walked(2, packet_from(source))]} for source in NETWORKS}
        assert set.union(*taken.values()) == set(pids)


def test_tests_are_recorded_whoever_made_them(tmp_path):
    """Tests of several networks each have their record, from whichever connection it is asked for; metrics add up."""
    with running("--processes", "3", "--state", str(tmp_path)) as (_, port, metrics):
        for source in NETWORKS[:6]:
            with client(source) as asking:
                for _ in range(3):
                    target = f"http://127.0.0.1:{port}/throughput/v1/download?mid=test-{source}"
                    asking.get(target)  # refused as no WebSocket: it is counted by nobody
        seen = msak.Probe(server=f"ws://127.0.0.1:{port}", max_s=0.5).measure(20)
        assert seen.record is not None
        text = httpx.get(metrics).text
        assert re.search(r'tests_total\{engine="msak"\} [1-9]', text)
        assert int(re.search(r"open_connections (\d+)", text)[1]) >= 0
    assert (tmp_path / "reflector.key").exists()


def test_limits_of_a_network_are_exact():
    """Each network has its own number of tests in an hour, whatever process counts them."""
    with running("--processes", "4", "--tests-per-hour", "2") as (_, port, metrics):
        for source in NETWORKS[:8]:
            with client(source) as asking:
                place = f"http://127.0.0.1:{port}/backend/garbage.php?ckSize=1&mid="
                codes = [asking.get(f"{place}{number}").status_code for number in range(4)]
            assert codes == [200, 200, 429, 429]
        assert 'refusals_total{cause="tests"} 16' in httpx.get(metrics).text


def test_the_echo_knows_the_nonce_of_the_same_network(tmp_path):
    """A nonce that was handed out over TCP holds for UDP: both come to the process that made it."""
    keys = tmp_path / "keys"
    keys.write_text("07" * 32)
    options = ("--processes", "4", "--require-lease", str(keys), "--url", "ws://test.kz:4443")
    with running(*options) as (_, port, _):
        for source in NETWORKS[:8]:
            with client(source) as asking, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                nonce = asking.get(f"http://127.0.0.1:{port}{echo.NONCE_PATH}").json()["nonce"]
                sock.bind((source, 0))
                sock.settimeout(WAIT_S)
                sock.sendto(echo.request(b"session!", 1, bytes.fromhex(nonce)), ("127.0.0.1", port))
                assert sock.recv(2048)


def test_ipv6_and_ipv4_share_one_address():
    """With [::] both families are answered, by several processes."""
    with running("--processes", "2", host="[::]") as (_, port, _):
        for place in (f"http://127.0.0.1:{port}", f"http://[::1]:{port}"):
            assert httpx.get(f"{place}/healthz").status_code == 200


def test_told_to_end_they_all_end():
    """SIGTERM ends everything in an orderly way within seconds, and nobody is left."""
    with running("--processes", "3") as (process, _, _):
        pids = [one.pid for one in children(process)]
        process.terminate()
        assert process.wait(WAIT_S) == 0
        assert not [pid for pid in pids if psutil.pid_exists(pid)]


def test_one_that_dies_ends_all_to_be_started_again():
    """With one gone a part of all networks would find nobody: all end, and the error says which way it went."""
    with running("--processes", "3") as (process, _, _):
        first, *others = children(process)
        first.send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=WAIT_S)
        assert process.returncode == 1
        assert "was killed by SIGKILL; all were ended" in said
        assert not [one for one in others if one.is_running()]


def test_nobody_is_left_where_the_parent_was_killed():
    """Kill -9 of the parent ends the others by themselves, so that the port is free again."""
    with running("--processes", "2") as (process, port, _):
        others = children(process)
        os.kill(process.pid, signal.SIGKILL)
        assert psutil.wait_procs(others, timeout=WAIT_S)[1] == []
        with socket.create_server(("127.0.0.1", port)):
            pass


def test_what_cannot_be_meant_is_said():
    """Numbers of processes that are none, and systems that cannot."""
    for told in ("0", "65", "-1", "two", "1.5"):
        done = subprocess.run(
            [sys.executable, "-m", "agent", "reflect", "--processes", told], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert "is not a number of processes (1 to 64)" in done.stderr


def test_other_systems_say_that_they_cannot(monkeypatch):
    """Only Linux has it."""
    monkeypatch.setattr(sharing.sys, "platform", "darwin")
    sharing.check(1)
    with pytest.raises(SettingsError, match="for Linux"):
        sharing.check(2)


def test_a_port_of_another_program_is_not_shared():
    """Sharing is among processes of one start: a second reflector is told that the port is in use."""
    with running() as (_, port, _):
        done = subprocess.run(
            [sys.executable, "-m", "agent", "reflect", "--listen", f"127.0.0.1:{port}", "--processes", "2"],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
    assert done.returncode == 2
    assert "already uses this port" in done.stderr


def test_counters_of_processes_add_up():
    """Each has its own, from many threads; the board shows the sum."""
    board = Board(3)
    counting = [Metrics(board, number) for number in range(3)]

    def count(one):
        for _ in range(1000):
            one.count_connection()
            one.count_bytes(1 << 33)

    threads = [threading.Thread(target=count, args=(one,)) for one in counting for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, one in enumerate(counting):
        one.set_open_connections(number)
    lines = board.text().splitlines()
    assert "netready_reflector_connections_total 6000" in lines
    assert f"netready_reflector_bytes_total {6000 * (1 << 33)}" in lines
    assert "netready_reflector_open_connections 3" in lines
