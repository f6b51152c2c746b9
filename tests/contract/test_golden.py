"""The report of schema 1 as it was once written and signed. These files never change; a new schema adds new ones."""

from datetime import datetime, timedelta, timezone

import msgspec
from nacl.signing import SigningKey

from agent.contract import measurement, report, signing
from agent.contract.measurement import Direction, Failed, Latency, Link, Skipped, Throughput, Unknown

MADE = datetime(2026, 11, 22, 9, 17, 5, 250_000, tzinfo=timezone(timedelta(hours=5)))
PREVIOUS = "c3a4943acdb98f4e40aca47d61874d13d3adc59499243b1657136961522986ae"

DOWNLOAD = Direction(
    goodput_bps=18_620_000,
    ip_bps=19_310_000,
    ip_low_bps=19_120_000,
    ip_high_bps=19_500_000,
    bytes=18_620_000,
    duration_s=8,
    connections=4,
    stop="time",
    counted_at="receiver",
    burst_bps=24_000_000,
    sustained_bps=19_280_000,
    cross_traffic_bps=41_000,
    samples_bps=(19_100_000, 19_400_000),
)
UPLOAD = Direction(
    goodput_bps=5_790_000,
    ip_bps=6_000_000,
    ip_low_bps=5_900_000,
    bytes=5_790_000,
    duration_s=8,
    connections=4,
    stop="verdict",
    counted_at="server",
    paced_bps=6_000_000,
)
MEASUREMENTS = [
    Throughput(
        started_at=MADE,
        took_s=16.4,
        engine="msak",
        server="wss://reflector.example/",
        purpose="capacity",
        download=DOWNLOAD,
        upload=UPLOAD,
        rtt_idle_ms=12.5,
        rtt_download_ms=48,
        rtt_upload_ms=31.25,
        loss_ratio=0.001,
        tainted=("cross_traffic",),
    ),
    Latency(
        started_at=MADE,
        took_s=1.3,
        server="wss://reflector.example/",
        protocol="udp-echo",
        sent=25,
        received=24,
        min_ms=11,
        median_ms=12.5,
        p95_ms=19,
        jitter_ms=1.5,
        loss_ratio=0.04,
    ),
    Link(
        started_at=MADE,
        took_s=1,
        interface="enp3s0",
        medium="ethernet",
        speed_bps=1_000_000_000,
        duplex="full",
        mtu_bytes=1500,
        download_bps=41_000,
        upload_bps=9_000,
        counted_s=1,
    ),
    Failed(started_at=MADE, took_s=0.2, probe="ndt7", failure="connect_refused", detail="Connection refused"),
    Skipped(probe="wifi", reason="this computer has no Wi-Fi card"),
]


def test_the_golden_envelope_verifies(raw_envelope: bytes, public_key: bytes, payload: bytes) -> None:
    """A report signed by schema 1 verifies for ever, and what was signed is exactly the payload kept beside it."""
    envelope = signing.decode_envelope(raw_envelope)
    assert signing.verify(envelope, report.PAYLOAD_TYPE, public_key) == payload


def test_signing_is_deterministic(raw_envelope: bytes, payload: bytes, key: SigningKey) -> None:
    """The same key, type and bytes give the same envelope, byte for byte (RFC 8032)."""
    assert msgspec.json.encode(signing.sign(report.PAYLOAD_TYPE, payload, key)) == raw_envelope


def test_every_field_of_the_golden_report(payload: bytes) -> None:
    """Each field of schema 1 is read as it was meant."""
    decoded = report.decode(payload)
    assert msgspec.structs.asdict(decoded) | {"measurements": None} == {
        "schema": 1,
        "agent": "56475aa75463474c0285df5dbf2bcab7",
        "school": "00042",
        "sequence": 7,
        "previous": PREVIOUS,
        "boot_id": "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0",
        "created_at": MADE,
        "monotonic_s": 86_512.75,
        "time_zone": "Asia/Almaty",
        "software": "netready-agent 0.1.0",
        "trigger": "scheduled",
        "room": "Кабинет 12",
        "floor": None,  # came later
        "dropped": 2,
        "waiting": None,  # came later
        "session_s": 19.5,
        "lease": None,
        "measurements": None,
    }
    assert decoded.read_measurements() == MEASUREMENTS


def assert_still_there(was: object, now: object) -> None:
    """Compare two JSON values; ``now`` may have keys that ``was`` has not."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name, value in was.items():
            assert_still_there(value, now[name])
    else:
        assert now == was


def test_the_schema_still_writes_the_same_keys(payload: bytes) -> None:
    """What schema 1 wrote then, it writes now under the same names; it may only have added to it."""
    decoded = report.decode(payload)
    assert_still_there(
        msgspec.json.decode(payload) | {"measurements": None},
        msgspec.json.decode(report.encode(decoded)) | {"measurements": None},
    )
    for raw, measured in zip(decoded.measurements, MEASUREMENTS, strict=True):
        assert_still_there(msgspec.json.decode(raw), msgspec.json.decode(measurement.encode(measured)))


def test_a_newer_schema_is_read(payload: bytes) -> None:
    """A newer agent's report is read: unknown fields passed over, unknown kinds of measurement kept as unknown."""
    newer = msgspec.json.decode(payload)
    newer |= {"schema": 2, "weather": {"sky": ["clear"]}}
    newer["measurements"][1]["p99_ms"] = 21.0
    newer["measurements"].append({"kind": "satellite", "dish_db": 12})
    decoded = report.decode(msgspec.json.encode(newer))
    assert decoded.schema == 2
    assert decoded.read_measurements() == [*MEASUREMENTS, Unknown(kind="satellite")]


def test_the_chain_names_the_payload(payload: bytes) -> None:
    """The name under which the next report refers to this one is the SHA-256 of its bytes."""
    assert report.sha256_hex(b"the report before") == report.decode(payload).previous == PREVIOUS
