"""A line of a known rate for the demonstration: a network namespace behind a token bucket, where the machine allows it.

The far end runs inside the namespace; what goes in is the upload, what comes out the download. Nothing outside the
namespace and its own pair of interfaces is touched, and both are gone at the end.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator

from msgspec import Struct

# RFC 2544: reserved for benchmarks of network devices; no school and no office routes it.
_HERE, _THERE = "198.18.213.1", "198.18.213.2"
# tbf counts the 14 bytes of Ethernet of each packet; the rate wanted is that of the IP packets in them.
_ETHERNET_SHARE = 1500 / 1514
_QUEUE_MS = 50
_TIMEOUT_S = 20


class Line(Struct, frozen=True, kw_only=True):
    """Where the far end listens, how a command is run there, and what the line is shaped to (null: it is not)."""

    address: str
    prefix: tuple[str, ...] = ()
    download_bps: float | None = None
    upload_bps: float | None = None
    why_not: str | None = None


@contextlib.contextmanager
def line(download_bps: float, upload_bps: float) -> Iterator[Line]:
    """Give a shaped line while the block runs, or loopback with the reason why it is not shaped."""
    reason = _what_is_missing()
    if reason is not None:
        yield Line(address="127.0.0.1", why_not=reason)
        return
    name = f"netready-{os.getpid()}"
    try:
        try:
            _make(name, download_bps, upload_bps)
            made = Line(
                address=_THERE,
                prefix=("ip", "netns", "exec", name),
                download_bps=download_bps,
                upload_bps=upload_bps,
            )
        except subprocess.CalledProcessError as error:
            made = Line(address="127.0.0.1", why_not=f"the kernel refused: {error.stderr.strip()}")
        yield made
    finally:
        # Deleting the namespace deletes both ends of the pair; where making it failed there may be none.
        delete = ["ip", "netns", "delete", name]
        subprocess.run(delete, capture_output=True, check=False, timeout=_TIMEOUT_S)


def _what_is_missing() -> str | None:
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "shaping a line needs root"
    missing = [tool for tool in ("ip", "tc") if shutil.which(tool) is None]
    return f"{' and '.join(missing)} (package iproute2) not installed" if missing else None


def _make(name: str, download_bps: float, upload_bps: float) -> None:
    inside, outside = f"nr{os.getpid()}b", f"nr{os.getpid()}a"
    # gso_max_segs 1, single packets: lumps of many would pass a token bucket in bursts, or not at all.
    for command in (
        f"ip netns add {name}",
        f"ip link add {outside} type veth peer name {inside} netns {name}",
        f"ip address add {_HERE}/30 dev {outside}",
        f"ip link set {outside} up gso_max_segs 1",
        f"ip -n {name} address add {_THERE}/30 dev {inside}",
        f"ip -n {name} link set {inside} up gso_max_segs 1",
        f"ip -n {name} link set lo up",
        f"tc qdisc add dev {outside} root {_bucket(upload_bps)}",
        f"ip netns exec {name} tc qdisc add dev {inside} root {_bucket(download_bps)}",
    ):
        subprocess.run(command.split(), check=True, capture_output=True, text=True, timeout=_TIMEOUT_S)


def _bucket(ip_bps: float) -> str:
    rate_bps = round(ip_bps / _ETHERNET_SHARE)
    burst_bytes = max(4 * 1514, round(rate_bps / 8 * 0.004))  # 4 ms: the kernel's timer is no finer on small machines
    return f"tbf rate {rate_bps}bit burst {burst_bytes} latency {_QUEUE_MS}ms"
