"""What a whole test asks and says beside the bytes."""

import socket
import time

import pytest

from agent.meter import both_ways, dial
from agent.meter.both_ways import Settings
from agent.meter.errors import TransferError


def test_a_verdict_without_targets_asks_for_the_standard() -> None:
    """The shipped standard's least is what a verdict without targets asks for; a setting comes first."""
    assert (Settings().target_bps("download"), Settings().target_bps("upload")) == (20e6, 5e6)
    assert Settings(target_download_bps=50e6).target_bps("download") == 50e6
    assert Settings(target_upload_bps=7e6).target_bps("upload") == 7e6


def made(port: int) -> both_ways.Test:
    return both_ways.Test(Settings(), None, dial.Endpoint("ws", "school.test", port), time.monotonic() + 5)


def test_of_several_addresses_the_living_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Echoes go to the address that answers, wherever in the list the dead one stands."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        dead = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", port, 0, 0))
        alive = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        for answers in ([dead, alive], [alive, dead], [alive]):
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, found=answers, **_k: found)
            assert made(port)._place() == (socket.AF_INET, ("127.0.0.1", port))


def test_where_none_answers(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    """Where every address refuses, that is what is said."""
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", closed_port)) for last in (1, 2)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: both)
    with pytest.raises(TransferError) as caught:
        made(closed_port)._place()
    assert caught.value.failure == "connect_refused"
