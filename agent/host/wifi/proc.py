"""/proc/net/wireless: the last resort on Linux, where a driver is too old for nl80211 (wireless extensions)."""

from pathlib import Path

from agent.contract.wifi import WifiConnection
from agent.host.wifi import elements

SOURCE = "proc-wireless"
_FILE = Path("/proc/net/wireless")


def fetch() -> str:
    """Read the table; raises OSError where there is none."""
    return _FILE.read_text(encoding="utf-8", errors="replace")


def decode(text: str, interface: str) -> WifiConnection | None:
    """Read an interface's signal and noise in dBm; older drivers' own scales are no dBm and give nothing."""
    for line in text.splitlines():
        name, _colon, numbers = line.partition(":")
        fields = numbers.split()
        if name.strip() == interface and len(fields) >= 4:
            level = elements.signal(_number(fields[2]))
            noise = _number(fields[3])
            believed = noise if noise is not None and -130 <= noise <= -10 else None
            return None if level is None else WifiConnection(source=SOURCE, signal_dbm=level, noise_dbm=believed)
    return None


def _number(field: str) -> float | None:
    """Read "-40." as it stands there."""
    digits = field.removeprefix("-").removesuffix(".")
    return float(field) if digits.isascii() and digits.isdigit() and len(digits) <= 4 else None
