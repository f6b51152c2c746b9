"""One session of one computer, sorted by kind, and how a figure of it becomes evidence; pure."""

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from agent.contract.causes import Contract, DirectionWord, Evidence, Reference
from agent.contract.lan import Lan
from agent.contract.measurement import Direction, Latency, Link, Measurement, Throughput
from agent.contract.peer import Peer
from agent.contract.rules import Rules, Threshold
from agent.contract.services import Services
from agent.contract.values import Measured
from agent.contract.wifi import Wifi, WifiConnection

_Kind = TypeVar("_Kind", bound=Measured)

OTHER_SEGMENT = "another computer on the same switch, or this one on another cable and port, that is faster"


class Seen(Struct, frozen=True, kw_only=True):
    """What one session measured (null where it did not), what the line should carry, and the rules."""

    throughput: Throughput | None
    link: Link | None
    latency: Latency | None
    wifi: Wifi | None
    lan: Lan | None
    peer: Peer | None
    services: Services | None
    contract: Contract
    rules: Rules

    @property
    def is_wifi(self) -> bool:
        """Tell whether this computer is on Wi-Fi, as far as is known."""
        return self.link is not None and self.link.medium == "wifi"

    @property
    def is_cabled(self) -> bool:
        """Tell whether this computer is known to be on a cable."""
        return self.link is not None and self.link.medium == "ethernet"

    @property
    def connection(self) -> WifiConnection | None:
        """The Wi-Fi connection, from the link or the scan."""
        if self.link is not None and self.link.wifi is not None:
            return self.link.wifi
        return self.wifi.connection if self.wifi is not None else None

    @property
    def directions(self) -> tuple[tuple[DirectionWord, Direction, float | None], ...]:
        """The measured directions, each with its name and what is promised for it (null where nobody knows).

        One that contradicts itself is no witness, neither for the line nor against it.
        """
        if self.throughput is None:
            return ()
        both: tuple[tuple[DirectionWord, Direction | None, float | None], ...] = (
            ("download", self.throughput.download, self.contract.download_bps),
            ("upload", self.throughput.upload, self.contract.upload_bps),
        )
        return tuple(
            (name, one, promised) for name, one, promised in both if one is not None and one.contradiction is None
        )


def sort(session: Sequence[Measurement], throughput: Throughput | None, contract: Contract, rules: Rules) -> Seen:
    """Sort a session's measurements; of several of a kind the first counts."""
    return Seen(
        throughput=throughput,
        link=_first(session, Link),
        latency=_first(session, Latency),
        wifi=_first(session, Wifi),
        lan=_first(session, Lan),
        peer=_first(session, Peer),
        services=_first(session, Services),
        contract=contract,
        rules=rules,
    )


def _first(session: Sequence[Measurement], kind: type[_Kind]) -> _Kind | None:
    return next((one for one in session if isinstance(one, kind)), None)


def fact(of: Measured, figure: str, value: float, unit: str, overturned_by: str = "") -> Evidence:
    """Return a figure that is held against nothing."""
    return Evidence(figure=figure, value=float(value), unit=unit, reference=_reference(of), overturned_by=overturned_by)


def held(of: Measured, figure: str, value: float, limit: Threshold, overturned_by: str = "") -> Evidence:
    """Return a figure that is held against a rule's threshold."""
    return Evidence(
        figure=figure,
        value=float(value),
        unit=limit.unit,
        threshold=limit.value,
        reference=_reference(of),
        overturned_by=overturned_by,
    )


def rate(of: Measured, figure: str, value_bps: float, threshold_bps: float | None, overturned_by: str = "") -> Evidence:
    """Return a rate, held against another where there is one."""
    return Evidence(
        figure=figure,
        value=float(value_bps),
        unit="bit/s",
        threshold=threshold_bps,
        reference=_reference(of),
        overturned_by=overturned_by,
    )


def towards(direction: DirectionWord, evidence: Evidence) -> Evidence:
    """Return a figure as one of this direction."""
    return replace(evidence, direction=direction)


def marked(mark: str, evidence: Evidence) -> Evidence:
    """Return a figure with the word by which it is judged."""
    return replace(evidence, mark=mark)


def _reference(of: Measured) -> Reference:
    return Reference(kind=str(of.__struct_config__.tag), started_at=of.started_at)
