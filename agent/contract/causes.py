"""What is the matter with a slow school, as both sides name it: a cause, how sure, and what it rests on."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from agent.contract.standards import Target

Cause = Literal[
    "INSUFFICIENT",  # not enough is known to say
    "HOST",  # the computer itself
    "LAN_WIRED",  # cables, ports, switches
    "WIFI_COVERAGE",  # too far from an access point
    "WIFI_INTERFERENCE",  # the air is full or disturbed
    "WIFI_CONFIG",  # the radio or its access point is set up or connected wrongly
    "LINE_SATURATED",  # the school's own traffic fills the line
    "LOWER_PLAN",  # the line does what its plan says, and that is too little
    "ISP_LINE",  # the operator's line
    "MIXED",  # two causes stand
    "HEALTHY",  # nothing is the matter
]
Confidence = Literal["high", "medium", "low"]
DirectionWord = Literal["download", "upload"]
DefectWord = Literal[
    "rogue_dhcp",  # two address servers
    "second_gateway",  # two routers give themselves out as the way outside
    "address_conflict",  # two devices have one address
    "double_nat",  # two routers behind each other translate addresses
    "slow_resolver",  # a name server is slow or does not answer
    "lying_resolver",  # a name server invents answers
    "storm",  # far too many broadcasts: a loop of cables
    "open_wifi",  # a Wi-Fi network without protection
    "small_mtu",  # packets of the usual size do not pass
    "lossy_way",  # packets get lost on the way to the router
    "peers_unreachable",  # computers of the school cannot reach each other
]

INSIDE: frozenset[Cause] = frozenset({"LAN_WIRED", "WIFI_COVERAGE", "WIFI_INTERFERENCE", "WIFI_CONFIG"})
"""The causes that lie in the school's own network."""


class Reference(Struct, frozen=True, kw_only=True):
    """Which measurement a figure was read from; ``agent`` is null where it is this computer's own."""

    kind: str
    started_at: datetime | None = None
    agent: str | None = None
    room: str | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """A figure, the threshold it was held against (null where it is a plain fact), and what would overturn it.

    ``figure`` is for people. What is judged by it is in ``direction`` (null where it is of both or of none) and in
    ``mark``: the word of a mark by which a sentence is chosen, null where there is none.
    """

    figure: str
    value: float
    unit: str
    threshold: float | None = None
    reference: Reference
    overturned_by: str = ""
    direction: DirectionWord | None = None
    mark: str | None = None


class Defect(Struct, frozen=True, kw_only=True):
    """A defect of the network's set-up, which adds to any verdict."""

    defect: DefectWord
    sentence: str
    evidence: Evidence


class Diagnosis(Struct, frozen=True, kw_only=True):
    """The verdict. ``sentence`` is for a teacher, who can act on it; ``missing`` says what would make it surer."""

    cause: Cause
    confidence: Confidence
    sentence: str
    evidence: tuple[Evidence, ...] = ()
    counter_evidence: tuple[Evidence, ...] = ()
    defects: tuple[Defect, ...] = ()
    missing: tuple[str, ...] = ()
    rules_version: str


class Contract(Struct, frozen=True, kw_only=True):
    """What the line should carry at the IP layer, null where nobody knows.

    ``agreed`` is false where it is only what the school needs: an operator that promised less is not at fault.
    """

    download_bps: float | None = None
    upload_bps: float | None = None
    agreed: bool = True

    @property
    def is_known(self) -> bool:
        """Tell whether there is anything to hold a line against."""
        return bool(self.download_bps or self.upload_bps)

    @property
    def widest_bps(self) -> float:
        """The faster of the two directions; 0 where neither is known."""
        return max(self.download_bps or 0.0, self.upload_bps or 0.0)


def expected(contract: Contract | None, target: Target | None) -> Contract:
    """Return what a line is held against: its contract, or where none is known what the school needs."""
    if contract is not None and contract.is_known:
        return contract
    if target is None:
        return Contract(agreed=False)
    return Contract(
        download_bps=target.download_bps or target.download_floor_bps, upload_bps=target.upload_bps, agreed=False
    )
