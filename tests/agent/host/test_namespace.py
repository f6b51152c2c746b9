"""What is said of real tunnels, pairs and bridges, in network namespaces of our own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
_UNSHARE = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
_MOUNT = ["mount", "-t", "sysfs", "none", "/sys"]  # /sys shows the namespace of whoever mounted it
# Two namespaces, a veth pair between them; what is on one end is looked at there.
_TOPOLOGY = """
import json, socket, statistics, subprocess, sys
from agent.host import counters, link, path

far = subprocess.Popen(["unshare", "--net", "sh", "-c", "echo; exec sleep 60"], stdout=subprocess.PIPE)
far.stdout.readline()

def near_end(*commands):
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True, timeout=10)

def far_end(*commands):
    for command in commands:
        subprocess.run(["nsenter", "--target", str(far.pid), "--net", "ip", *command.split()], check=True, timeout=10)

def vpn(host):
    found = path.towards(socket.AF_INET, (host, 9))
    return [found.interface, found.vpn]

def beyond_ip(interface, host):
    # Other packets come and go too; what most steps of one packet say is what a datagram counts.
    read, steps = counters.reader(interface), []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for _ in range(50):
            before = read()
            sock.sendto(b"x" * 1000, (host, 9))
            steps.append(counters.step(before, read()).tx_bytes - 1028)
    header = counters.frame_header(link.fetch(interface))
    return statistics.mode(steps), header.tx_bytes, header.rx_bytes

try:
    near_end("link set lo up", f"link add near0 type veth peer name far0 netns {far.pid}", "link set near0 up",
             "address add 10.1.0.2/24 dev near0")
    far_end("link set far0 up", "address add 10.1.0.1/24 dev far0")
    print(json.dumps(look()))
finally:
    far.kill()
    far.wait()
"""


def look(body: str) -> dict[str, object]:
    """Run a look inside the namespaces; skip where the system does not allow them."""
    may = [*_UNSHARE, *_MOUNT]
    if sys.platform != "linux" or subprocess.run(may, capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces here")
    head, tail = _TOPOLOGY.split("try:\n", 1)
    script = f"{head}\ndef look():\n{body}\n\ntry:\n{tail}"
    command = [*_UNSHARE, sys.executable, "-c", script]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, check=False, timeout=60, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_vpn_and_what_is_none() -> None:
    """A tunnel beside the line that carries it is a VPN; the line, and a tunnel that is the only way out, are none."""
    seen = look("""
    found = {"veth": vpn("10.1.0.1")}
    near_end("tuntap add tun0 mode tun", "link set tun0 up", "address add 10.2.0.2/24 dev tun0",
             "route add default dev tun0")
    found["only way out"] = vpn("192.0.2.1")
    near_end("route add 198.51.100.7/32 via 10.1.0.1")
    found["tunnel"] = vpn("192.0.2.1")
    found["beside"] = vpn("10.1.0.1")
    near_end("route del 198.51.100.7/32", "route add default via 10.1.0.1 metric 500")
    found["over the default route"] = vpn("192.0.2.1")
    near_end("tuntap add tap0 mode tap", "link set tap0 up", "address add 10.3.0.2/24 dev tap0")
    found["another namespace's files"] = link.fetch("tap0").sysfs
    subprocess.run(["mount", "-t", "sysfs", "none", "/sys"], check=True)
    found["tap"] = vpn("10.3.0.1")
    return found
""")
    assert seen == {
        "veth": ["near0", False],
        "only way out": ["tun0", False],
        "tunnel": ["tun0", True],
        "beside": ["near0", False],
        "over the default route": ["tun0", True],
        "another namespace's files": None,
        "tap": ["tap0", True],
    }


def test_the_layers_of_real_interfaces() -> None:
    """The header that we believe an interface counts is the one that it counts."""
    seen = look("""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:  # or loopback answers that nobody is there
        sink.bind(("127.0.0.1", 9))
        found = {"loopback": beyond_ip("lo", "127.0.0.1"), "veth": beyond_ip("near0", "10.1.0.1")}
    subprocess.run(["mount", "-t", "sysfs", "none", "/sys"], check=True)
    near_end("link add br0 type bridge", "link set near0 master br0", "address del 10.1.0.2/24 dev near0",
             "link set br0 up", "address add 10.1.0.2/24 dev br0", "neighbour flush all")
    found["bridge"] = beyond_ip("br0", "10.1.0.1")
    return found
""")
    assert seen == {"loopback": [0, 0, 0], "veth": [14, 14, 14], "bridge": [14, 14, 0]}


def test_many_interfaces() -> None:
    """An interface at the far end of a table longer than the kernel gives at once is found."""
    seen = look("""
    for number in range(60):
        near_end(f"link add many{number} type veth peer name other{number}")
    last = socket.if_nameindex()
    found = [counters.reader(name) is not None for _, name in last]
    return {"interfaces": len(found), "all": all(found), "part of a name": counters.reader("many") is not None}
""")
    assert seen == {"interfaces": 122, "all": True, "part of a name": False}
