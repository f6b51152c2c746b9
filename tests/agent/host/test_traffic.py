"""What an interface carried and what went wrong in it: real counters, and readings that were reset."""

import socket

import pytest

from agent.host import traffic
from agent.host.traffic import Tally, decode_multicasts, passed

DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier packed
    lo:    1000      10    0    0    0     0          0         0     1000      10    0    0    0     0       0      0
  eth0: 5000000    4000    3    7    0     0          0       250  1000000    2000    1    0    0     0       0      0
  bad0: 1 2 3
"""


def tally(**values: int | None) -> Tally:
    usual = {"rx_bytes": 1000, "tx_bytes": 500, "packets": 10, "errors": 1, "discards": 2, "groups": 5}
    return Tally(**(usual | values))


def test_a_real_interface() -> None:
    """Bytes and packets that pass while it counts are counted."""
    before = traffic.tally("lo")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        for _ in range(20):
            sock.sendto(bytes(500), sock.getsockname())
    told = passed(before, traffic.tally("lo"), 1.0)
    assert told.packets >= 20
    assert told.download_bps >= 20 * 500 * 8
    assert told.errors == 0


def test_what_passed() -> None:
    """Rates are by the second, errors and discards are their number."""
    after = tally(rx_bytes=2000, tx_bytes=600, packets=30, errors=4, discards=2, groups=25)
    told = passed(tally(), after, 2.0)
    assert (told.download_bps, told.upload_bps, told.packets) == (4000, 400, 20)
    assert (told.errors, told.discards, told.broadcasts_per_s) == (3, 0, 10.0)


def test_counters_that_were_reset() -> None:
    """A counter that went back is null, and without the bytes there is nothing at all."""
    told = passed(tally(), tally(errors=0, groups=0), 1.0)
    assert (told.errors, told.broadcasts_per_s, told.discards) == (None, None, 0)
    assert passed(tally(), tally(rx_bytes=0), 1.0) is None
    assert passed(tally(), tally(groups=None), 1.0).broadcasts_per_s is None


def test_an_interface_that_is_gone() -> None:
    """An interface that vanished is None, not zero traffic."""
    assert traffic.count("gone0", 0.0) is None


@pytest.mark.parametrize(("name", "multicasts"), [("eth0", 250), ("lo", None), ("bad0", None), ("eth", None)])
def test_multicasts(name, multicasts) -> None:
    """Linux's column is read by the whole name; a driver that never counted one does not count, which is no zero."""
    assert decode_multicasts(DEV, name) == multicasts
