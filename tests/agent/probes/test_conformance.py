"""What every probe promises, whichever it is: found in the folder, so that a new one is held to it too."""

import time
import tomllib
from importlib import import_module

import msgspec
import pytest

from agent import probes
from agent.contract import shipped
from agent.contract.errors import SettingsError
from agent.contract.measurement import Failed, decode, encode
from agent.errors import ProbeUnavailable
from agent.probes import Probe
from tests.fakes.bad_server import BadServer, wait

NAMES = probes.names()
SERVED = [name for name in NAMES if import_module(f"agent.probes.{name}").Probe.needs_server]
DEADLINE_S = 4.0
QUIET: dict[str, dict[str, object]] = {"services": {"platforms": ()}}  # what would reach the internet is left out
AT_MOST_S = 15.0  # far beyond the deadline, so that a slow machine fails no test; a hang does


def measured(name: str, **settings: object) -> object:
    """Measure; None where this computer cannot, which every probe may say."""
    began = time.monotonic()
    try:
        result = probes.make(name, QUIET.get(name, {}) | settings).measure(DEADLINE_S)
    except ProbeUnavailable:
        return None
    assert time.monotonic() - began < AT_MOST_S
    assert decode(encode(result)) == result
    if isinstance(result, Failed):
        assert result.probe == name
        assert result.detail
    return result


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_frozen_struct_that_refuses_unknown_settings(name: str) -> None:
    """A probe is a frozen, keyword-only struct; a setting it does not know is refused by name."""
    kind = import_module(f"agent.probes.{name}").Probe
    assert kind.__struct_config__.frozen
    assert kind.__struct_config__.forbid_unknown_fields
    probe: Probe = kind()
    assert isinstance(probe.takes_the_line, bool)
    assert probe.needs_server == ("server" in kind.__struct_fields__)
    with pytest.raises(SettingsError, match="no_such_setting"):
        probes.make(name, {"no_such_setting": 1})


@pytest.mark.parametrize("name", NAMES)
def test_the_shipped_settings_are_its_defaults(name: str) -> None:
    """What config/agent.toml shows are the defaults, to the letter."""
    shown = tomllib.loads(shipped.path("agent.toml").read_text(encoding="utf-8"))["probes"][name]
    kind = import_module(f"agent.probes.{name}").Probe
    assert msgspec.convert(shown, kind) == kind()


@pytest.mark.parametrize("name", NAMES)
def test_settings_may_be_text(name: str) -> None:
    """Settings given on a command line, all of them text, become what the fields want."""
    defaults = msgspec.to_builtins(import_module(f"agent.probes.{name}").Probe())
    texts = {key: str(value) for key, value in defaults.items() if value is not None}
    assert probes.make(name, texts) == probes.make(name, {})


@pytest.mark.parametrize("name", SERVED)
def test_a_silent_server_cannot_hold_it(name: str) -> None:
    """Against a server that takes everything and says nothing it ends by its deadline, with a measurement or a word."""
    with BadServer(wait) as bad:
        measured(name, server=bad.server)


@pytest.mark.parametrize("name", SERVED)
def test_a_dead_server_is_a_measurement(name: str) -> None:
    """Where nothing listens the probe returns; it raises nothing but ProbeUnavailable."""
    measured(name, server="127.0.0.1:1")


@pytest.mark.parametrize("name", NAMES)
def test_without_a_server(name: str) -> None:
    """Without a server it measures what needs none, or says no_server."""
    result = measured(name)
    assert not isinstance(result, Failed) or result.failure in {"no_server", "unreachable"}
