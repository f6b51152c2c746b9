"""The rooms of simulated schools, what the Wi-Fi there is like, and the walk that somebody takes through them."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from agent.contract import measurement, report
from agent.contract.lan import Echoes, Lan
from agent.contract.measurement import Link, Measurement
from agent.contract.report import Report
from agent.contract.wifi import Network, Wifi, WifiConnection
from collector.registry import shipped_country
from collector.simulate.computers import SOFTWARE, Computer, Plan, room_label
from collector.simulate.country import Site, dice
from collector.store.rooms import RoomRecord

GATEWAY = "192.0.2.1"  # RFC 5737: a router that is nowhere
_SSID = "synthetic"
_ADAPTER = "Synthetic adapter"
_PUPILS_PER_ROOM = 25
_MOST_ROOMS = 30
_MOST_STOPS = 8
_STOP_S = 14.0
_GOOD_SHARE = {"ready": 0.95, "inner network": 0.35}
_USUAL_GOOD_SHARE = 0.7


def rooms(site: Site) -> list[RoomRecord]:
    """Return a school's register of rooms."""
    count = min(_MOST_ROOMS, 4 + (site.school.pupils or 0) // _PUPILS_PER_ROOM)
    return [
        RoomRecord(school_id=site.school.school_id, label=room_label(number), floor=str(1 + (number - 1) // 10))
        for number in range(1, count + 1)
    ]


def signal_dbm(site: Site, room: str) -> float:
    """Return the signal of the strongest own access point in a room: weak in many where the inner network is."""
    draw = dice(site.school.school_id, room, "signal")
    is_good = draw.random() < _GOOD_SHARE.get(site.line.story, _USUAL_GOOD_SHARE)
    return round(draw.uniform(-65, -45) if is_good else draw.uniform(-86, -66))


def look(site: Site, room: str, at: datetime) -> Wifi:
    """Return what a computer in a room hears."""
    signal = signal_dbm(site, room)
    draw = dice(site.school.school_id, room, at)
    network = Network(
        bssid=_bssid(site, room),
        ssid=_SSID,
        ssid_hex=_SSID.encode().hex(),
        channel=draw.choice((1, 6, 11, 36, 44)),
        frequency_mhz=None,
        signal_dbm=signal,
        signal_p20_dbm=signal - draw.choice((0, 1, 2)),
        security="wpa2-psk",
        associated=True,
        own=True,
        frames=3,
    )
    return Wifi(
        started_at=at, took_s=8.0, interface="wlan0", source=SOFTWARE, scans=3, own_known=True, networks=(network,)
    )


def connection(site: Site, room: str) -> WifiConnection:
    """Return how a computer on Wi-Fi is connected in a room."""
    ssid_hex, signal = _SSID.encode().hex(), signal_dbm(site, room)
    return WifiConnection(source=SOFTWARE, ssid=_SSID, ssid_hex=ssid_hex, bssid=_bssid(site, room), signal_dbm=signal)


def _bssid(site: Site, room: str) -> str:
    octets = dice(site.school.school_id, room, "access point").randbytes(5)
    return "02:" + octets.hex(":")  # locally administered: no manufacturer's


def walk(computer: Computer, plan: Plan, sequence: int, previous: str | None) -> Iterator[Report]:
    """Make the reports of a walk through some rooms in the last evening, after ``sequence`` and ``previous``.

    It takes a computer on Wi-Fi: with others there is none.
    """
    if computer.wifi_bps is None:
        return
    site = computer.site
    draw = dice(computer.agent_id, "walk")
    labels = [room.label for room in rooms(site)]
    stops = sorted(draw.sample(labels, min(len(labels), draw.randint(2, _MOST_STOPS))))
    zone = ZoneInfo(shipped_country().about.time_zone)
    start = datetime.combine(plan.school_days()[-1], time(21, 30), tzinfo=zone).astimezone(UTC)
    for number, room in enumerate(stops):
        at = start + number * timedelta(minutes=2)
        made = _stop(computer, room, at, sequence + number + 1, previous)
        previous = report.sha256_hex(report.encode(made))
        yield made


def _stop(computer: Computer, room: str, at: datetime, sequence: int, previous: str | None) -> Report:
    found: list[Measurement] = [
        Link(
            started_at=at,
            took_s=1.0,
            interface="wlan0",
            medium="wifi",
            adapter=_ADAPTER,
            gateway=GATEWAY,
            wifi=connection(computer.site, room),
        ),
        look(computer.site, room, at + timedelta(seconds=1)),
        _router(computer.site, room, at + timedelta(seconds=9)),
    ]
    return Report(
        agent=computer.agent_id,
        school=computer.site.school.school_id,
        sequence=sequence,
        previous=previous,
        boot_id=f"synthetic-{at:%Y%m%d}-walk",
        created_at=at + timedelta(seconds=_STOP_S),
        monotonic_s=round(600.0 + sequence, 3),
        time_zone=shipped_country().about.time_zone,
        software=SOFTWARE,
        trigger="survey",
        room=room,
        floor=None,
        session_s=_STOP_S,
        measurements=tuple(msgspec.Raw(measurement.encode(one)) for one in found),
    )


def _router(site: Site, room: str, at: datetime) -> Lan:
    draw = dice(site.school.school_id, room, "router")
    median = round(draw.uniform(2, 6), 1)
    echoes = Echoes(protocol="icmp", sent=20, received=20, median_ms=median, p95_ms=3 * median, loss_ratio=0.0)
    return Lan(started_at=at, took_s=2.0, interface="wlan0", gateway=GATEWAY, gateway_echoes=echoes)
