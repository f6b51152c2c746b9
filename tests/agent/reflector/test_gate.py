"""Who may test: a lease's ticket where one is wanted, limits of a network in an hour, and what is counted of it all."""

import json
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import msgspec
import pytest
from nacl.signing import SigningKey

from agent.contract import ticket
from agent.contract.errors import MalformedError, SettingsError, SignatureError
from agent.contract.measurement import Failed, Latency, Throughput
from agent.contract.ticket import Ticket
from agent.meter import echo, http_head
from agent.meter.errors import HeadError
from agent.probes import latency, librespeed, msak, ndt7
from agent.reflector import gate, metrics, request
from agent.reflector.echo import RATE_PER_S, EchoServer
from agent.reflector.gate import Gate, Leases, Limits
from agent.reflector.nonces import WINDOW_S, Nonces
from agent.reflector.server import EVERYTHING, serve

KEY = SigningKey(b"\7" * 32)
LEASE = "ab" * 16
ADDRESS = "ws://test.school.kz:4443"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has all of 127.0.0.0/8")


@contextmanager
def running(limits: Limits, leases: Leases | None = None) -> Iterator[tuple[str, Gate]]:
    """Run a reflector with a gate, and give its place and the gate."""
    let_in, stop, listens, lines = Gate(limits, leases), threading.Event(), threading.Event(), []

    def ready(line: str) -> None:
        lines.append(line)
        listens.set()

    offer = msgspec.structs.replace(EVERYTHING, gate=let_in)
    thread = threading.Thread(
        target=serve, args=(("127.0.0.1", 0), None, None, ready, stop), kwargs={"offer": offer}, daemon=True
    )
    thread.start()
    try:
        assert listens.wait(10)
        yield lines[0].split()[1], let_in
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def strict() -> Iterator[tuple[str, Gate]]:
    """A reflector that takes only tests under a lease of ours."""
    leases = Leases(public_keys=(bytes(KEY.verify_key),), servers=("wss://other.kz", f"{ADDRESS}/"))
    with running(Limits(tests=0), leases) as one:
        yield one


def lease_ticket(key: SigningKey = KEY, **changes) -> str:
    now = int(time.time())
    usual = {"lease": LEASE, "server": ADDRESS, "not_before": now - 1, "expires": now + 60, "max_bytes": 10**12}
    return ticket.issue(Ticket(**(usual | changes)), key)


def asked(place: str, shown: str | None, path: str = "/backend/garbage.php?ckSize=1") -> httpx.Response:
    return httpx.get(f"http://{place}{path}", headers={} if shown is None else {ticket.HEADER: shown})


def test_a_ticket_opens(strict: tuple[str, Gate]) -> None:
    """With the lease's ticket a test is served, as often as one test takes connections."""
    for _connection in range(3):
        assert asked(strict[0], lease_ticket()).status_code == 200


def broken(text: str) -> str:
    return ("A" if text[0] != "A" else "B") + text[1:]


def other_type() -> str:
    """Sign the right payload with the right key, as something else than a ticket."""
    payload, _, _ = lease_ticket().partition(".")
    signature = KEY.sign(b"DSSEv1 4 text %d " % len(payload) + payload.encode()).signature
    return f"{payload}.{ticket._text(signature)}"


@pytest.mark.parametrize(
    ("shown", "cause"),
    [
        (lambda: None, "ticket-missing"),
        (lambda: "", "ticket-forged"),
        (lambda: "x" * 3000, "ticket-forged"),
        (lambda: broken(lease_ticket()), "ticket-forged"),
        (lambda: lease_ticket()[:-12] + "A" * 12, "ticket-forged"),
        (lambda: lease_ticket(SigningKey.generate()), "ticket-forged"),
        (other_type, "ticket-forged"),
        (lambda: lease_ticket(expires=int(time.time()) - gate.CLOCKS_S - 2), "ticket-expired"),
        (lambda: lease_ticket(not_before=int(time.time()) + gate.CLOCKS_S + 10), "ticket-early"),
        (lambda: lease_ticket(server="ws://another.school.kz:4443"), "ticket-elsewhere"),
    ],
)
def test_another_ticket_does_not(strict: tuple[str, Gate], shown: Callable[[], str | None], cause: str) -> None:
    """Missing, damaged, forged, expired, early and foreign ones are refused, each with its cause, and counted."""
    place, let_in = strict
    before = refusals(let_in, cause)
    answer = asked(place, shown())
    assert (answer.status_code, answer.headers[ticket.REFUSAL_HEADER]) == (403, cause)
    assert answer.json()["detail"] == ticket.REFUSALS[cause]
    assert refusals(let_in, cause) == before + 1


def refusals(let_in: Gate, cause: str) -> int:
    return figure(let_in, f'refusals_total{{cause="{cause}"}}')


def figure(let_in: Gate, name: str) -> int:
    [line] = [line for line in let_in.metrics.text().splitlines() if line.startswith(f"netready_reflector_{name} ")]
    return int(line.rpartition(" ")[2])


def test_a_ticket_is_for_its_own_lease(strict: tuple[str, Gate]) -> None:
    """A ticket that is shown for another lease than it names is refused: the record would name that one."""
    path = f"/backend/garbage.php?ckSize=1&netready_lease={'cd' * 16}"
    assert asked(strict[0], lease_ticket(), path).headers[ticket.REFUSAL_HEADER] == "ticket-forged"


def test_a_ticket_s_bytes_are_all_there_are(strict: tuple[str, Gate]) -> None:
    """A ticket's bytes end a transfer, and count over all of its connections; then it is spent."""
    shown = lease_ticket(lease="cd" * 16, max_bytes=3 << 20)
    assert asked(strict[0], shown).status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        asked(strict[0], shown, "/backend/garbage.php?ckSize=100")
    assert asked(strict[0], shown).headers[ticket.REFUSAL_HEADER] == "ticket-spent"


@pytest.mark.parametrize("path", ["/healthz", "/backend/empty.php", "/backend/getIP.php", echo.NONCE_PATH])
def test_what_moves_nothing_needs_no_ticket(strict: tuple[str, Gate], path: str) -> None:
    """A client finds out whom it talks to without a ticket."""
    assert asked(strict[0], None, path).status_code == 200


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "GET"])
def test_a_body_needs_a_ticket(strict: tuple[str, Gate], method: str) -> None:
    """Whoever sends something uses the line, by whatever name."""
    answer = httpx.request(method, f"http://{strict[0]}/backend/empty.php", content=b"x" * 1000)
    assert answer.headers[ticket.REFUSAL_HEADER] == "ticket-missing"


@pytest.mark.parametrize("probe", [msak, ndt7, librespeed])
def test_an_agent_shows_its_ticket(strict: tuple[str, Gate], probe) -> None:
    """Every engine measures with the ticket; without it the failure says what the server wants."""
    server = f"{'http' if probe is librespeed else 'ws'}://{strict[0]}"
    seen = probe.Probe(server=server, max_s=1.0, lease=LEASE, ticket=lease_ticket(expires=int(time.time()) + 90))
    assert isinstance(seen.measure(20), Throughput)
    refused = probe.Probe(server=server, max_s=1.0, lease=LEASE).measure(20)
    assert isinstance(refused, Failed)
    assert (refused.failure, ticket.REFUSALS["ticket-missing"] in refused.detail) == ("refused_by_server", True)


def test_tests_of_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that had its tests is told when to come back; then it may again."""
    with running(Limits(tests=2)) as (place, let_in):
        first = httpx.get(f"http://{place}/backend/garbage.php?ckSize=1&mid=a")
        httpx.get(f"http://{place}/backend/garbage.php?ckSize=1&mid=b")
        refused = asked(place, None, "/backend/garbage.php?ckSize=1&mid=c")
        assert (first.status_code, refused.status_code) == (200, 429)
        assert refused.headers[ticket.REFUSAL_HEADER] == "tests"
        assert 3500 < int(refused.headers["retry-after"]) <= 3601
        assert asked(place, None, "/healthz").status_code == 200
        assert figure(let_in, 'tests_total{engine="librespeed"}') == 2
        monkeypatch.setattr(gate, "HOUR_S", 0.0)
        assert asked(place, None, "/backend/garbage.php?ckSize=1&mid=c").status_code == 200


def test_tests_are_counted_and_not_hoarded() -> None:
    """Whoever makes up names of tests is counted for each, and costs no memory."""
    let_in = Gate(Limits(tests=500))
    for number in range(500):
        assert let_in.admit(request_for(f"/backend/garbage.php?mid={number}"), "192.0.2.1") is not None
    assert len(let_in._hours["192.0.2.1"].names) == gate._NAMES
    with pytest.raises(HeadError, match="as many tests"):
        let_in.admit(request_for("/backend/garbage.php?mid=new"), "192.0.2.1")
    assert let_in.admit(request_for("/backend/garbage.php?mid=499"), "192.0.2.1") is not None  # a connection of it


def request_for(target: str) -> request.Request:
    return request.parse(http_head.parse(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()))


@LINUX
def test_bytes_of_an_hour() -> None:
    """A network's bytes end what is under way and refuse what comes after; another network has its own."""
    with running(Limits(bytes=2 << 20)) as (place, let_in):
        with pytest.raises(httpx.RemoteProtocolError):
            asked(place, None, "/backend/garbage.php?ckSize=100")
        refused = asked(place, None)
        assert (refused.status_code, refused.headers[ticket.REFUSAL_HEADER]) == (429, "bytes")
        with httpx.Client(transport=httpx.HTTPTransport(local_address="127.0.0.2")) as other:
            assert other.get(f"http://{place}/backend/garbage.php?ckSize=1").status_code == 200
        until = time.monotonic() + 10
        while figure(let_in, "bytes_total") < 3 << 20:  # the last are counted when the server has seen their end
            assert time.monotonic() < until
            time.sleep(0.01)


def test_connections_of_a_network() -> None:
    """How many a network may have open can be set."""
    host = ("127.0.0.1",)
    with running(Limits(connections=1)) as (place, let_in):
        address = (*host, int(place.rpartition(":")[2]))
        with socket.create_connection(address), socket.create_connection(address, timeout=5) as second:
            assert b"Netready-Refusal: connections" in second.recv(4096)
        assert refusals(let_in, "connections") == 1


def test_an_agent_hears_when_to_come_back() -> None:
    """A network's limit is "busy" in the report, with the cause and the time to wait."""
    with running(Limits(bytes=1)) as (place, _):
        httpx.post(f"http://{place}/backend/empty.php", content=b"xx")
        refused = msak.Probe(server=f"ws://{place}").measure(10)
    assert isinstance(refused, Failed)
    assert refused.failure == "busy"
    assert "as many bytes as the server allows in an hour; it asks to wait 36" in refused.detail


# -- the echo ------------------------------------------------------------------------------------------------------


def echoed(place: str, nonce: bytes, source: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.connect(("127.0.0.1", int(place.rpartition(":")[2])))
        sock.settimeout(0.3)
        sock.send(echo.request(b"12345678", 1, nonce))
        try:
            return echo.answered(sock.recv(2048), b"12345678") == 1
        except TimeoutError:
            return False


def test_the_echo_wants_a_nonce(strict: tuple[str, Gate]) -> None:
    """Where leases are wanted an echo needs the nonce that was handed out over TCP; no other will do."""
    place, let_in = strict
    told = json.loads(asked(place, None, echo.NONCE_PATH).text)
    assert (told["needed"], told["seconds"]) == (True, WINDOW_S)
    before = refusals(let_in, "nonce")
    assert echoed(place, bytes.fromhex(told["nonce"]))
    assert not echoed(place, b"")
    assert not echoed(place, b"\1" * 16)
    assert refusals(let_in, "nonce") == before + 2


@LINUX
def test_a_forged_sender_gets_nothing(strict: tuple[str, Gate]) -> None:
    """A nonce is worth nothing in another address's name, so that nobody is sent what he did not ask for."""
    nonce = bytes.fromhex(json.loads(asked(strict[0], None, echo.NONCE_PATH).text)["nonce"])
    assert not echoed(strict[0], nonce, "127.0.0.2")
    assert echoed(strict[0], nonce)


def test_forged_senders_use_up_nobody_s_share() -> None:
    """What has no nonce is not counted against the address in whose name it came."""
    nonces = Nonces()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.1", 0))
        server.setblocking(False)
        client.connect(server.getsockname())
        client.settimeout(1)
        echoes = EchoServer(server, knows=nonces.is_good)
        for _batch in range(2 * RATE_PER_S // 50):
            for number in range(50):
                client.send(echo.request(b"forged!!", number))
            echoes.answer()
        client.send(echo.request(b"12345678", 1, nonces.made("127.0.0.1")))
        echoes.answer()
        assert echo.answered(client.recv(2048), b"12345678") == 1


def test_a_nonce_ends() -> None:
    """It holds from five minutes to ten, for its network only, and no other reflector knows it."""
    nonces = Nonces()
    nonce = nonces.made("192.0.2.1", 1000.0)
    assert nonces.is_good(nonce, "192.0.2.1", 1000.0 + WINDOW_S)
    assert nonces.is_good(nonce, "::ffff:192.0.2.1", 1000.0)
    assert not nonces.is_good(nonce, "192.0.2.1", 1000.0 + 2 * WINDOW_S)
    assert not nonces.is_good(nonce, "192.0.2.2", 1000.0)
    assert not Nonces().is_good(nonce, "192.0.2.1", 1000.0)
    assert nonces.is_good(nonces.made("2001:db8::1", 5.0), "2001:db8::2", 5.0)


def test_an_agent_asks_for_the_nonce(strict: tuple[str, Gate]) -> None:
    """The latency probe learns that a nonce is wanted and gets its echoes; the next time it asks first."""
    probe = latency.Probe(server=f"ws://{strict[0]}", count=3, interval_s=0.01)
    assert isinstance(probe.measure(8), Latency)
    began = time.monotonic()
    assert isinstance(probe.measure(8), Latency)
    assert time.monotonic() - began < 1.5, "it waited again for echoes that cannot come"


def test_an_open_reflector_answers_without(strict: tuple[str, Gate]) -> None:
    """Without leases the echo stays as it was, for agents that know of no nonce."""
    with running(Limits()) as (place, _):
        assert echoed(place, b"")
        assert json.loads(asked(place, None, echo.NONCE_PATH).text)["needed"] is False


# -- keys, tickets, metrics ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "# none\n", "00" * 31, "zz" * 32, "\n".join(["00" * 32] * 17)])
def test_a_file_without_keys(text: str) -> None:
    """A file of keys that has none, or nonsense, is refused with its name."""
    with pytest.raises(SettingsError, match=r"keys\.txt"):
        gate.read_keys(text, "keys.txt")


def test_a_file_of_keys() -> None:
    """Keys stand one a line, with remarks."""
    assert gate.read_keys(f"# ours\n{'01' * 32}  # Almaty\n\n{'02' * 32}\n", "x") == (b"\1" * 32, b"\2" * 32)


def test_what_is_no_ticket() -> None:
    """Nonsense is told from a foreign signature."""
    with pytest.raises(MalformedError):
        ticket.read("ä.x", (bytes(KEY.verify_key),))
    with pytest.raises(SignatureError):
        ticket.read(lease_ticket(), ())


def test_metrics_are_served_on_loopback() -> None:
    """The counters come in Prometheus' format, every cause from the start with 0, and no address among them."""
    counted = metrics.Metrics()
    counted.count_bytes(7)
    counted.count_control("bbr")
    counted.count_control("made-up")
    counted.count_refusal("made-up")
    with metrics.served(counted, 0) as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics")
        assert httpx.get(f"http://127.0.0.1:{port}/").status_code == 404
        with pytest.raises(SettingsError, match="another port"), metrics.served(counted, port):
            pass
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert "netready_reflector_bytes_total 7" in lines
    assert 'netready_reflector_controls_total{control="bbr"} 1' in lines
    assert 'netready_reflector_controls_total{control="other"} 1' in lines
    assert 'netready_reflector_refusals_total{cause="other"} 1' in lines
    assert 'netready_reflector_refusals_total{cause="ticket-forged"} 0' in lines


def test_the_kernel_s_word_on_congestion_control(strict: tuple[str, Gate]) -> None:
    """What a test's connection really used is counted, BBR where the kernel has it and its own default elsewhere."""
    place, let_in = strict
    before = sum(figure(let_in, f'controls_total{{control="{one}"}}') for one in CONTROLS)
    asked(place, lease_ticket())
    for _look in range(50):
        if sum(figure(let_in, f'controls_total{{control="{one}"}}') for one in CONTROLS) > before:
            return
        time.sleep(0.02)
    pytest.fail("the connection was not counted")


CONTROLS = ("bbr", "cubic", "reno", "other", "unknown")
