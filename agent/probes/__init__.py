"""The probes: one file each; the file name is the config section and the probe's name in reports.

A probe is a frozen struct called ``Probe`` in its module. Its fields are its settings; ``measure`` does the work.
Adding a probe is adding a file here: ``names`` lists the folder.
"""

import importlib
import pkgutil
from typing import ClassVar, Protocol, cast

import msgspec

from agent.contract.errors import SettingsError
from agent.contract.measurement import Measurement


class Probe(Protocol):
    """What every probe promises.

    ``measure`` returns a measurement or a ``Failed`` one, within the deadline; it raises ProbeUnavailable where this
    computer cannot run it. Anything else it raises is a bug.
    """

    takes_the_line: ClassVar[bool]
    """True: it fills the line, so it never runs beside another probe."""
    needs_server: ClassVar[bool]
    """True: it has a setting ``server`` that the session fills in from the policy."""

    def measure(self, deadline_s: float) -> Measurement: ...


def names() -> tuple[str, ...]:
    """Return the names of all probes, in alphabetical order."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_")))


def make(name: str, settings: dict[str, object]) -> Probe:
    """Make the named probe from settings (texts are converted to the field's type).

    Raises:
        SettingsError: no such probe, an unknown setting, or a value of the wrong type.
    """
    if name not in names():
        raise SettingsError(f"there is no probe {name!r}; there are: {', '.join(names())}")
    kind = importlib.import_module(f"{__name__}.{name}").Probe
    try:
        return cast(Probe, msgspec.convert(settings, kind, strict=False))
    except msgspec.ValidationError as error:
        fields = ", ".join(field.name for field in msgspec.structs.fields(kind)) or "none"
        raise SettingsError(f"probe {name}: {error}; its settings are: {fields}") from error
