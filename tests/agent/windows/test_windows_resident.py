"""The work of the Windows service on this system: enrolling by itself, waiting for a person, stopping."""

import pytest

from agent import enrollment, identity, service
from agent.contract.errors import SettingsError
from agent.contract.wire import SchoolCard
from agent.host.clock import Clock
from agent.windows import resident
from tests.fakes import collector as fakes
from tests.fakes.windows import FakeRegistry


def stop_at_once(_seconds: float) -> None:
    raise KeyboardInterrupt


@pytest.fixture
def the_collector():
    with fakes.running() as running:
        yield running


def test_enrolled_by_what_the_installer_was_given(tmp_path, the_collector, monkeypatch) -> None:
    """At its first start the service joins the school of the token, in the room with its quotes, and then measures."""
    worked = []
    monkeypatch.setattr(service, "work", lambda state, _settings, _clock: worked.append(state))
    the_collector.tokens["abcde23456fghjk789mn"] = SchoolCard(id="007", name="№7 мектеп", region="Астана")
    given = {"collector": the_collector.url, "token": "abcde23456fghjk789mn", "room": '12 "А"'}
    registry = FakeRegistry({name: (f"text:{text}", 1) for name, text in given.items()})
    resident.work(tmp_path, Clock(sleep=stop_at_once), registry)
    assert worked == [tmp_path]
    assert identity.require(tmp_path).identity.room == '12 "А"'
    assert enrollment.read_file(tmp_path / enrollment.FILE_NAME).token is None
    assert "token" not in registry.values


def test_without_a_token_it_waits(tmp_path, caplog) -> None:
    """A computer without a school is no failure: the service looks again, says so once, and stops when told."""
    waits = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        resident.work(tmp_path, Clock(sleep=sleep), FakeRegistry())
    assert len(waits) == 3
    assert [record.message.startswith("waiting:") for record in caplog.records] == [True]


def test_wrong_settings_are_named(tmp_path) -> None:
    """The settings beside the state are read, and a wrong one ends the service with the file's name."""
    (tmp_path / resident.SETTINGS_FILE).write_text("[agent]\nrum = 3\n")
    with pytest.raises(SettingsError, match="rum"):
        resident.work(tmp_path, Clock(sleep=stop_at_once), FakeRegistry())
