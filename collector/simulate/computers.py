"""Simulated computers and what is simulated; each computer has its own key.

The keys follow from the seed, so anyone can make them again: they are good for schools that do not exist and no others.
"""

import hashlib
from datetime import date, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from nacl.signing import SigningKey

from agent.contract import signing
from collector.simulate.country import Site, dice

SOFTWARE = "netready-simulate"
_EDITION = 3  # of what is simulated: other reports need other keys


class Plan(Struct, frozen=True, kw_only=True):
    """What to simulate: ``days`` school days up to ``last_day``. Any change makes other computers, with other keys."""

    schools: Annotated[int, Meta(ge=1, le=20_000)]
    days: Annotated[int, Meta(ge=1, le=400)]
    seed: int
    last_day: date
    sessions_per_day: Annotated[int, Meta(ge=1, le=10)] = 2

    def school_days(self) -> list[date]:
        """Return the days, Mondays to Fridays, the first one first."""
        found: list[date] = []
        day = self.last_day
        while len(found) < self.days:
            if day.isoweekday() <= 5:
                found.append(day)
            day -= timedelta(days=1)
        return found[::-1]


class Computer(Struct, frozen=True, kw_only=True):
    """One simulated agent; ``wifi_bps`` is what its Wi-Fi lets through, null on a wire."""

    site: Site
    room: str
    key: SigningKey
    wifi_bps: float | None

    @property
    def public_key(self) -> bytes:
        """The key it would enrol with."""
        return bytes(self.key.verify_key)

    @property
    def agent_id(self) -> str:
        """Its id, which follows from the key."""
        return signing.agent_id(self.public_key)


def room_label(number: int) -> str:
    """Return what the door of a simulated room shows."""
    return f"Room {number} (synthetic)"


def computers(site: Site, plan: Plan) -> list[Computer]:
    """Return a school's computers: one to three by its size, the second on Wi-Fi; none where there is no line."""
    if site.line.story == "no line":
        return []
    pupils = site.school.pupils or 0
    count = 1 + (pupils >= 100) + (pupils >= 800)
    return [_computer(site, plan, number) for number in range(1, count + 1)]


def _computer(site: Site, plan: Plan, number: int) -> Computer:
    name = (SOFTWARE, _EDITION, msgspec.json.encode(plan).decode(), site.school.school_id, number)
    seed = hashlib.sha256("/".join(map(str, name)).encode()).digest()
    wifi = dice(*name, "wifi").uniform(5e6, 60e6) if number == 2 else None
    return Computer(site=site, room=room_label(number), key=SigningKey(seed), wifi_bps=wifi)
