"""A line between two network namespaces, shaped to known rates; for tests and for anyone who wants to see one.

Each namespace is held by a child process that ends when its standard input closes. So nothing outlives the test
process, even after kill -9: the namespaces, the veth pair and its queues vanish with their holders, and there are no
names that could collide or be left behind. Root is used where we are root, else a user namespace (``unshare -Ur``).

What was found out about shaping on veth (Linux 6.18, no netem):

- tbf counts the Ethernet header: a line of R bit/s carries R x 1500 / 1514 at the IP layer (``ip_rate``).
- A veth pair passes segments of up to 64 KiB (GSO) and tbf then lets them through in lumps, or drops them where they
  are larger than the bucket. ``ip link set ... gso_max_segs 1`` makes TCP send single packets; ethtool is not needed.
  It holds for connections made afterwards.
- The bucket is kept at a few packets (4 ms of the rate, 5 packets at least), so that no burst hides the rate.
"""

import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
CLIENT_IP, SERVER_IP = "10.77.0.1", "10.77.0.2"
CLIENT_IP6, SERVER_IP6 = "fd77::1", "fd77::2"
ETHERNET_BYTES = 14
MTU = 1500
_WAIT_S = 10


def ip_rate(shaped_bps: float) -> float:
    """Return the IP-layer rate of full packets on a line that tbf shapes to this rate."""
    return shaped_bps * MTU / (MTU + ETHERNET_BYTES)


def unavailable() -> str | None:
    """Return why there can be no namespaces here, None where there can."""
    missing = [tool for tool in ("ip", "tc", "unshare", "nsenter") if shutil.which(tool) is None]
    if sys.platform != "linux" or missing:
        return f"network namespaces need Linux with {', '.join(missing) or 'its tools'}"
    try:
        with Line():
            return None
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or ""
        return f"this machine does not allow network namespaces (root or user namespaces): {error} {output}"


class Namespace:
    """A network namespace, alive as long as its holder, with a mount namespace for the sysfs that belongs to it."""

    _NETWORK = ("--net", "--mount", f"--wd={ROOT}")

    def __init__(self, inside: "Namespace | None" = None) -> None:
        """Make one; without root, the second has to be ``inside`` the user namespace of the first."""
        as_root = os.geteuid() == 0
        self._enter_user = [] if as_root else ["--user", "--preserve-credentials"]
        if inside is not None:
            command = [*inside.enter(network=False), "unshare", "--net", "--mount"]
        else:
            command = ["unshare", *([] if as_root else ["--user", "--map-root-user"]), "--net", "--mount"]
        self._holder = subprocess.Popen(
            [*command, "sh", "-c", "mount -t sysfs none /sys && echo $$ && exec cat"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = int(self._holder.stdout.readline() or 0)
        if self.pid == 0:
            self.close()
            raise OSError("no network namespace could be made")

    def enter(self, *, network: bool = True) -> list[str]:
        """Return the beginning of a command line that runs in here."""
        return ["nsenter", "--target", str(self.pid), *self._enter_user, *(self._NETWORK if network else []), "--"]

    def run(self, *command: str, timeout_s: float = _WAIT_S) -> str:
        """Run a command in here and return what it printed."""
        finished = subprocess.run(
            [*self.enter(), *command], check=True, capture_output=True, text=True, timeout=timeout_s, cwd=ROOT
        )
        return finished.stdout

    def start(self, *command: str) -> subprocess.Popen:
        """Start a command in here whose output is read by the caller, who also ends it."""
        return subprocess.Popen(
            [*self.enter(), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )

    def traffic(self) -> tuple[int, int]:
        """Return the bytes that the line's interface has received and sent."""
        for row in self.run("cat", "/proc/net/dev").splitlines():
            name, _, counts = row.partition(":")
            if name.strip() == "line":
                numbers = counts.split()
                return int(numbers[0]), int(numbers[8])
        raise OSError("the line has no interface")

    def close(self) -> None:
        """Let the namespace go."""
        self._holder.stdin.close()
        self._holder.stdout.close()
        self._holder.wait(_WAIT_S)


class Line:
    """A client's and a server's namespace with a veth pair between them; unshaped until told."""

    packets_per_segment = 1

    def __enter__(self) -> Self:
        """Make the line."""
        with ExitStack() as made:
            self.client = Namespace()
            made.callback(self.client.close)
            self.server = Namespace(inside=self.client)
            made.callback(self.server.close)
            self._connect()
            self._made = made.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        """Take the line away."""
        self._made.close()

    def _connect(self) -> None:
        self.client.run(
            *("ip", "link", "add", "line", "type", "veth"), *("peer", "name", "line", "netns", str(self.server.pid))
        )
        ends = ((self.client, CLIENT_IP, CLIENT_IP6), (self.server, SERVER_IP, SERVER_IP6))
        for namespace, address, address6 in ends:
            namespace.run("ip", "link", "set", "line", "mtu", str(MTU), "gso_max_segs", str(self.packets_per_segment))
            namespace.run("ip", "address", "add", f"{address}/24", "dev", "line")
            namespace.run("ip", "address", "add", f"{address6}/64", "dev", "line", "nodad")
            namespace.run("ip", "link", "set", "lo", "up")
            namespace.run("ip", "link", "set", "line", "up")

    def shape(self, download_bps: float, upload_bps: float, *, queue_ms: float = 50) -> None:
        """Shape both directions; each has a drop-tail queue of so many milliseconds."""
        self._shape(self.server, download_bps, queue_ms)
        self._shape(self.client, upload_bps, queue_ms)

    @staticmethod
    def _shape(namespace: Namespace, rate_bps: float, queue_ms: float, boost: tuple[int, float] | None = None) -> None:
        """Shape one direction; a boost is a bucket in bytes and the rate at which it empties."""
        packet = MTU + ETHERNET_BYTES
        bucket = max(5 * packet, int(rate_bps / 8 * 0.004))
        peak: tuple[str, ...] = ()
        if boost is not None:
            bucket, peak_bps = boost
            # Its second bucket, for the peak, holds as little as the first otherwise does.
            peak = ("peakrate", f"{peak_bps:.0f}bit", "mtu", str(max(5 * packet, int(peak_bps / 8 * 0.004))))
        queue = max(10 * packet, int(rate_bps / 8 * queue_ms / 1000))
        namespace.run(
            *("tc", "qdisc", "replace", "dev", "line", "root", "tbf"),
            *("rate", f"{rate_bps:.0f}bit", "burst", str(bucket), "limit", str(queue), *peak),
        )
