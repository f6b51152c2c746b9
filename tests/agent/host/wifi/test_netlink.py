"""Netlink: what we write is what we read, no length is believed, and a real kernel answers."""

import errno
import struct
import sys
import time

import pytest

from agent.host.wifi import netlink
from agent.host.wifi.netlink import attribute, attributes, message, messages

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has netlink")


def test_written_is_read() -> None:
    """Messages and attributes of odd lengths come back as they were, each behind its padding."""
    body = attribute(1, b"abc") + attribute(2 | 0x8000, b"") + attribute(3, b"12345678")
    raw = message(28, 34, body, sequence=7) + message(28, 35, b"", sequence=8)
    first, second = messages(raw)
    assert (first.kind, first.command, first.sequence) == (28, 34, 7)
    assert attributes(first.body) == {1: b"abc", 2: b"", 3: b"12345678"}
    assert (second.command, second.body) == (35, b"")


@pytest.mark.parametrize("length", [0, 3, 15, 17, 0xFFFF_FFFF])
def test_a_length_that_cannot_be(length) -> None:
    """A message shorter than its head or longer than the answer ends the reading; it neither hangs nor raises."""
    good = message(28, 34, b"", sequence=1)
    assert [each.sequence for each in messages(good + struct.pack("=IHHII", length, 28, 0, 2, 0))] == [1]


@pytest.mark.parametrize("length", [0, 3, 9, 0xFFFF])
def test_an_attribute_that_cannot_be(length) -> None:
    """An attribute that runs past the end is left out with all behind it."""
    assert attributes(attribute(1, b"abcd") + struct.pack("=HH", length, 2) + b"1234") == {1: b"abcd"}


def test_any_cut_is_survived() -> None:
    """An answer cut off anywhere gives fewer messages, never an error."""
    raw = message(28, 34, attribute(1, b"abcde") + attribute(2, b"x"), sequence=1)
    for end in range(len(raw)):
        assert all(len(attributes(each.body)) <= 2 for each in messages(raw[:end]))


def test_numbers() -> None:
    """Numbers of every size are read, with their sign; another size is no number."""
    values = attributes(attribute(1, b"\xc4") + attribute(2, struct.pack("=i", -5000)) + attribute(3, b"abc"))
    assert (netlink.number(values, 1), netlink.signed(values, 1), netlink.signed(values, 2)) == (196, -60, -5000)
    assert (netlink.number(values, 3), netlink.signed(values, 3), netlink.number(values, 4)) == (None, None, None)


@ON_LINUX
def test_the_kernel_answers() -> None:
    """The kernel's own family is found with its groups; one that does not exist is ENOENT."""
    with netlink.Channel(time.monotonic() + 5) as channel:
        found = channel.family("nlctrl")
        assert found.number == 16
        assert "notify" in found.groups
        many = channel.ask(16, 3, {}, dump=True)
        assert len(list(messages(many))) > 1
        with pytest.raises(FileNotFoundError):
            channel.family("nosuchfamily")


@ON_LINUX
def test_a_silent_kernel_cannot_hold_it() -> None:
    """Waiting for news that do not come ends at the deadline."""
    with netlink.Channel(time.monotonic() + 0.2) as channel:
        channel.join(channel.family("nlctrl").groups["notify"])
        with pytest.raises(OSError, match="timed out"):
            next(channel.heard())


@ON_LINUX
def test_a_deadline_in_the_past() -> None:
    """Without time left nothing is waited for."""
    with netlink.Channel(time.monotonic() - 1) as channel, pytest.raises(TimeoutError) as trouble:
        channel.family("nlctrl")
    assert trouble.value.errno == errno.ETIMEDOUT
