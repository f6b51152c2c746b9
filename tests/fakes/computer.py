"""A school computer that signs real reports, without measuring anything."""

from datetime import UTC, datetime, timedelta

import msgspec
from nacl.signing import SigningKey

from agent.contract import measurement, report, signing, wire
from agent.contract.measurement import Direction, Link, Measurement, Throughput


def throughput(download_bps: float, upload_bps: float, **changes) -> Throughput:
    """Return a test with these IP rates."""
    values = {
        "engine": "msak",
        "server": "ws://127.0.0.1:1",
        "download": direction(download_bps),
        "upload": direction(upload_bps),
    }
    return Throughput(**(values | changes))


def direction(ip_bps: float, **changes) -> Direction:
    """Return one direction with an interval of 1 % around its IP rate."""
    values = {
        "goodput_bps": ip_bps * 0.965,
        "ip_bps": ip_bps,
        "ip_low_bps": ip_bps * 0.99,
        "ip_high_bps": ip_bps * 1.01,
        "bytes": max(1, round(ip_bps * 0.965 * 2 / 8)),
        "duration_s": 2.0,
        "connections": 4,
        "stop": "time",
        "counted_at": "server",
    }
    return Direction(**(values | changes))


def paced(ip_bps: float) -> Direction:
    """Return a direction whose sender's pace bound the result: a lower bound."""
    return direction(ip_bps, ip_high_bps=None, paced_bps=ip_bps)


def wire_link(**changes) -> Link:
    """Return a wired gigabit link."""
    return Link(**({"interface": "eth0", "medium": "ethernet", "speed_bps": 1e9, "duplex": "full"} | changes))


class Computer:
    """Makes chained, signed reports of one key."""

    def __init__(self, school: str, seed: int = 1) -> None:
        self.key = SigningKey(seed.to_bytes(32, "big"))
        self.public_key = bytes(self.key.verify_key)
        self.id = signing.agent_id(self.public_key)
        self.school = school
        self.sequence = 0
        self.previous: str | None = None

    def enrollment(self, token: str, **changes) -> bytes:
        """Return the signed body of an enrolment request."""
        request = wire.EnrollRequest(token=token, public_key=self.public_key, software="netready test", **changes)
        return msgspec.json.encode(signing.sign(wire.ENROLLMENT_TYPE, msgspec.json.encode(request), self.key))

    def payload(self, *measurements: Measurement, at: datetime | None = None, **changes) -> bytes:
        """Return the next report's payload, unsigned, and move the chain on."""
        self.sequence += 1
        values = {
            "agent": self.id,
            "school": self.school,
            "sequence": self.sequence,
            "previous": self.previous,
            "boot_id": "boot",
            "created_at": at or datetime.now(UTC) - timedelta(seconds=1),
            "monotonic_s": float(self.sequence),
            "time_zone": "Asia/Almaty",
            "software": "netready test",
            "trigger": "scheduled",
            "measurements": tuple(msgspec.Raw(measurement.encode(one)) for one in measurements),
        }
        payload = report.encode(report.Report(**(values | changes)))
        self.previous = report.sha256_hex(payload)
        return payload

    def signed(self, payload: bytes) -> bytes:
        """Return the envelope of a payload."""
        return msgspec.json.encode(signing.sign(report.PAYLOAD_TYPE, payload, self.key))

    def report(self, *measurements: Measurement, **changes) -> bytes:
        """Return the envelope of the next report."""
        return self.signed(self.payload(*measurements, **changes))


def batch(*envelopes: bytes) -> bytes:
    """Return the body of a delivery."""
    return msgspec.json.encode(wire.ReportBatch(envelopes=tuple(msgspec.Raw(one) for one in envelopes)))
