"""The messages between agent and collector, and what each answer obliges the agent to do.

Every struct accepts fields it does not know: the other side may be older or newer.
"""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from agent.contract.report import AgentId, LeaseId, SchoolId, Sha256Hex
from agent.contract.standards import Target
from agent.contract.values import Address, Aware, Label, Text, Word
from agent.contract.wifi import SsidHex

ENROLL_PATH = "/api/v1/enroll"
ENROLL_SCHOOLS_PATH = "/api/v1/enroll/schools"
LEAVE_PATH = "/api/v1/leave"
REPORTS_PATH = "/api/v1/reports"
POLICY_PATH = "/api/v1/policy"

RECORDS_PATH = "/api/v1/records"
LEASE_PATH = "/api/v1/lease"
RELEASE_PATH = "/api/v1/lease/release"

ENROLLMENT_TYPE = "application/vnd.netready.enrollment+json"
LEAVE_TYPE = "application/vnd.netready.leave+json"
LEASE_TYPE = "application/vnd.netready.lease+json"
RELEASE_TYPE = "application/vnd.netready.lease-release+json"
PROMISE_TYPE = "application/vnd.netready.promise+json"
MAX_BATCH_REPORTS = 50
MAX_BATCH_RECORDS = 50
MAX_BATCH_BYTES = 4 * 1024 * 1024  # of the request's JSON, after decompression
MAX_TOKEN_CHARACTERS = 128
MAX_LISTED_SCHOOLS = 50
MAX_LEASE_S = 300.0

Clock = Annotated[str, Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]
MonthlyBytes = Annotated[int, Meta(ge=0, le=2**53)]
MachineHint = Annotated[str, Meta(pattern="^(board|system):[0-9a-f]{64}$", max_length=72)]
"""A hash over a machine's id and its school: it suggests that two keys are one computer's, and proves nothing."""
TicketText = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,2985}[.][A-Za-z0-9_-]{86}$", max_length=3072)]
"""A ticket as agent.contract.ticket writes it: it goes into a header as it is."""


class Hours(Struct, frozen=True, kw_only=True):
    """When lessons are: local clock times and ISO weekdays (1 = Monday) in an IANA time zone."""

    start: Clock = "08:00"
    end: Clock = "18:00"
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)
    time_zone: Word = "Asia/Almaty"


class QuietHours(Struct, frozen=True, kw_only=True):
    """When lessons are over but computers may still be on, in the lessons' time zone; no weekdays: there are none."""

    start: Clock = "18:00"
    end: Clock = "22:00"
    weekdays: tuple[Annotated[int, Meta(ge=1, le=7)], ...] = (1, 2, 3, 4, 5)


class Shift(Struct, frozen=True, kw_only=True):
    """One shift of lessons by the local clock; one that ends before it starts passes midnight."""

    start: Clock
    end: Clock


class Term(Struct, frozen=True, kw_only=True):
    """A span of days in which there are lessons; both days belong to it."""

    first: date
    last: date


class ServerPlace(Struct, frozen=True, kw_only=True):
    """Where a test server stands: "inside" the network of the school's operator, "outside" of it, or nobody said."""

    url: Text
    place: Word | None = None


class PlatformAsked(Struct, frozen=True, kw_only=True):
    """A platform that lessons need: where its first byte has to come from."""

    name: Label
    url: Text


class CameraAsked(Struct, frozen=True, kw_only=True):
    """A camera of the school, or the police control centre, to be asked whether it answers; ``url`` is rtsp or tcp."""

    name: Label
    kind: Literal["camera", "control_centre"] = "camera"
    url: Text


class PeerCard(Struct, frozen=True, kw_only=True):
    """Another computer of the school, as it reported itself: where it listens inside the school."""

    agent: AgentId
    addresses: Annotated[tuple[Address, ...], Meta(max_length=8)] = ()
    port: Annotated[int, Meta(ge=1, le=65_535)]


class Inside(Struct, frozen=True, kw_only=True):
    """What the collector tells of the inside of a school; empty where nobody knows.

    ``own_ssids_hex`` and ``own_bssid_prefixes`` say which Wi-Fi networks are the school's. ``peer_key`` is the secret
    that only this school's computers have, for tests between them; ``rooms`` is the register's list of rooms.
    """

    own_ssids_hex: Annotated[tuple[SsidHex, ...], Meta(max_length=64)] = ()
    own_bssid_prefixes: Annotated[tuple[Word, ...], Meta(max_length=64)] = ()
    wifi_scans_per_day: Annotated[int, Meta(ge=0, le=24)] = 2
    peer_key: Annotated[bytes, Meta(min_length=32, max_length=32)] | None = None
    peers: Annotated[tuple[PeerCard, ...], Meta(max_length=64)] = ()
    peer_bytes: Annotated[int, Meta(ge=1_000_000, le=10**10)] = 200_000_000
    platforms: Annotated[tuple[PlatformAsked, ...], Meta(max_length=32)] = ()
    cameras: Annotated[tuple[CameraAsked, ...], Meta(max_length=64)] = ()
    cameras_registered: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    rooms: Annotated[tuple[Label, ...], Meta(max_length=1000)] = ()
    rooms_missing: Annotated[tuple[Label, ...], Meta(max_length=1000)] = ()
    contracted_download_bps: Annotated[float, Meta(gt=0)] | None = None
    contracted_upload_bps: Annotated[float, Meta(gt=0)] | None = None


class Release(Struct, frozen=True, kw_only=True):
    """The version that this school's computers shall have, ``percent`` of them for now, and where it can be fetched.

    It is a choice among what was signed for: an agent takes no version that its own metadata does not vouch for.
    """

    version: Word
    percent: Annotated[float, Meta(ge=0, le=100)] = 100.0
    mirrors: Annotated[tuple[Text, ...], Meta(max_length=8)] = ()


class Policy(Struct, frozen=True, kw_only=True):
    """What the collector tells an agent: against whom, when and how often to measure, and what its school needs.

    ``capacity_sessions_per_day``: full sessions in the hours of lessons, each with a cheap verdict test; 0 plans none,
    in the quiet hours neither. One more, in the quiet hours, asks for the line's capacity, at least every
    ``long_capacity_days`` in its long form. ``monthly_bytes``: what one computer's tests may take in a calendar month;
    null: no limit.

    ``shifts`` are the lessons of a day, without a break that is longer than a pause; empty: those of ``hours``, which
    span all shifts for agents that do not know them. Days outside of ``terms`` (empty: none are outside) and
    ``holidays`` have no lessons, ``extra_days`` have whatever their weekday. ``paused``: nothing that fills the line is
    run by itself. ``lease``: the collector is asked before anything that fills the line. ``engines``: the probes that
    may fill it, the first that an agent has counts; empty: the agent's own. ``places``: of servers, where known.
    ``update``: the version to change to; null: whatever is installed.
    """

    version: Annotated[int, Meta(ge=1)] = 1
    servers: Annotated[tuple[Text, ...], Meta(max_length=32)] = ()
    hours: Hours = Hours()
    quiet_hours: QuietHours = QuietHours()
    capacity_sessions_per_day: Annotated[int, Meta(ge=0, le=48)] = 4
    long_capacity_days: Annotated[int, Meta(ge=1, le=90)] = 7
    latency_interval_s: Annotated[int, Meta(ge=60, le=86_400)] = 900
    monthly_bytes: MonthlyBytes | None = None
    target: Target | None = None
    inside: Inside = Inside()
    shifts: Annotated[tuple[Shift, ...], Meta(max_length=8)] = ()
    terms: Annotated[tuple[Term, ...], Meta(max_length=32)] = ()
    holidays: Annotated[tuple[date, ...], Meta(max_length=400)] = ()
    extra_days: Annotated[tuple[date, ...], Meta(max_length=400)] = ()
    slot_minutes: Annotated[int, Meta(ge=1, le=24 * 60)] = 30
    paused: bool = False
    lease: bool = False
    engines: Annotated[tuple[Word, ...], Meta(max_length=16)] = ()
    places: Annotated[tuple[ServerPlace, ...], Meta(max_length=32)] = ()
    update: Release | None = None


class SchoolCard(Struct, frozen=True, kw_only=True):
    """A school as shown to the person who enrols a computer: "is this yours?"."""

    id: SchoolId
    name: Text
    region: Text | None = None
    district: Text | None = None
    pupils: int | None = None
    synthetic: bool = False


class EnrollRequest(Struct, frozen=True, kw_only=True):
    """The payload that a new agent signs with the key it asks to be known by.

    ``school``: which school of a region's token; of a school's token it has to be that school. ``machine``: hints at
    the computer's earlier key. ``recover`` proves it: the earlier key's recovery code. ``recovery_sha256`` is the
    SHA-256 of the new key's.
    """

    token: Annotated[str, Meta(min_length=1, max_length=MAX_TOKEN_CHARACTERS)]
    public_key: Annotated[bytes, Meta(min_length=32, max_length=32)]
    software: Word
    room: Annotated[str, Meta(max_length=128)] | None = None
    preview: bool = False
    school: SchoolId | None = None
    machine: Annotated[tuple[MachineHint, ...], Meta(max_length=4)] = ()
    recover: Word | None = None
    recovery_sha256: Sha256Hex | None = None


class EnrollReply(Struct, frozen=True, kw_only=True):
    """The school that the token belongs to, and the policy to begin with.

    Nothing was bound and no use of the token spent if the request was a preview (to ask a person "is this yours?").
    ``succeeds``: the key whose place this one takes, so that the computer's history goes on. ``recovery_kept``: the
    collector knows the recovery code's hash.
    """

    agent: AgentId
    school: SchoolCard
    policy: Policy
    succeeds: AgentId | None = None
    recovery_kept: bool = False


class SchoolsRequest(Struct, frozen=True, kw_only=True):
    """What an engineer with a region's token asks: the schools whose name, district or id has ``search`` in it."""

    token: Annotated[str, Meta(min_length=1, max_length=MAX_TOKEN_CHARACTERS)]
    search: Label = ""


class SchoolsReply(Struct, frozen=True, kw_only=True):
    """Schools that a token can enrol for; ``region`` is null for a school's own token, ``more`` counts those left out.

    What a token cannot do, an error answer says.
    """

    region: Text | None = None
    schools: Annotated[tuple[SchoolCard, ...], Meta(max_length=MAX_LISTED_SCHOOLS)] = ()
    more: Annotated[int, Meta(ge=0)] = 0


class LeaveRequest(Struct, frozen=True, kw_only=True):
    """The payload with which a computer leaves its school, signed by its key, which ends with it."""

    agent: AgentId
    at: Aware


class LeaveReply(Struct, frozen=True, kw_only=True):
    """From when on the computer is marked as one that left; what it sent and sends of before stays valid."""

    left_at: Aware


class ReportBatch(Struct, frozen=True, kw_only=True):
    """The body of POST /api/v1/reports: DSSE envelopes, each judged on its own."""

    envelopes: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1, max_length=MAX_BATCH_REPORTS)]


Answer = Literal[
    "stored",  # committed: the agent may forget it
    "duplicate",  # the collector has exactly this report already: the agent may forget it
    "refused",  # will never be accepted, for the reason given: the agent keeps it aside and goes on
    "revoked",  # this agent is no longer welcome: it stops sending and keeps what it has
]

Reason = Literal[
    "malformed",  # not an envelope, or not a report
    "too_large",
    "signature",  # not signed by the key that the agent enrolled with
    "unknown_agent",  # this key never enrolled here
    "wrong_school",  # the report names another school than the one the agent belongs to
    "sequence_conflict",  # another report with this sequence number is already stored
    "agent_revoked",
]


class Receipt(Struct, frozen=True, kw_only=True):
    """The collector's answer to one envelope, in the order they were sent.

    ``sha256`` names the payload that was judged, null where none could be read. ``detail`` is for people; on a stored
    report it is a warning, for example about this computer's clock.
    """

    answer: Answer
    reason: Reason | None = None
    detail: Text | None = None
    sha256: Sha256Hex | None = None


class Promise(Struct, frozen=True, kw_only=True):
    """The collector's word on what it stored: every checkpoint of its log signed after ``include_by`` covers it.

    ``sha256`` is of the stored reports' own SHA-256, one after the other as raw bytes in the order of their receipts.
    ``key`` is the id of the key that signed (agent.contract.signing.agent_id), ``signature`` in hex: over DSSE's
    encoding of PROMISE_TYPE and of this very object as JSON, its keys in order and its signature empty.
    """

    log: Text
    key: AgentId
    include_by: Aware
    sha256: Sha256Hex
    signature: Annotated[str, Meta(max_length=128)] = ""


class BatchReply(Struct, frozen=True, kw_only=True):
    """One receipt per envelope, the newest policy version so that an agent knows when to fetch it, and orders.

    ``orders`` are words: "run_now" (a session now, whatever the hours); those that an agent does not know it passes
    over. ``promise``: null where nothing was stored, or nobody promises.
    """

    items: tuple[Receipt, ...]
    policy_version: int | None = None
    orders: Annotated[tuple[Word, ...], Meta(max_length=16)] = ()
    promise: Promise | None = None


class RecordBatch(Struct, frozen=True, kw_only=True):
    """The body of POST /api/v1/records: signed records of test servers (agent.contract.record)."""

    envelopes: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1, max_length=MAX_BATCH_RECORDS)]


class RecordReceipt(Struct, frozen=True, kw_only=True):
    """The collector's answer to one record.

    "stored" and "duplicate": the server may forget it. "unknown_server": nobody told the collector of this key; asked
    again later. "refused": never, for the reason in ``detail``.
    """

    answer: Literal["stored", "duplicate", "unknown_server", "refused"]
    detail: Text | None = None


class RecordReply(Struct, frozen=True, kw_only=True):
    """One answer for each record, in the order in which they were sent."""

    items: tuple[RecordReceipt, ...]


class LeaseRequest(Struct, frozen=True, kw_only=True):
    """The payload with which an agent asks whether it may fill the school's line now.

    ``lease`` is a random id of the agent's making: asking again with it means the same wish, and it names the lease
    that is granted. ``seconds`` is how long the line is wanted at most; ``servers`` are those that answer, best first.
    """

    lease: LeaseId
    trigger: Word
    purpose: Word
    seconds: Annotated[float, Meta(gt=0, le=MAX_LEASE_S)]
    servers: Annotated[tuple[Text, ...], Meta(max_length=32)] = ()


LeaseState = Literal[
    "granted",  # from ``starts_in_s`` to ``ends_in_s`` from now the line is this agent's
    "wait",  # ask again in ``retry_after_s``: it keeps its place in the queue
    "enough",  # the school was measured enough just now: go on without filling the line
    "paused",  # somebody stopped this school's or this computer's tests: fetch the policy
    "free",  # nobody keeps order here: go on
]


class LeaseReply(Struct, frozen=True, kw_only=True):
    """The collector's answer, in seconds from now, because clocks differ; ``detail`` is for people.

    ``server`` is whom to measure against. ``share`` is which part of the school's target this computer has to reach,
    null for all of it: several computers measure together where no single port could carry it. ``ticket`` shows that
    server the lease (agent.contract.ticket); null: the collector makes none.
    """

    state: LeaseState
    lease: LeaseId | None = None
    server: Text | None = None
    starts_in_s: Annotated[float, Meta(ge=0, le=600)] = 0.0
    ends_in_s: Annotated[float, Meta(ge=0, le=1200)] = 0.0
    retry_after_s: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    position: Annotated[int, Meta(ge=0)] | None = None
    share: Annotated[float, Meta(gt=0, le=1)] | None = None
    detail: Text = ""
    ticket: TicketText | None = None


class LeaseRelease(Struct, frozen=True, kw_only=True):
    """The payload with which an agent gives a lease, or its place in the queue, back."""

    lease: LeaseId


class Problem(Struct, frozen=True, kw_only=True):
    """An error answer (RFC 9457 problem document); ``detail`` is a sentence a person can act on."""

    title: str
    status: int
    detail: str = ""
    type: str = "about:blank"
