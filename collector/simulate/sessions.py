"""What a simulated computer reports: its school's line as an agent's probes would show it, session after session."""

import functools
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from agent.contract import measurement, report, signing
from agent.contract.failure import Failure
from agent.contract.measurement import Direction, Failed, Form, Latency, Link, Measurement, Purpose, Throughput
from agent.contract.report import Report
from agent.contract.standards import Interval, required_download
from collector.registry import shipped_country
from collector.simulate import rooms
from collector.simulate.computers import SOFTWARE, Computer, Plan
from collector.simulate.country import Line, dice

ENGINE = "simulated"
SERVER = "synthetic"

# How much of a line's congestion an hour has: lessons at their fullest before noon, homes in the evening.
_LOAD_BY_HOUR = {8: 0.2, 9: 0.6, 10: 0.9, 11: 1.0, 12: 0.8, 13: 0.6, 14: 0.6, 15: 0.5, 16: 0.4, 17: 0.5}
_EVENING_LOAD = 0.9
_EVENING_SHARE = 0.6  # of the days on which a computer is still on in the quiet hours
_FIRST_HOUR, _LAST_HOUR = 8, 18
_LONG_DAYS = 7
_PACE_FACTOR = 1.5  # of the target: what the far end paces a verdict test at
_FAILED_SHARE = 0.02
_FAILURES: tuple[Failure, ...] = ("connect_timeout", "stalled", "dns_failed", "unreachable", "connection_reset")
_DISTURBED_SHARE = 0.05
_GOODPUT_OF_IP = 1448 / 1500  # TCP payload with timestamps in a full packet
_SAMPLES = 8
_LINK_S, _LATENCY_S, _FAILED_S = 1.0, 1.4, 5.0
_ON_BEFORE_S = 600.0


class Seen(Struct, frozen=True):
    """A direction as it was measured, and for how long."""

    interval: Interval
    duration_s: float


class Spoken(Struct, frozen=True):
    """What a session shows of the line: as its test reports it, less all that judges nothing."""

    at: datetime
    download: Seen
    upload: Seen
    tainted: tuple[str, ...]

    @property
    def took_s(self) -> float:
        """How long the test took."""
        return round(self.download.duration_s + self.upload.duration_s + 0.5, 2)


def envelopes(computer: Computer, plan: Plan) -> Iterator[bytes]:
    """Make a computer's reports, the oldest first, each chained to the one before and signed."""
    previous: str | None = None
    sequence = 0
    for sequence, session in enumerate(sessions(computer, plan), start=1):
        payload = report.encode(session.report(sequence, previous))
        previous = report.sha256_hex(payload)
        yield _signed(computer, payload)
    for stop in rooms.walk(computer, plan, sequence, previous):
        yield _signed(computer, report.encode(stop))


def _signed(computer: Computer, payload: bytes) -> bytes:
    return msgspec.json.encode(signing.sign(report.PAYLOAD_TYPE, payload, computer.key))


def sessions(computer: Computer, plan: Plan) -> Iterator["Session"]:
    """Yield a computer's sessions, the oldest first."""
    zone = ZoneInfo(shipped_country().about.time_zone)
    last_long = date.min
    for day in plan.school_days():
        draw = dice(computer.agent_id, day)
        school_day = _school_day(plan.seed, computer.site.school.school_id, day)
        starts = _starts(draw, day, plan.sessions_per_day)
        for start in starts:
            asked = _asked(start, starts, (day - last_long).days)
            if asked == ("capacity", "long"):
                last_long = day
            yield Session(draw, computer, start.replace(tzinfo=zone), school_day, asked)


def link_speed_bps(computer: Computer) -> float:
    """Return what a computer's link says of its own speed."""
    return 1e9 if computer.wifi_bps is None else round(computer.wifi_bps * 2.2, -6)


@functools.lru_cache(maxsize=512)  # a year of the school whose computers come one after the other
def _school_day(seed: int, school_id: str, day: date) -> float:
    """Return how well a school's line does on a day; 1.0 is as usual."""
    return min(1.06, max(0.85, dice(seed, school_id, day).gauss(1.0, 0.03)))


def _starts(draw: random.Random, day: date, count: int) -> list[datetime]:
    """Spread sessions over the school day, each somewhere in its slot; one more in the evening if it is still on."""
    slot = timedelta(hours=_LAST_HOUR - _FIRST_HOUR) / count
    opening = datetime.combine(day, time(_FIRST_HOUR))
    # Not in a slot's last two minutes, so that a session ends before the next begins.
    starts = [opening + number * slot + draw.random() * (slot - timedelta(minutes=2)) for number in range(count)]
    if draw.random() < _EVENING_SHARE:
        starts.append(datetime.combine(day, time(19)) + draw.random() * timedelta(hours=2))
    return [start.replace(microsecond=0) for start in starts]


def _asked(start: datetime, starts: list[datetime], days: int) -> tuple[Purpose, Form]:
    """Return what a session asks, as agents do: verdicts in lessons, capacity in the evening or where it is overdue.

    ``days`` is how long ago the last long form was.
    """
    if start.hour >= _LAST_HOUR:
        return "capacity", "long" if days >= _LONG_DAYS else "short"
    return ("capacity", "long") if start == starts[-1] and days >= _LONG_DAYS else ("verdict", "short")


class Session:
    """One session of one computer, which is switched on for it: link, latency, throughput, as the agent's probes do.

    ``shows`` is what it shows of the line, null where it failed by ``failure``. These are drawn at once; all else from
    dice of their own, and only for a report.
    """

    def __init__(
        self,
        draw: random.Random,
        computer: Computer,
        start: datetime,
        school_day: float,
        asked: tuple[Purpose, Form],
    ) -> None:
        self._purpose, self._form = asked
        self._computer = computer
        self._line: Line = computer.site.line
        self._start = start.astimezone(UTC)
        load = _LOAD_BY_HOUR.get(start.hour, _EVENING_LOAD)
        self._share = school_day * (1 - self._line.congestion * load)
        self._paces = self._paced()
        self.boot_id = f"synthetic-{start:%Y%m%d-%H%M%S}"
        self.failure = draw.choice(_FAILURES) if draw.random() < _FAILED_SHARE else None
        self.shows = None if self.failure else self._shown(draw)

    @property
    def took_s(self) -> float:
        """How long it took."""
        return round(_LINK_S + (_FAILED_S if self.shows is None else _LATENCY_S + self.shows.took_s), 3)

    @property
    def ended_at(self) -> datetime:
        """When it was over and its report was made."""
        return self._start + timedelta(seconds=self.took_s)

    @property
    def monotonic_s(self) -> float:
        """How long its computer had been on by then."""
        return round(_ON_BEFORE_S + self.took_s, 3)

    def _paced(self) -> tuple[float | None, float | None]:
        """Return how fast the far end sends, down and up; null where it sends as fast as it can."""
        if self._purpose != "verdict":
            return None, None
        return _PACE_FACTOR * required_download(self._computer.site.school.pupils or 0), _PACE_FACTOR * 5e6

    def _shown(self, draw: random.Random) -> Spoken:
        down_bps, up_bps = self._line.reaches_desk_bps
        download, upload = self._rate(draw, down_bps), self._rate(draw, up_bps)
        return Spoken(
            at=self._start + timedelta(seconds=_LINK_S + _LATENCY_S),
            download=self._seen(draw, download, self._paces[0]),
            upload=self._seen(draw, upload, self._paces[1]),
            tainted=self._tainted(draw, down_bps),
        )

    def _rate(self, draw: random.Random, quiet_bps: float) -> float:
        rate = quiet_bps * self._share * draw.gauss(1.0, 0.02)
        if self._computer.wifi_bps is not None:
            rate = min(rate, self._computer.wifi_bps * draw.uniform(0.6, 1.0))
        return max(rate, 20_000.0)

    def _seen(self, draw: random.Random, rate_bps: float, pace_bps: float | None) -> Seen:
        """Return a measured direction; where it may be the sender's pace that bounds it, only a lower bound."""
        margin = rate_bps * draw.uniform(0.01, 0.04)
        seconds = draw.uniform(9, 12) if self._form == "long" else draw.uniform(1.5, 3)
        high: int | None = round(rate_bps + margin)
        if pace_bps is not None and rate_bps + margin >= pace_bps - 1:
            rate_bps, high = min(rate_bps, pace_bps), None
            margin = min(margin, 0.002 * rate_bps)
        interval = Interval(value_bps=round(rate_bps), low_bps=round(rate_bps - margin), high_bps=high)
        return Seen(interval, round(seconds, 2))

    def _tainted(self, draw: random.Random, down_bps: float) -> tuple[str, ...]:
        """Name what disturbed the test: the computer's own Wi-Fi where it is the narrowest place, or other traffic."""
        wifi = self._computer.wifi_bps
        if wifi is not None and down_bps > 0.8 * wifi:
            return ("link_limited",)
        return ("cross_traffic",) if draw.random() < _DISTURBED_SHARE else ()

    def report(self, sequence: int, previous: str | None) -> Report:
        """Return the report of it."""
        found = self._measurements(dice(self._computer.agent_id, self._start, "report"))
        return Report(
            agent=self._computer.agent_id,
            school=self._computer.site.school.school_id,
            sequence=sequence,
            previous=previous,
            boot_id=self.boot_id,
            created_at=self.ended_at,
            monotonic_s=self.monotonic_s,
            time_zone=shipped_country().about.time_zone,
            software=SOFTWARE,
            trigger="scheduled",
            room=self._computer.room,
            session_s=self.took_s,
            measurements=tuple(msgspec.Raw(measurement.encode(one)) for one in found),
        )

    def _measurements(self, draw: random.Random) -> list[Measurement]:
        link = self._link(draw)
        if self.failure is not None:
            failed = Failed(
                started_at=self._start, took_s=_FAILED_S, probe="msak", failure=self.failure, detail="synthetic"
            )
            return [link, failed]
        latency = self._latency(draw)
        assert self.shows is not None  # noqa: S101 - what did not fail shows something
        return [link, latency, self._throughput(draw, self.shows, latency)]

    def _link(self, draw: random.Random) -> Link:
        wifi = self._computer.wifi_bps
        return Link(
            started_at=self._start,
            took_s=_LINK_S,
            interface="wlan0" if wifi else "eth0",
            medium="wifi" if wifi else "ethernet",
            speed_bps=link_speed_bps(self._computer),
            duplex=None if wifi else "full",
            mtu_bytes=1500,
            download_bps=round(draw.expovariate(1 / 40_000)),
            upload_bps=round(draw.expovariate(1 / 10_000)),
            counted_s=1.0,
            gateway=rooms.GATEWAY,
            wifi=rooms.connection(self._computer.site, self._computer.room) if wifi else None,
        )

    def _latency(self, draw: random.Random) -> Latency:
        """Return round trips: a fixed path, a queue that grows with the load, and Wi-Fi's own delay."""
        low = self._line.rtt_ms + (draw.uniform(2, 8) if self._computer.wifi_bps else 0.3)
        queue = draw.expovariate(1 / (1 + 30 * (1 - min(1.0, self._share))))
        sent = 25
        received = sent - sum(draw.random() < self._line.loss_ratio for _ in range(sent))
        return Latency(
            started_at=self._start + timedelta(seconds=_LINK_S),
            took_s=_LATENCY_S,
            server=SERVER,
            sent=sent,
            received=received,
            min_ms=round(low, 2),
            median_ms=round(low + queue, 2),
            p95_ms=round(low + 2.5 * queue + 1, 2),
            jitter_ms=round(0.4 + queue / 2, 2),
            loss_ratio=round(1 - received / sent, 4),
        )

    def _throughput(self, draw: random.Random, shows: Spoken, latency: Latency) -> Throughput:
        download = self._direction(draw, shows.download, self._paces[0], counted_at="receiver")
        upload = self._direction(draw, shows.upload, self._paces[1], counted_at="server")
        return Throughput(
            started_at=shows.at,
            took_s=shows.took_s,
            engine=ENGINE,
            server=SERVER,
            purpose=self._purpose,
            form=self._form,
            download=download,
            upload=upload,
            rtt_idle_ms=latency.median_ms,
            rtt_download_ms=round(latency.median_ms * draw.uniform(1.1, 3), 2),
            rtt_upload_ms=round(latency.median_ms * draw.uniform(1.1, 4), 2),
            tainted=shows.tainted,
        )

    def _direction(
        self, draw: random.Random, seen: Seen, pace_bps: float | None, *, counted_at: measurement.CountedAt
    ) -> Direction:
        ip_bps = seen.interval.value_bps
        goodput = ip_bps * _GOODPUT_OF_IP
        return Direction(
            goodput_bps=round(goodput),
            ip_bps=ip_bps,
            ip_low_bps=seen.interval.low_bps,
            ip_high_bps=seen.interval.high_bps,
            bytes=round(goodput * seen.duration_s / 8),
            duration_s=seen.duration_s,
            connections=4,
            stop="verdict" if pace_bps else "converged",
            counted_at=counted_at,
            sustained_bps=ip_bps if self._form == "long" else None,
            paced_bps=round(pace_bps) if pace_bps else None,
            samples_bps=tuple(round(ip_bps * draw.gauss(1, 0.03)) for _ in range(_SAMPLES)),
        )
