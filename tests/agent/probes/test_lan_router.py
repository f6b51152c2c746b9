"""The school's router over UPnP: what it says, counters that wrap, stand still or lie, and hostile descriptions."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from agent.probes import _lan_router
from agent.probes import _lan_upnp as upnp
from agent.probes._lan_upnp import Place, Reading
from tests.fakes.bad_server import BadServer, drips, says, wait
from tests.fakes.gateway_device import COMMON, GatewayDevice

ROUTER = "127.0.0.1"


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> Iterator[GatewayDevice]:
    """A router on loopback; its counters are read without long waits."""
    monkeypatch.setattr(_lan_router, "_BETWEEN_S", 0.15)
    with GatewayDevice() as made:
        yield made


def asked(device: GatewayDevice, within_s: float = 10.0):
    """Ask it everything."""
    return _lan_router.ask(ROUTER, Place(device.port, "/desc.xml"), time.monotonic() + within_s)


def test_it_is_found(device: GatewayDevice) -> None:
    """The router answers the search and says where its description is."""
    found = _lan_router.search(ROUTER, ROUTER, time.monotonic() + 5, device.search_port)
    assert found == Place(device.port, "/desc.xml")


def test_nobody_is_found() -> None:
    """Without UPnP there is nothing to say, after a moment; of a router with IPv6 only nothing is asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((ROUTER, 0))
        assert _lan_router.search(ROUTER, ROUTER, time.monotonic() + 0.2, silent.getsockname()[1]) is None
    assert _lan_router.look("fe80::1%eth0", ROUTER, time.monotonic() + 5) is None


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://127.0.0.2:80/desc.xml",
        "http://router.example/desc.xml",
        "https://127.0.0.1/desc.xml",
        "http://user@127.0.0.1/desc.xml",
        "http://127.0.0.1:99999/",
        "file:///etc/passwd",
        "http://127.0.0.1/a b",
        "http://[::1]/",
        "http://127.0.0.1/" + "a" * 3000,
    ],
)
def test_descriptions_elsewhere_are_not_read(device: GatewayDevice, elsewhere: str) -> None:
    """Whatever the router says: only it itself is asked."""
    device.location = elsewhere
    assert _lan_router.search(ROUTER, ROUTER, time.monotonic() + 0.3, device.search_port) is None


def test_others_do_not_answer_for_it() -> None:
    """An answer to the search that comes from another address is not believed, even if it names the router."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as liar,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as it,
    ):
        liar.bind(("127.0.0.9", 0))
        it.bind((ROUTER, 0))

        def answer() -> None:
            _asked, sender = it.recvfrom(2048)
            liar.sendto(b"HTTP/1.1 200 OK\r\nLOCATION: http://127.0.0.1:80/\r\n\r\n", sender)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert _lan_router.search(ROUTER, ROUTER, time.monotonic() + 0.4, it.getsockname()[1]) is None
        thread.join(5)


def test_what_it_says(device: GatewayDevice) -> None:
    """Model, line, outer address and rates are read; a counter that starts again meanwhile costs nothing."""
    told = asked(device)
    assert told.model == "Maker Router 7"
    assert (told.link_up, told.link_download_bps, told.link_upload_bps) == (True, 100e6, 20e6)
    assert told.external_private is False
    assert told.counts
    assert told.download_bps == pytest.approx(8e6, rel=0.3)
    assert told.upload_bps == pytest.approx(8e5, rel=0.3)


def test_a_router_of_avm(device: GatewayDevice) -> None:
    """Where the router has counters of 64 bits those are read; they do not start again."""
    device.maker = "AVM Berlin"
    device.big = {"NewX_AVM_DE_TotalBytesReceived64": "5", "NewX_AVM_DE_TotalBytesSent64": "5"}
    assert asked(device).counts is False  # they stand still
    assert "GetTotalBytesReceived" not in device.asked
    device.big = {}
    assert asked(device).counts


def test_counters_that_stand_still(device: GatewayDevice) -> None:
    """Counters that do not move, or move faster than the line, count for nothing; the rest is still said."""
    device.receives_bps = device.sends_bps = 0
    told = asked(device)
    assert (told.counts, told.download_bps, told.upload_bps) == (False, None, None)
    assert told.link_up
    device.receives_bps, device.sends_bps = 2_000_000_000, 800_000
    assert asked(device).counts is False


def test_time_that_is_over(device: GatewayDevice) -> None:
    """With no time for a second reading there are no rates; with none at all there is nothing."""
    told = asked(device, within_s=0.1)
    assert told is None or not told.counts
    assert asked(device, within_s=0.0) is None


@pytest.mark.parametrize(
    ("address", "translated"),
    [
        ("203.0.113.7", False),
        ("8.8.8.8", False),
        ("192.168.0.2", True),
        ("10.1.1.1", True),
        ("172.20.0.1", True),
        ("100.64.3.2", False),
        ("0.0.0.0", None),  # noqa: S104 - what a router without a line says
        ("", None),
        ("nonsense", None),
        ("::1", None),
    ],
)
def test_the_outer_address(address: str, translated: bool | None) -> None:
    """A private or shared outer address is translated once more; without one nobody knows."""
    assert upnp.is_translated(address) is translated


def test_only_its_own_services_are_called(device: GatewayDevice) -> None:
    """Services that the description puts elsewhere are left out, whichever way it says so."""
    with BadServer(wait) as elsewhere:
        device.control_at = f"http://127.0.0.2:{elsewhere.port}"
        told = asked(device)
        assert (told.model, told.link_up, told.counts) == ("Maker Router 7", None, False)
        device.control_at, device.base = "", f"<URLBase>http://127.0.0.2:{elsewhere.port}/</URLBase>"
        assert asked(device).link_up is None
        assert elsewhere.connections == 0


BOMB = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'


@pytest.mark.parametrize(
    "document",
    [
        BOMB,
        BOMB.decode().encode("utf-16"),
        b"<a>" * 80_000,
        b"<root><device>",
        b"",
        b"\0" * 100,
        b"<a>" + b"x" * upnp.MOST_BYTES + b"</a>",
        b'<?xml version="1.0" encoding="utf-7"?>+ADw-+ACE-DOCTYPE',
    ],
)
def test_hostile_descriptions(device: GatewayDevice, document: bytes) -> None:
    """Entities, other encodings, endless nesting and length are refused, and nothing is said."""
    device.description = document
    assert asked(device) is None


@pytest.mark.parametrize("base", ["http://[", "http://192.168.[1.1:49000", "//[x]"])
def test_a_base_that_is_no_url(device: GatewayDevice, base: str) -> None:
    """It counts as none: the rest of what the router says still holds, and the probe goes on."""
    device.base = f"<URLBase>{base}</URLBase>"
    assert asked(device).link_up is True


def test_a_deep_description_is_read() -> None:
    """Nesting as deep as fits is no danger."""
    deep = b"<a>" * 30_000 + b"</a>" * 30_000
    assert upnp.describe(deep, Place(80, "/"), ROUTER).services == ()


@pytest.mark.parametrize(
    "behave",
    [
        wait,
        drips(b"HTTP/1.1 200 OK\r\n\r\n<a>"),
        says(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n"),
        says(b"SSH-2.0-dropbear\r\n"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 600_000),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<a"),
    ],
)
def test_routers_that_answer_nonsense(behave) -> None:
    """Silence, drips, redirections, other protocols, too much and too little end in time, and say nothing."""
    with BadServer(behave) as bad:
        assert _lan_router.ask(ROUTER, Place(bad.port, "/"), time.monotonic() + 0.5) is None


# -- counters ------------------------------------------------------------------------------------------------------


def rates(*pairs: tuple[int, int], wraps: bool = True, fastest: tuple[float | None, float | None] = (None, None)):
    """Return the rates of readings a second apart."""
    return upnp.rates([Reading(float(at), *pair, wraps) for at, pair in enumerate(pairs)], fastest)


def test_rates_over_a_wrap() -> None:
    """A counter of 32 bits that starts again goes on; one of 64 bits has no reason to."""
    assert rates((2**32 - 500, 100), (500, 200)) == upnp.Rates(8000, 800)
    assert rates((2**32 - 500, 100), (500, 200), wraps=False) is None


def test_counters_that_cannot_be_believed() -> None:
    """A reboot, a stop in one direction, a single reading, and more than the line carries are no rates."""
    assert rates((10**9, 100), (0, 200)) is None
    assert rates((100, 100), (200, 100)) is None
    assert rates((100, 100)) is None
    assert rates((0, 0), (2_000_000, 100), fastest=(10e6, None)) is None
    assert rates((0, 0), (2_000_000, 100), fastest=(20e6, None)) is not None


@pytest.mark.parametrize("word", [None, "", "-1", "1.5", "0x10", "٣", "1" * 21, "NaN"])
def test_numbers_that_are_none(word: str | None) -> None:
    """Only plain whole numbers are read."""
    assert upnp.number(word) is None


@pytest.mark.parametrize("word", ["0", "4294967295", "", None])
def test_speeds_that_stand_for_unknown(word: str | None) -> None:
    """What stands for "unknown" is null."""
    assert upnp.speed(word) is None


def test_a_service_cannot_smuggle_a_header() -> None:
    """A type that would end a line of the request is no service of ours."""
    service = f"<service><serviceType>{COMMON}&#13;&#10;X: y</serviceType><controlURL>/a</controlURL></service>"
    assert upnp.describe(f"<root>{service}</root>".encode(), Place(80, "/"), ROUTER).services == ()
    service = f"<service><serviceType>{COMMON}</serviceType><controlURL>/a&#10;b</controlURL></service>"
    told = upnp.describe(f"<root>{service}</root>".encode(), Place(80, "/"), ROUTER)
    assert all("\n" not in each.place.target for each in told.services)
