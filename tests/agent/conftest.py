import socket
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from nacl.signing import SigningKey

from agent import identity, probes, reflector, service
from agent.contract import report, signing
from agent.contract.report import Report
from agent.contract.wire import Policy, SchoolCard
from agent.identity import Enrolled, Identity
from agent.outbox import Outbox, Place
from agent.service import Station
from agent.settings import Settings
from agent.uplink import Uplink
from tests.fakes.collector import FakeCollector, running

SCHOOL = SchoolCard(id="0012", name="№12 мектеп-гимназия", region="Жетісу облысы", district="Талдықорған", pupils=640)
OTHER_SCHOOL = SchoolCard(id="0013", name="School 13")
QUICK = {
    "msak": {"max_s": 3.0, "connections": 1},
    "latency": {"count": 5, "interval_s": 0.02},
    "link": {"count_s": 0.1},
}


@pytest.fixture
def collector() -> Iterator[FakeCollector]:
    """A collector on loopback that knows two schools' tokens."""
    with running() as fake:
        fake.tokens = {"token": SCHOOL, "other": OTHER_SCHOOL}
        yield fake


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder that is not there yet."""
    return tmp_path / "state"


@pytest.fixture
def outbox(state: Path) -> Outbox:
    """An empty outbox with the usual bounds."""
    return Outbox(state, max_bytes=2**26, max_age_days=90)


@pytest.fixture
def key() -> SigningKey:
    """A key of an agent."""
    return SigningKey.generate()


@pytest.fixture
def make_report(key: SigningKey) -> Callable[[Place], signing.Envelope]:
    """What session.record hands to the outbox, with no measurements."""
    return report_maker(key)


def report_maker(
    key: SigningKey, room: str | None = None, trigger: str = "light"
) -> Callable[[Place], signing.Envelope]:
    """Return a function that makes a signed report for a place in the chain."""

    def make(place: Place) -> signing.Envelope:
        made = Report(
            agent=agent_of(key),
            school=SCHOOL.id,
            sequence=place.sequence,
            previous=place.previous,
            boot_id="boot",
            created_at=datetime.now(UTC),
            monotonic_s=1.0,
            time_zone="Asia/Almaty",
            software="netready-agent/test",
            trigger=trigger,
            room=room,
            dropped=place.dropped,
            measurements=(),
        )
        return signing.sign(report.PAYLOAD_TYPE, report.encode(made), key)

    return make


def agent_of(key: SigningKey) -> str:
    """Return the agent id of a key."""
    return signing.agent_id(bytes(key.verify_key))


@pytest.fixture
def station(state: Path, key: SigningKey, collector: FakeCollector, reflector_url: str) -> Station:
    """A computer enrolled at the fake collector, measuring quickly against a reflector on loopback."""
    who = Identity(agent=agent_of(key), school=SCHOOL, collector=collector.url, enrolled_at=datetime.now(UTC))
    collector.keys[who.agent] = (bytes(key.verify_key), SCHOOL.id)
    collector.policy = Policy(servers=(reflector_url,))
    state.mkdir()
    (state / "key").write_text(bytes(key).hex())
    identity.save(state, who, collector.policy)
    settings = Settings(probes=QUICK)
    return Station(
        state=state,
        settings=settings,
        enrolled=Enrolled(identity=who, key=key),
        outbox=service.outbox(state, settings),
        uplink=Uplink(settings),
    )


@pytest.fixture
def quick_config(tmp_path: Path) -> Path:
    """A settings file that makes every probe quick."""
    file = tmp_path / "agent.toml"
    lines = []
    for name, table in QUICK.items():
        lines += [f"[probes.{name}]", *(f"{setting} = {value}" for setting, value in table.items())]
    file.write_text("\n".join(lines))
    return file


@pytest.fixture(scope="session")
def reflector_url() -> Iterator[str]:
    """A reflector on loopback, in a thread."""
    stop = threading.Event()
    told: list[str] = []
    ready = threading.Event()

    def listening(line: str) -> None:
        told.append(line)
        ready.set()

    thread = threading.Thread(target=reflector.serve, args=(("127.0.0.1", 0), None, None, listening, stop), daemon=True)
    thread.start()
    assert ready.wait(10)
    yield f"ws://{told[0].split()[1]}"
    stop.set()
    thread.join(10)


@pytest.fixture
def closed_port() -> int:
    """A loopback port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def add_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Add a probe the way everybody does: as one more file; one with settings is an engine that fills the line."""
    folder = tmp_path / "probes"
    folder.mkdir()
    monkeypatch.setattr(probes, "__path__", [*probes.__path__, str(folder)])
    added: list[str] = []

    def add(name: str, measure: str, *settings: str) -> None:
        (folder / f"{name}.py").write_text(
            "from typing import ClassVar\nfrom msgspec import Struct\n"
            "from agent.errors import ProbeUnavailable\nfrom agent.contract.errors import SettingsError\n"
            "from agent.contract.measurement import *\n"
            "class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):\n"
            f"    takes_the_line: ClassVar[bool] = {bool(settings)}\n    needs_server: ClassVar[bool] = False\n"
            + "".join(f"    {one} = None\n" for one in settings)
            + f"    def measure(self, deadline_s):\n        {measure}\n"
        )
        added.append(f"{probes.__name__}.{name}")

    yield add
    for module in added:
        sys.modules.pop(module, None)


def as_json(text: str) -> dict[str, object]:
    """Read one JSON object."""
    return msgspec.json.decode(text, type=dict[str, object])
