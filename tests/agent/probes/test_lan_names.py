"""Name servers that are honest, lie, are slow, are silent, or answer nonsense; their times and what is said of them."""

import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract.lan import Resolver
from agent.probes import _lan_dns, _lan_names
from agent.probes._lan_dns import Answer, GarbledError
from agent.probes._lan_names import KNOWN, Server, Shown, differing
from tests.fakes.bad_server import BadServer, wait
from tests.fakes.certificates import Authority
from tests.fakes.name_server import CUT_OFF, REFUSED, SERVER_FAILED, Behaviour, NameServer, reply, says, slowly

TRUE = {name: min(addresses) for name, addresses in KNOWN.items()} | {
    "diary.example": "8.8.4.4",
    "a.example": "9.9.9.9",
}
NAMES = ("diary.example", "a.example")


def looked(*behaviours: Behaviour, over_tcp: Behaviour | None = None, within_s: float = 10.0) -> tuple[Resolver, ...]:
    """Look at name servers that behave so; certificates show nothing."""
    with ExitStack() as stack:
        servers = [stack.enter_context(NameServer(each, over_tcp)) for each in behaviours]
        places = [Server(each.address, each.port) for each in servers]
        return _lan_names.look(places, NAMES, time.monotonic() + within_s, lambda _name, _addresses: "none")


def test_an_honest_server() -> None:
    """Every question is answered, names that cannot exist do not, and nothing is false."""
    [told] = looked(says(TRUE))
    assert (told.asked, told.answered) == (8, 8)  # two names twice, two that cannot exist, two with known addresses
    assert told.invents is False
    assert told.differs == ()
    assert told.failure is None
    assert told.median_ms is not None
    assert told.cold_ms is not None


def test_the_first_answer_is_told_apart() -> None:
    """A server that has to ask further takes longer the first time only."""
    [told] = looked(slowly(says(TRUE), 0.2, first_only=True))
    assert told.cold_ms >= 200 > told.median_ms


def test_a_slow_server() -> None:
    """A server that is always slow is slow the second time too."""
    [told] = looked(slowly(says(TRUE), 0.1))
    assert told.median_ms >= 100


def test_a_server_that_knows_every_name() -> None:
    """Addresses for names that cannot exist are made up; so are other addresses of names with well-known ones."""
    [told] = looked(says({}, otherwise="192.0.2.9"))
    assert told.invents is True
    assert told.differs == tuple(sorted(KNOWN))


def test_a_liar_among_others() -> None:
    """The one whose address of a name is far from what two others say is named, with the name; they are not."""
    honest, liar = says(TRUE), says(TRUE | {"diary.example": "45.1.2.3"})
    one, two, three = looked(honest, liar, honest)
    assert two.differs == ("diary.example",)
    assert one.differs == three.differs == ()


@pytest.mark.parametrize(
    ("code", "word"), [(REFUSED, "refused_by_server"), (SERVER_FAILED, "dns_failed"), (4, "protocol_error")]
)
def test_a_server_that_refuses(code: int, word: str) -> None:
    """A server that answers nothing is given up after three questions, and why is said."""
    [told] = looked(lambda question, _name: reply(question, code=code))
    assert (told.asked, told.answered, told.failure, told.invents) == (3, 0, word, None)


def test_a_silent_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is a failure of its own, and no time is reckoned from it."""
    monkeypatch.setattr(_lan_names, "_PATIENCE_S", 0.05)
    [told] = looked(lambda _question, _name: None)
    assert (told.asked, told.answered, told.failure) == (3, 0, "no_answer")
    assert told.median_ms is None


def test_nobody_listens(closed_port: int) -> None:
    """Where nothing listens the system says so at once."""
    [told] = _lan_names.look([Server("127.0.0.1", closed_port)], NAMES, time.monotonic() + 5)
    assert (told.answered, told.failure) == (0, "connect_refused")


def test_what_is_garbled_is_no_answer() -> None:
    """Bytes that are no answer are a protocol error; forged ones of another question are passed over."""
    [told] = looked(lambda question, _name: question[:2] + b"\x81\x80" + b"\xff" * 8)
    assert told.failure == "protocol_error"
    [told] = looked(lambda question, _name: bytes([question[0] ^ 1]) + reply(question, ("9.9.9.9",))[1:], within_s=0.3)
    assert told.answered == 0


def test_no_time() -> None:
    """With no time left nothing is asked, and no question counts that had no time to be answered."""
    [told] = looked(says(TRUE), within_s=0.0)
    assert (told.asked, told.failure) == (0, None)
    [told] = looked(lambda _question, _name: None, within_s=0.2)
    assert told.asked == 0


def test_an_answer_that_does_not_fit() -> None:
    """What is cut off is asked for over TCP; a TCP server that breaks off or is silent costs nothing else."""
    cut: Behaviour = lambda question, _name: reply(question, flags=CUT_OFF)  # noqa: E731 - one line says it
    [told] = looked(cut, over_tcp=says(TRUE))
    assert (told.answered, told.invents) == (8, False)
    [told] = looked(cut, over_tcp=lambda question, _name: reply(question)[:9])
    assert told.failure == "protocol_error"


def proofs(**shown: Shown | None) -> Callable[[str, frozenset[str]], Shown | None]:
    """Certificates by the first address, its dots as underscores."""
    return lambda _name, addresses: shown.get("at_" + min(addresses).replace(".", "_"), "none")


def judged(*addresses: str, name: str = "x.example", **shown: Shown | None) -> list[bool]:
    """Judge servers that gave one address each of a name."""
    heard = [{name: frozenset({each} if each else ())} for each in addresses]
    return [bool(each) for each in differing(heard, proofs(**shown))]


def test_content_networks_are_no_liars() -> None:
    """Addresses far from each other are true where the name's certificate is at them, or in one provider's network."""
    assert judged("8.8.8.8", "45.1.2.3", at_8_8_8_8="its", at_45_1_2_3="its") == [False, False]
    assert judged("8.8.8.8", "8.8.200.1") == [False, False]


def test_the_certificate_decides() -> None:
    """Of two that contradict each other the one with somebody else's certificate, or none, gives false addresses."""
    assert judged("8.8.8.8", "45.1.2.3", at_8_8_8_8="its", at_45_1_2_3="other") == [False, True]
    assert judged("8.8.8.8", "45.1.2.3", at_8_8_8_8="its") == [False, True]


def test_what_cannot_be_judged_is_not() -> None:
    """Nobody is accused on his word against another's, where a filter swaps all certificates, or out of time."""
    assert judged("8.8.8.8", "45.1.2.3") == [False, False]
    assert judged("8.8.8.8", "45.1.2.3", "45.1.9.9", at_8_8_8_8="other", at_45_1_2_3="other") == [False, False, False]
    assert judged("8.8.8.8", "45.1.2.3", "45.1.9.9", at_8_8_8_8=None) == [False, False, False]
    assert judged("8.8.8.8") == [False]


def test_a_private_address_for_a_public_name() -> None:
    """An inner address for what others find outside is false; without names outside, as in a lab, a majority counts."""
    assert judged("8.8.8.8", "10.0.0.1") == [False, True]
    assert judged("10.0.0.1", "10.9.0.1", "10.0.3.3") == [False, True, False]
    assert judged("8.8.8.8", "", "45.1.2.3") == [False, False, False]


def test_only_public_addresses_are_asked_for_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name server cannot make this computer connect to something inside the school."""
    monkeypatch.setattr(_lan_names.dial, "connect", lambda *_arguments: pytest.fail("connected"))
    inside = frozenset({"127.0.0.1", "192.168.1.1", "10.0.0.1", "169.254.1.1", "0.0.0.1"})
    assert _lan_names.certificate("x.example", inside, time.monotonic() + 10) == "none"
    assert _lan_names.certificate("x.example", frozenset({"8.8.8.8"}), time.monotonic()) is None


@pytest.mark.parametrize(
    ("names", "trusted", "shown"),
    [("localhost", True, "its"), ("x.example", True, "other"), ("localhost", False, "other")],
)
def test_whose_certificate_is_there(monkeypatch, tmp_path, names: str, trusted: bool, shown: str) -> None:
    """The name's own certificate of a trusted authority is its; another's, or one that nobody vouches for, is not."""
    authority = Authority(tmp_path)
    context = ssl.create_default_context(cafile=authority.file if trusted else None)
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(*authority.issue(f"DNS:{names}"))
    monkeypatch.setattr(_lan_names.transport, "tls_context", lambda _file: context)
    with BadServer(wait, served) as server:
        here = (socket.AF_INET, ("127.0.0.1", server.port))
        connect = _lan_names.dial.connect
        monkeypatch.setattr(_lan_names.dial, "connect", lambda _places, until: connect([here], until))
        assert _lan_names.certificate("localhost", frozenset({"8.8.8.8"}), time.monotonic() + 10) == shown


def test_where_nothing_speaks_tls(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    """An address where nothing listens shows no certificate."""
    here = (socket.AF_INET, ("127.0.0.1", closed_port))
    connect = _lan_names.dial.connect
    monkeypatch.setattr(_lan_names.dial, "connect", lambda _places, until: connect([here], until))
    assert _lan_names.certificate("localhost", frozenset({"8.8.8.8"}), time.monotonic() + 10) == "none"


# -- the codec -----------------------------------------------------------------------------------------------------

ASKED = _lan_dns.question(7, "diary.example")


def records(*each: bytes, count: int | None = None) -> bytes:
    """Return an answer to ASKED with these records."""
    head = struct.pack("!6H", 7, 0x8180, 1, len(each) if count is None else count, 0, 0)
    return head + ASKED[12:] + b"".join(each)


def record(owner: bytes, kind: int, data: bytes) -> bytes:
    """Return one record."""
    return owner + struct.pack("!HHIH", kind, 1, 60, len(data)) + data


def test_aliases_are_followed() -> None:
    """Addresses behind aliases are the name's, in whatever order they stand; those of strangers are not."""
    www, cdn, other = b"\x03www\xc0\x0c", b"\x03cdn\x03net\0", b"\x05other\x03net\0"
    told = records(
        record(cdn, 1, bytes([9, 9, 9, 9])),
        record(www, 5, cdn),
        record(other, 1, bytes([6, 6, 6, 6])),
        record(b"\xc0\x0c", 5, www),
        record(cdn, 28, bytes(16)),
    )
    assert _lan_dns.answer(told, ASKED) == Answer(code=0, addresses=frozenset({"9.9.9.9"}))


def test_aliases_in_circles_end() -> None:
    """Names that are aliases of each other have no address, and end."""
    a, b = b"\x01a\0", b"\x01b\0"
    told = records(record(b"\xc0\x0c", 5, a), record(a, 5, b), record(b, 5, a))
    assert _lan_dns.answer(told, ASKED) == Answer(code=0)


@pytest.mark.parametrize(
    "message",
    [
        records(count=1),
        records(b"\xc0\x0c\0\1"),
        records(record(b"\xc0\x0c", 1, b"abcd")[:-1]),
        records(b"\xc0" + bytes([len(ASKED)])),
        records(b"\xc0\xff"),
        records(b"\x41" + b"a" * 65 + b"\0"),
        records((b"\x3f" + b"a" * 63) * 5 + b"\0"),
        records(b"\x80\0"),
        struct.pack("!6H", 7, 0x8180, 0, 0, 0, 0),
        struct.pack("!6H", 7, 0x0100, 1, 0, 0, 0) + ASKED[12:],
        struct.pack("!6H", 7, 0x8180, 1, 0, 0, 0) + _lan_dns.question(7, "another.example")[12:],
    ],
)
def test_hostile_answers_are_refused(message: bytes) -> None:
    """What breaks off, leads in circles, is too long, or answers another question is refused."""
    with pytest.raises(GarbledError):
        _lan_dns.answer(message, ASKED)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(tail: bytes) -> None:
    """Whatever comes, it is an answer, none, or garbled; never an error of another kind."""
    for head in (b"", ASKED[:2], records(), records(count=9)):
        try:
            _lan_dns.answer(head + tail, ASKED)
        except GarbledError:
            continue


@pytest.mark.parametrize("name", ["", ".", "a..b", "a" * 64, ".".join(["a" * 60] * 5), "bad\u2028name.é" + "é" * 70])
def test_names_that_cannot_be_asked_for(name: str) -> None:
    """What DNS cannot carry is refused before anything is sent."""
    with pytest.raises(ValueError):
        _lan_dns.question(0, name)
