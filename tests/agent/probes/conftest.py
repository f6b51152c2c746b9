"""What the probes' tests measure against: real reflectors, plain and over TLS."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.meter import progress
from agent.probes import lan
from tests.fakes import reflectors
from tests.fakes.certificates import Authority


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the lan probe find no way out but loopback, so that no test asks the network that it runs in."""
    monkeypatch.setattr(lan, "_ANYWHERE", [(socket.AF_INET, ("127.0.0.1", 9))])


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Give the HOST:PORT of a real reflector."""
    with reflectors.reflector() as place:
        yield place


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give a certificate authority that no computer trusts by itself."""
    return Authority(tmp_path)


@pytest.fixture
def secure_server(authority: Authority) -> Iterator[str]:
    """Give the HOST:PORT of a real reflector with a certificate of the authority."""
    with reflectors.reflector(tls=authority.issue()) as place:
        yield f"localhost:{place.rpartition(':')[2]}"


@pytest.fixture
def heard() -> Iterator[list[progress.Progress]]:
    """Watch what is measured in the test; the list fills meanwhile."""
    told: list[progress.Progress] = []
    with progress.watch(told.append):
        yield told


@pytest.fixture
def lesson(tmp_path: Path) -> Callable[..., str]:
    """Write a catalogue of the services probe with a lesson that is over soon, and no platforms."""

    def write(bitrate_bps: int = 400_000, streams: int = 2, most_streams: int = 4) -> str:
        file = tmp_path / "services.toml"
        video = f"bitrate_bps = {bitrate_bps}\nstreams = {streams}\nmost_streams = {most_streams}\nlesson_s = 4"
        file.write_text(f'[video]\nsource = "test"\n{video}\n[cameras]\nbitrate_bps = 4_000_000\nsource = "test"\n')
        return str(file)

    return write
