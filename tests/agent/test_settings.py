import tomllib
from pathlib import Path, PurePosixPath, PureWindowsPath

import msgspec
import pytest

from agent import probes
from agent.contract import shipped
from agent.contract.errors import SettingsError
from agent.settings import Settings, config_file, load, state_folder


def test_without_a_file_there_are_the_defaults():
    """No settings file is a complete configuration."""
    assert load(None) == Settings()


def test_the_shipped_example_shows_every_default():
    """config/agent.toml and the structs say the same, so the file can be trusted as documentation."""
    file = shipped.path("agent.toml")
    shown = load(file)
    assert msgspec.structs.replace(shown, probes={}) == Settings()
    text = file.read_text(encoding="utf-8")
    for section in ("agent", "outbox", "uplink"):
        for field in msgspec.structs.fields(getattr(shown, section)):
            assert f"{field.name} = " in text


def test_the_shipped_example_shows_the_probes_defaults():
    """Every probe setting in config/agent.toml is that probe's default."""
    for name, table in tomllib.loads(shipped.path("agent.toml").read_text(encoding="utf-8"))["probes"].items():
        assert probes.make(name, table) == probes.make(name, {})


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[outbox]\nmax_bytes = 'much'", "outbox.max_bytes"),
        ("[outbox]\nmax_bytes = 5", "outbox.max_bytes"),
        ("[outbox]\nmax_size = 5", "outbox.max_size"),
        ("[uplink]\nbatch_reports = 51", "uplink.batch_reports"),
        ("[agent]\nroom = ''", "agent.room"),
        ("[agent]\nmonthly_bytes = -1", "agent.monthly_bytes"),
        ("[agent]\nmetered = 'perhaps'", "agent.metered"),
        ("[agent]\nengine = 5", "agent.engine"),
        ("colour = 'red'", "colour"),
        ("x = 1\n[uplink", "cannot be read"),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path: Path, text: str, named: str):
    """Whoever made the mistake learns the file and the key, and the agent does not start."""
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as error:
        load(file)
    assert str(file) in str(error.value)
    assert named in str(error.value)


def test_a_missing_or_unreadable_file_is_named(tmp_path: Path):
    """A file that was asked for and is not there, or is no text, stops the start."""
    with pytest.raises(SettingsError, match=r"there is no settings file .*none\.toml"):
        load(tmp_path / "none.toml")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match=r"bytes\.toml cannot be read"):
        load(tmp_path / "bytes.toml")


def test_an_option_wins_over_the_environment():
    """--config and --state win over NETREADY_CONFIG and NETREADY_STATE, which win over the usual place."""
    environment = {"NETREADY_CONFIG": "a.toml", "NETREADY_STATE": "there"}
    assert config_file("b.toml", environment) == Path("b.toml")
    assert config_file(None, environment) == Path("a.toml")
    assert config_file(None, {}) is None
    assert state_folder("here", environment, "linux", is_root=True) == Path("here")
    assert state_folder(None, environment, "linux", is_root=True) == Path("there")


@pytest.mark.parametrize(
    ("platform", "is_root", "environment", "expected"),
    [
        ("linux", True, {}, PurePosixPath("/var/lib/netready")),
        ("linux", False, {"HOME": "/home/a"}, PurePosixPath("/home/a/.local/state/netready")),
        ("linux", False, {"HOME": "/home/a", "XDG_STATE_HOME": "/x"}, PurePosixPath("/x/netready")),
        ("darwin", True, {"HOME": "/root"}, PurePosixPath("/Library/Application Support/netready")),
        ("darwin", False, {"HOME": "/Users/a"}, PurePosixPath("/Users/a/Library/Application Support/netready")),
        ("win32", True, {"PROGRAMDATA": r"D:\Data"}, PureWindowsPath(r"D:\Data\netready")),
        ("win32", True, {}, PureWindowsPath(r"C:\ProgramData\netready")),
        ("win32", False, {"LOCALAPPDATA": r"C:\Users\Әсем\L", "PROGRAMDATA": "x"}, r"C:\Users\Әсем\L\netready"),
        ("win32", False, {"USERPROFILE": r"C:\Users\a"}, r"C:\Users\a\AppData\Local\netready"),
    ],
)
def test_each_system_has_its_usual_place(platform, is_root, environment, expected):
    """Without an option the state lies where that system keeps such things."""
    assert str(state_folder(None, environment, platform, is_root=is_root)) == str(expected)
