import socket
import time

import pytest

from agent.meter import greeting
from agent.meter.errors import TransferError
from agent.meter.greeting import Answer, Challenge, Hello, Signed, Talk

KEY, OTHER = bytes(range(32)), bytes(32)
AGENT = "a" * 32


@pytest.fixture
def ends():
    """Both ends of a connection."""
    near, far = socket.socketpair()
    with near, far:
        yield near, far


def test_a_proof_holds_for_its_key_role_and_words_only():
    """Another key, another role, another nonce or a moved boundary between two words make another proof."""
    proofs = {
        greeting.proof(KEY, "hello", b"ab", b"c"),
        greeting.proof(KEY, "hello", b"a", b"bc"),
        greeting.proof(KEY, "answer", b"ab", b"c"),
        greeting.proof(KEY, "ticket", b"ab", b"c"),
        greeting.proof(KEY, "announcement", b"ab", b"c"),
        greeting.proof(OTHER, "hello", b"ab", b"c"),
        greeting.proof(KEY, "hello", b"ab", b"d"),
    }
    assert len(proofs) == 7


@pytest.mark.parametrize("forged", ["", "0" * 64, "я" * 64, "x"])
def test_what_is_no_proof_proves_nothing(forged):
    """No text, however odd, passes for a proof."""
    assert not greeting.is_proven(KEY, Signed(body="{}", proof=forged), "hello", b"challenge")
    good = greeting.proof(KEY, "hello", b"challenge", b"{}")
    assert greeting.is_proven(KEY, Signed(body="{}", proof=good), "hello", b"challenge")


def test_a_challenge_never_comes_twice():
    """Each has a nonce of its own, so that no recorded hello fits another."""
    assert greeting.challenge(AGENT).nonce != greeting.challenge(AGENT).nonce


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("10.0.0.1", True),
        ("::ffff:192.168.1.1", True),
        ("fd00::1", True),
        ("fe80::1%eth0", True),
        ("127.0.0.1", True),
        ("8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("2a00:1450::1", False),
        ("224.0.0.251", False),
        ("::", False),
        ("school.example", False),
        ("", False),
    ],
)
def test_addresses_inside_a_school(address, inside):
    """Private, link-local and this computer's own addresses are; public ones, groups and names are not."""
    assert greeting.is_inside(address) is inside


def test_lines_come_whole_however_they_are_cut(ends):
    """Two lines in one piece, or one in two, are two lines and one."""
    near, far = ends
    talk = Talk(near)
    far.sendall(b'{"a":1}\n{"b"')
    assert talk.hear(time.monotonic() + 5) == b'{"a":1}'
    far.sendall(b":2}\n")
    assert talk.hear(time.monotonic() + 5) == b'{"b":2}'


@pytest.mark.parametrize(
    ("sent", "word"), [(b"", "stalled"), (b"{", "stalled"), (b"x" * 10_000, "protocol_error"), (None, "closed_early")]
)
def test_a_line_that_does_not_come_ends_in_a_word(ends, sent, word):
    """Silence, half a line, an endless one and a closed connection end within the deadline."""
    near, far = ends
    if sent is None:
        far.close()
    else:
        far.sendall(sent)
    with pytest.raises(TransferError) as error:
        Talk(near).hear(time.monotonic() + 0.2)
    assert error.value.failure == word


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"", Challenge),
        (b"HTTP/1.1 400 Bad Request", Challenge),
        (b"[" * 4000, Challenge),
        (b'{"protocol":1,"agent":"short","nonce":"00","time":1}', Challenge),
        (b'{"agent":"%s","nonce":"%s","to":"10.0.0.1","wants":"everything"}' % (b"a" * 32, b"0" * 64), Hello),
        (b'{"granted":true,"port":0}', Answer),
        (b'{"granted":true,"link_bps":1e999}', Answer),
        (b'{"granted":true,"link_bps":-5}', Answer),
        (b'{"granted":true,"medium":"pigeon"}', Answer),
    ],
)
def test_hostile_lines_are_refused(line, kind):
    """What is out of bounds or no line of ours is a protocol error, never a crash."""
    with pytest.raises(TransferError) as error:
        greeting.read(line, kind)
    assert error.value.failure == "protocol_error"
