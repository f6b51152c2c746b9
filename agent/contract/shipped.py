"""Find the data files of ``config/``: beside the packages in a checkout, inside the wheel when installed."""

from pathlib import Path

from agent.contract.errors import SettingsError

_PACKAGE = Path(__file__).resolve().parent.parent


def path(name: str) -> Path:
    """Return where a shipped data file is, for example ``standards.toml`` or ``kz/regions.toml``.

    Raises:
        SettingsError: the installation lacks it.
    """
    for folder in (_PACKAGE / "_config", _PACKAGE.parent / "config"):
        if (folder / name).is_file():
            return folder / name
    raise SettingsError(f"config/{name} is missing from this installation; install netready again")
