"""What a simulated computer reports: its school's line as an agent's probes would show it, session after session."""

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from agent.contract import measurement, report, signing
from agent.contract.failure import Failure
from agent.contract.measurement import Direction, Failed, Form, Latency, Link, Measurement, Purpose, Throughput
from agent.contract.report import Report
from agent.contract.standards import required_download
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


def envelopes(computer: Computer, plan: Plan) -> Iterator[bytes]:
    """Make a computer's reports, the oldest first, each chained to the one before and signed."""
    zone = ZoneInfo(shipped_country().about.time_zone)
    previous: str | None = None
    sequence = 0
    last_long = date.min
    for day in plan.school_days():
        draw = dice(computer.agent_id, day)
        school_day = dice(plan.seed, computer.site.school.school_id, day).gauss(1.0, 0.03)
        starts = _sessions(draw, day, plan.sessions_per_day)
        for start in starts:
            sequence += 1
            asked = _asked(start, starts, (day - last_long).days)
            if asked == ("capacity", "long"):
                last_long = day
            session = _Session(draw, computer, start.replace(tzinfo=zone), min(1.06, max(0.85, school_day)), asked)
            payload = report.encode(session.report(sequence, previous))
            previous = report.sha256_hex(payload)
            yield msgspec.json.encode(signing.sign(report.PAYLOAD_TYPE, payload, computer.key))
    if computer.wifi_bps is not None:
        yield from rooms.walk(computer, plan, sequence, previous)


def _sessions(draw: random.Random, day: date, count: int) -> list[datetime]:
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


class _Session:
    """One session of one computer: link, latency, throughput, as the agent's probes would report them."""

    def __init__(
        self,
        draw: random.Random,
        computer: Computer,
        start: datetime,
        day_factor: float,
        asked: tuple[Purpose, Form],
    ) -> None:
        self._draw = draw
        self._purpose, self._form = asked
        self._computer = computer
        self._line: Line = computer.site.line
        self._start = start.astimezone(UTC)
        load = _LOAD_BY_HOUR.get(start.hour, _EVENING_LOAD)
        self._share = day_factor * (1 - self._line.congestion * load)
        self._boot = f"synthetic-{start:%Y%m%d}"
        self._uptime_s = (start - start.replace(hour=7, minute=30, second=0)).total_seconds()

    def report(self, sequence: int, previous: str | None) -> Report:
        """Measure, and return the report of it."""
        found = self._measurements()
        session_s = sum(one.took_s or 0.0 for one in found)
        return Report(
            agent=self._computer.agent_id,
            school=self._computer.site.school.school_id,
            sequence=sequence,
            previous=previous,
            boot_id=self._boot,
            created_at=self._start + timedelta(seconds=round(session_s, 3)),
            monotonic_s=round(self._uptime_s + session_s, 3),
            time_zone=shipped_country().about.time_zone,
            software=SOFTWARE,
            trigger="scheduled",
            room=self._computer.room,
            session_s=round(session_s, 3),
            measurements=tuple(msgspec.Raw(measurement.encode(one)) for one in found),
        )

    def _measurements(self) -> list[Measurement]:
        link = self._link()
        if self._draw.random() < _FAILED_SHARE:
            failure = self._draw.choice(_FAILURES)
            failed = Failed(started_at=self._start, took_s=5.0, probe="msak", failure=failure, detail="synthetic")
            return [link, failed]
        latency = self._latency()
        begin = self._start + timedelta(seconds=(link.took_s or 0) + (latency.took_s or 0))
        return [link, latency, self._throughput(begin, latency)]

    def _link(self) -> Link:
        wifi = self._computer.wifi_bps
        return Link(
            started_at=self._start,
            took_s=1.0,
            interface="wlan0" if wifi else "eth0",
            medium="wifi" if wifi else "ethernet",
            speed_bps=round(wifi * 2.2, -6) if wifi else 1e9,
            duplex=None if wifi else "full",
            mtu_bytes=1500,
            download_bps=round(self._draw.expovariate(1 / 40_000)),
            upload_bps=round(self._draw.expovariate(1 / 10_000)),
            counted_s=1.0,
            gateway=rooms.GATEWAY,
            wifi=rooms.connection(self._computer.site, self._computer.room) if wifi else None,
        )

    def _latency(self) -> Latency:
        """Return round trips: a fixed path, a queue that grows with the load, and Wi-Fi's own delay."""
        low = self._line.rtt_ms + (self._draw.uniform(2, 8) if self._computer.wifi_bps else 0.3)
        queue = self._draw.expovariate(1 / (1 + 30 * (1 - min(1.0, self._share))))
        sent = 25
        received = sent - sum(self._draw.random() < self._line.loss_ratio for _ in range(sent))
        return Latency(
            started_at=self._start + timedelta(seconds=1),
            took_s=1.4,
            server=SERVER,
            sent=sent,
            received=received,
            min_ms=round(low, 2),
            median_ms=round(low + queue, 2),
            p95_ms=round(low + 2.5 * queue + 1, 2),
            jitter_ms=round(0.4 + queue / 2, 2),
            loss_ratio=round(1 - received / sent, 4),
        )

    def _throughput(self, begin: datetime, latency: Latency) -> Throughput:
        down, up = (self._rate(rate) for rate in self._line.reaches_desk_bps)
        required = float(required_download(self._computer.site.school.pupils or 0))
        is_verdict = self._purpose == "verdict"
        paces = (_PACE_FACTOR * required, _PACE_FACTOR * 5e6) if is_verdict else (None, None)
        download = self._direction(down, paces[0], counted_at="receiver")
        upload = self._direction(up, paces[1], counted_at="server")
        return Throughput(
            started_at=begin,
            took_s=round(download.duration_s + upload.duration_s + 0.5, 2),
            engine=ENGINE,
            server=SERVER,
            purpose=self._purpose,
            form=self._form,
            download=download,
            upload=upload,
            rtt_idle_ms=latency.median_ms,
            rtt_download_ms=round(latency.median_ms * self._draw.uniform(1.1, 3), 2),
            rtt_upload_ms=round(latency.median_ms * self._draw.uniform(1.1, 4), 2),
            tainted=self._tainted(down),
        )

    def _tainted(self, down_bps: float) -> tuple[str, ...]:
        """Name what disturbed the test: the computer's own Wi-Fi where it is the narrowest place, or other traffic."""
        wifi = self._computer.wifi_bps
        if wifi is not None and down_bps > 0.8 * wifi:
            return ("link_limited",)
        return ("cross_traffic",) if self._draw.random() < _DISTURBED_SHARE else ()

    def _rate(self, quiet_bps: float) -> float:
        rate = quiet_bps * self._share * self._draw.gauss(1.0, 0.02)
        if self._computer.wifi_bps is not None:
            rate = min(rate, self._computer.wifi_bps * self._draw.uniform(0.6, 1.0))
        return max(rate, 20_000.0)

    def _direction(self, rate_bps: float, pace_bps: float | None, *, counted_at: measurement.CountedAt) -> Direction:
        """Return a measured direction; where the sender's pace was slower than the line, only a lower bound."""
        is_bound = pace_bps is not None and rate_bps > pace_bps
        ip_bps = pace_bps if pace_bps is not None and is_bound else rate_bps
        margin = ip_bps * (0.002 if is_bound else self._draw.uniform(0.01, 0.04))
        is_long = self._form == "long"
        seconds = round(self._draw.uniform(9, 12) if is_long else self._draw.uniform(1.5, 3), 2)
        goodput = ip_bps * _GOODPUT_OF_IP
        return Direction(
            goodput_bps=round(goodput),
            ip_bps=round(ip_bps),
            ip_low_bps=round(ip_bps - margin),
            ip_high_bps=None if is_bound else round(ip_bps + margin),
            bytes=round(goodput * seconds / 8),
            duration_s=seconds,
            connections=4,
            stop="verdict" if pace_bps else "converged",
            counted_at=counted_at,
            sustained_bps=round(ip_bps) if is_long else None,
            paced_bps=round(pace_bps) if pace_bps else None,
            samples_bps=tuple(round(ip_bps * self._draw.gauss(1, 0.03)) for _ in range(_SAMPLES)),
        )
