"""The order in which Linux is asked, with a kernel that answers as it is told to."""

import errno
import os
import sys

import pytest

from agent.host.wifi import linux, proc
from agent.host.wifi.netlink import Family, Message
from tests.fakes.wifi import FAMILY, elements, nested, scanned, station, survey, tuned, u32

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's way")
INTERFACE = "lo"  # any that has an index, here 1
OWN, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02"


class FakeKernel:
    """Answers each command from a list, the last one for ever; an error is raised."""

    def __init__(self, answers, news=()) -> None:
        self.answers, self.news, self.joined = answers, list(news), []

    def family(self, _name):
        return Family(FAMILY, {"scan": 9})

    def join(self, group):
        self.joined.append(group)

    def ask(self, _kind, command, _values, **_how):
        given = self.answers.get(command, [b""])
        answer = given.pop(0) if len(given) > 1 else given[0]
        if isinstance(answer, OSError):
            raise answer
        return answer

    def heard(self):
        yield from self.news
        raise OSError(errno.ETIMEDOUT, "timed out")


def refusal(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def news(command: int, index: int = 1) -> Message:
    return Message(FAMILY, 0, 0, command, nested({3: u32(index)}))


OLD = scanned(OWN, elements(b"a", 6), associated=True, age_ms=100) + scanned(OTHER, elements(b"b", 6), age_ms=25_000)


def test_what_was_heard_of_late() -> None:
    """Without a new scan the list is as old as its oldest network, and nothing is triggered."""
    heard = linux.neighbours_by(FakeKernel({32: [OLD], 33: [refusal(errno.EPERM)]}), INTERFACE, fresh=False)
    assert (len(heard.networks), heard.is_fresh, heard.age_s, heard.denied) == (2, False, 25.0, ())


def test_a_new_scan() -> None:
    """A new scan is waited for on its own interface, and networks not heard in it are left out."""
    kernel = FakeKernel({32: [OLD]}, [news(34, index=5), news(34)])
    heard = linux.neighbours_by(kernel, INTERFACE, fresh=True)
    assert ([each.bssid for each in heard.networks], heard.is_fresh, heard.age_s) == ([OWN], True, None)
    assert kernel.joined == [9]


def test_somebody_elses_scan_will_do() -> None:
    """Where a scan runs already its end is waited for."""
    kernel = FakeKernel({32: [OLD], 33: [refusal(errno.EBUSY)]}, [news(34)])
    assert linux.neighbours_by(kernel, INTERFACE, fresh=True).is_fresh


def test_not_allowed_to_scan() -> None:
    """Without the right to scan the old list is read, and it is said what to change."""
    heard = linux.neighbours_by(FakeKernel({32: [OLD], 33: [refusal(errno.EPERM)]}), INTERFACE, fresh=True)
    assert (heard.is_fresh, heard.age_s, [each.what for each in heard.denied]) == (False, 25.0, ["neighbours"])
    assert "service" in heard.denied[0].setting


@pytest.mark.parametrize("kernel", [
    FakeKernel({32: [OLD]}, [news(35)]),
    FakeKernel({32: [OLD]}),
    FakeKernel({32: [refusal(errno.ENODEV)]}, [news(34)]),
    FakeKernel({33: [refusal(errno.ENETDOWN)]}),
])  # fmt: skip
def test_it_breaks_off(kernel) -> None:
    """A scan that is broken off, never ends, or whose adapter is gone is an OSError."""
    with pytest.raises(OSError):
        linux.neighbours_by(kernel, INTERFACE, fresh=True)


def test_the_air_is_watched() -> None:
    """Noise and the busy share of a second come with the list; a driver without statistics gives none."""
    looks = [survey(2437, passed=1000, busy=100), survey(2437, passed=2000, busy=600)]
    heard = linux.neighbours_by(FakeKernel({32: [OLD], 50: looks}), INTERFACE, fresh=False)
    assert (heard.noise_dbm, heard.busy_ratio) == (-95, 0.5)
    silent = linux.neighbours_by(FakeKernel({32: [OLD], 50: [refusal(errno.EOPNOTSUPP)]}), INTERFACE, fresh=False)
    assert (silent.noise_dbm, silent.busy_ratio) == (None, None)


def test_a_connection() -> None:
    """The connection carries the noise of its channel."""
    told = linux.connection_by(
        FakeKernel({5: [tuned(2437, 1)], 17: [station(OWN)], 32: [OLD], 50: [survey(2437)]}), INTERFACE
    )
    assert (told.bssid, told.signal_dbm, told.noise_dbm) == (OWN, -52, -95)


WIRELESS = """Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   70.  -40.  -256        0      0      0      0      0        0
 wlan1: 0000   5    216   159         0      0      0      0      0        0
"""


def test_proc() -> None:
    """/proc/net/wireless gives dBm; "-256" is no noise, an old driver's 216 no signal, a strange line nothing."""
    told = proc.decode(WIRELESS, "wlan0")
    assert (told.signal_dbm, told.noise_dbm, told.source) == (-40, None, "proc-wireless")
    assert proc.decode(WIRELESS, "wlan1") is None
    assert proc.decode("wlan0: 1 2", "wlan0") is None
    assert proc.decode("wlan0: 0 5. -٤٠. -90.", "wlan0") is None


def test_no_card() -> None:
    """On a computer without a driver nothing raises: there is no connection."""
    assert linux.connection("lo", 2.0) == (None, ())
