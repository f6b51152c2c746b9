"""What every system's part gives: the networks heard, however they were heard."""

from msgspec import Struct

from agent.contract.values import Denied
from agent.contract.wifi import Network


class Heard(Struct, frozen=True, kw_only=True):
    """The networks that one scan heard; ``age_s`` is null for a new one, and where the system does not tell.

    ``noise_dbm`` and ``busy_ratio`` are of the channel in use.
    """

    networks: tuple[Network, ...]
    source: str
    is_fresh: bool
    age_s: float | None = None
    noise_dbm: float | None = None
    busy_ratio: float | None = None
    denied: tuple[Denied, ...] = ()
