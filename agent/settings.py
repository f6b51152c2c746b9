"""The settings of this computer: read once at start, frozen, with every default in the structs below."""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any

from msgspec import Meta, Struct

from agent.contract import settings_file
from agent.contract.errors import SettingsError
from agent.contract.values import Word
from agent.contract.wire import MAX_BATCH_REPORTS, MonthlyBytes
from agent.host import proxy

CONFIG_VARIABLE = "NETREADY_CONFIG"
STATE_VARIABLE = "NETREADY_STATE"


class Agent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """This computer.

    ``engine`` is the probe that fills the line; null: the policy's first that this agent has, else msak.
    ``monthly_bytes`` limits what tests take in a calendar month, null leaves it to the policy. ``metered``: whether the
    connection is paid for by volume; null asks the system. ``peer``: whether other computers of the school may test
    against this one, which needs the policy's key. ``least_battery_percent``: on its battery with less than that left
    a computer puts off what fills the line; 0 never.
    """

    room: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    ca_file: str | None = None
    engine: Word | None = None
    monthly_bytes: MonthlyBytes | None = None
    metered: bool | None = None
    peer: bool = True
    least_battery_percent: Annotated[int, Meta(ge=0, le=100)] = 20


class Outbox(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much waits for the collector before the oldest is dropped."""

    max_bytes: Annotated[int, Meta(ge=1024 * 1024, le=2**40)] = 64 * 1024 * 1024
    max_age_days: Annotated[int, Meta(ge=1, le=3650)] = 90


class Uplink(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How reports travel to the collector.

    ``proxy`` is its URL, "direct" for none, or on Windows "pac+" and a PAC file's address; null: as the environment and
    the system say. No test goes through it.
    """

    batch_reports: Annotated[int, Meta(ge=1, le=MAX_BATCH_REPORTS)] = 20
    timeout_s: Annotated[float, Meta(gt=0, le=300)] = 30.0
    interval_s: Annotated[int, Meta(ge=10, le=86_400)] = 300
    proxy: Annotated[str, Meta(min_length=1, max_length=1024)] | None = None

    def __post_init__(self) -> None:
        """Refuse a proxy that cannot be used."""
        if self.proxy is not None:
            try:
                proxy.check(self.proxy)
            except SettingsError as error:
                raise ValueError(str(error)) from error  # what msgspec turns into a word on the file and the key


class Updates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How this program is replaced by newer versions; without ``root_file`` it never is.

    ``root_file`` is the first root metadata (TUF), given by whoever signs the versions; ``mirrors`` come before those
    of the policy, each https://..., http://... or file:///FOLDER. ``folder`` is where packages and what was tried are
    kept, null for one of root's own, or one in the state folder of whoever is not root; ``restart`` starts the service
    again after a single file was replaced.
    """

    root_file: str | None = None
    mirrors: Annotated[tuple[str, ...], Meta(max_length=8)] = ()
    folder: str | None = None
    restart: Annotated[tuple[str, ...], Meta(max_length=16)] = ()


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything of agent.toml; ``probes`` holds one table for each probe, checked by the probe itself."""

    agent: Agent = Agent()
    outbox: Outbox = Outbox()
    uplink: Uplink = Uplink()
    updates: Updates = Updates()
    probes: dict[str, dict[str, Any]] = {}


def load(file: Path | None) -> Settings:
    """Read a settings file; without one, the defaults.

    Raises:
        SettingsError: names the file and the key that is wrong.
    """
    return Settings() if file is None else settings_file.read(file, Settings, "config/agent.toml")


def config_file(option: str | None, environment: Mapping[str, str]) -> Path | None:
    """Return the settings file that --config or NETREADY_CONFIG names, if either does."""
    name = option or environment.get(CONFIG_VARIABLE)
    return Path(name) if name else None


def state_folder(option: str | None, environment: Mapping[str, str], platform: str, *, is_root: bool) -> Path:
    """Return where the agent keeps its state: --state, NETREADY_STATE, else the system's usual place.

    Args:
        option: the value of --state, if given.
        environment: the environment variables.
        platform: ``sys.platform``.
        is_root: whether the process runs as root; on Windows as the service or with an administrator's rights.
    """
    if name := option or environment.get(STATE_VARIABLE):
        return Path(name)
    if platform == "win32":
        usual = (environment.get("PROGRAMDATA") or r"C:\ProgramData") if is_root else environment.get("LOCALAPPDATA")
        person = PureWindowsPath(environment.get("USERPROFILE") or r"C:\Users\Default")
        return Path(str(PureWindowsPath(usual or person / "AppData" / "Local") / "netready"))
    if platform == "darwin":
        home = PurePosixPath("/" if is_root else environment.get("HOME", "/"))
        return Path(home / "Library" / "Application Support" / "netready")
    if is_root:
        return Path("/var/lib/netready")
    home = PurePosixPath(environment.get("HOME", "/"))
    return Path(PurePosixPath(environment.get("XDG_STATE_HOME") or home / ".local" / "state") / "netready")
