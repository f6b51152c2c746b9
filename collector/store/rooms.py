"""The schools' rooms, and what was seen in them of the school's own network."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import Struct
from psycopg.rows import kwargs_row

from agent.contract.coverage import MAX_ROOMS, key_of
from collector.periods import Period
from collector.store.database import Connection
from collector.store.figures import ComputerFigures, figures_of
from collector.store.own_networks import Own
from collector.store.questions import sql

Source = Literal["register", "survey", "computer"]


class RoomRecord(Struct, frozen=True, kw_only=True):
    """One room; ``source`` is who told of it: the register's file, a survey, or a computer that stands there."""

    school_id: str
    label: str
    floor: str | None = None
    source: Source = "register"

    @property
    def room_key(self) -> str:
        """What makes two labels the same room."""
        return key_of(self.label)


class Voice(Struct, frozen=True, kw_only=True):
    """What one walk or one fixed computer says of a room; ``own_dbm`` null: none of the school's networks was heard."""

    school_id: str
    room_key: str
    is_survey: bool
    voice: str
    looks: int
    newest_at: datetime
    own_dbm: float | None
    own_bssid: str | None
    own_ssid: str | None
    own_channel: int | None
    adapter: str | None
    gateway_ms: float | None


class ComputerLink(Struct, frozen=True, kw_only=True):
    """How a fixed computer was connected last in a period; ``own_dbm`` is its typical signal on Wi-Fi."""

    school_id: str
    agent_id: str
    medium: str | None
    link_speed_bps: float | None
    duplex: str | None
    packets: int | None
    errors: int | None
    own_dbm: float | None


def keep_rooms(connection: Connection, rooms: Sequence[RoomRecord]) -> tuple[int, int]:
    """Store rooms of the register: new ones are added, known ones renewed, none removed. Return how many of each."""
    keys = {"schools": [room.school_id for room in rooms], "keys": [room.room_key for room in rooms]}
    row = connection.execute(sql("known_rooms"), keys).fetchone()
    known = int(row[0]) if row else 0
    _execute(connection, "keep_room", rooms)
    return len(rooms) - known, known


def tell_rooms(connection: Connection, rooms: Iterable[RoomRecord]) -> None:
    """Add rooms that surveys and computers told of, until a school has ``MAX_ROOMS``; known ones stay as they are."""
    told = {(room.school_id, room.room_key): room for room in rooms}
    if not told:
        return
    # Nearly always all are known: asked first, at once, and without a lock.
    asked = {
        "schools": [school_id for school_id, _ in told],
        "keys": [key for _, key in told],
        "floors": [room.floor for room in told.values()],
    }
    known = {(row[0], row[1]) for row in connection.execute(sql("rooms_already_told"), asked).fetchall()}
    _execute(connection, "tell_room", [room for key, room in told.items() if key not in known])


def remove_room(connection: Connection, school_id: str, label: str) -> bool:
    """Take a room out of the register; tell whether it was there. What was measured in it stays."""
    return connection.execute(sql("remove_room"), {"school_id": school_id, "room_key": key_of(label)}).rowcount > 0


def rooms(connection: Connection, school_id: str) -> list[RoomRecord]:
    """Return a school's rooms that the viewer may see, by floor and label."""
    with connection.cursor(row_factory=kwargs_row(RoomRecord)) as cursor:
        found = cursor.execute(sql("rooms"), {"school_id": school_id}).fetchall()
    return sorted(found, key=lambda room: (room.floor is None, _natural(room.floor or ""), _natural(room.room_key)))


def looked_at(connection: Connection, school_id: str, period: Period) -> frozenset[str]:
    """Return the keys of the rooms in which somebody or something looked at the Wi-Fi in the period."""
    rows = connection.execute(sql("rooms_looked_at"), _window(period, school_id)).fetchall()
    return frozenset(row[0] for row in rows)


def voices(connection: Connection, period: Period, own: Mapping[str, Own], school_id: str | None = None) -> list[Voice]:
    """Return what speaks for each room in the period; only looks at the school's ``own`` networks count."""
    names = [(school, name) for school, known in own.items() for name in {*known.ssids_hex, *known.routers}]
    parameters = {"schools": [school for school, _ in names], "names": [name for _, name in names]}
    with connection.cursor(row_factory=kwargs_row(Voice)) as cursor:
        return cursor.execute(sql("room_voices"), _window(period, school_id) | parameters).fetchall()


def computer_links(connection: Connection, period: Period, school_id: str | None = None) -> list[ComputerLink]:
    """Return how every computer was connected that told of its link in the period."""
    with connection.cursor(row_factory=kwargs_row(ComputerLink)) as cursor:
        return cursor.execute(sql("computer_links"), _window(period, school_id)).fetchall()


def classroom_tests(connection: Connection, period: Period, school_id: str | None = None) -> list[ComputerFigures]:
    """Return typical results of the computers that stand in rooms, whatever their link."""
    return figures_of(connection, "classroom_tests_in_period", _window(period, school_id))


def _natural(text: str) -> list[tuple[int, str]]:
    """Return what sorts 2 before 10: the numbers in a text by their value, everything else by its letters."""
    parts = re.split(r"([0-9]{1,18})", text)
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts]


def _execute(connection: Connection, question: str, rooms: Iterable[RoomRecord]) -> None:
    # In the order of their keys, so that two deliveries at once cannot wait for each other.
    ordered = sorted(rooms, key=lambda room: (room.school_id, room.room_key))
    with connection.cursor() as cursor:
        cursor.executemany(sql(question), [_parameters(room) for room in ordered])


def _parameters(room: RoomRecord) -> dict[str, object]:
    return {
        "school_id": room.school_id,
        "room_key": room.room_key,
        "label": room.label,
        "floor": room.floor,
        "source": room.source,
        "most": MAX_ROOMS,
    }


def _window(period: Period, school_id: str | None) -> dict[str, object]:
    return {"start": period.start, "end": period.end, "school_id": school_id}
