"""What the echoes to the first router tell of a test; the echoes themselves run in the lab."""

from contextlib import ExitStack

from agent.contract.measurement import GatewayEchoes
from agent.host import addresses
from agent.host.path import Path
from agent.host.ping import Sample
from agent.meter import gateway
from agent.meter.gateway import Windows

WINDOWS = Windows(idle=(0.0, 1.0), loaded={"download": (2.0, 4.0), "upload": (5.0, 6.0)})


def at(begin: float, *rtts_ms: float | None) -> tuple[Sample, ...]:
    """Echoes ten a second, from this moment on."""
    return tuple(Sample(begin + n / 10, None if rtt is None else rtt / 1000) for n, rtt in enumerate(rtts_ms))


def path(source: str) -> Path:
    return Path(interface="eth0", source=source, vpn=False, evidence="")


def test_windows() -> None:
    """Idle line, download and upload are kept apart, and what was sent between them is no part of any."""
    samples = at(0, 1, 2, 3) + at(1.5, 900, 900) + at(2, *[10] * 9, 30) + at(4.5, None) + at(5, 5, None)
    assert gateway.summarise("icmp", samples, WINDOWS) == GatewayEchoes(
        protocol="icmp", sent=15, received=14, idle_ms=2, download_ms=10, download_p95_ms=30,
        loss_ratio=round(1 / 15, 6),
    )  # fmt: skip


def test_silence() -> None:
    """A router that never answered has no times and no loss; without any echo there is nothing to say."""
    told = gateway.summarise("icmp", at(0, None, None, None), WINDOWS)
    assert told == GatewayEchoes(protocol="icmp", sent=3, received=0)
    assert gateway.summarise("icmp", (), WINDOWS) is None
    assert gateway.summarise("icmp", at(1.2, 5), Windows(idle=(0, 1), loaded={})) is None


def test_where_there_is_no_router(monkeypatch) -> None:
    """Inside one computer, without a way and without a router nothing is sent."""
    monkeypatch.setattr(addresses, "gateway", lambda _interface: None)
    with ExitStack() as stack:
        assert gateway.beside(None, stack) is None
        assert gateway.beside(path("192.0.2.2"), stack) is None
        monkeypatch.setattr(addresses, "gateway", lambda _interface: "127.0.0.1")
        assert gateway.beside(path("127.0.0.1"), stack) is None
        assert gateway.beside(path("::1"), stack) is None


def test_a_router_that_is_nowhere(monkeypatch) -> None:
    """An address that cannot be reached fails nothing: there is nothing to say of it."""
    monkeypatch.setattr(addresses, "gateway", lambda _interface: "fe80::1%nowhere")
    with ExitStack() as stack:
        made = gateway.beside(path("192.0.2.2"), stack)
        made.load_begins()
        assert made.told({"download": (0.0, 1.0)}) is None
