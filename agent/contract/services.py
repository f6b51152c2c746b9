"""How the platforms that a school lives on answer, and whether video lessons play. Facts only."""

from typing import Annotated

from msgspec import Meta, Struct

from agent.contract.failure import Failure
from agent.contract.values import Bps, Count, Label, Measured, Milliseconds, Ratio, Seconds, Text, Word


class Service(Struct, frozen=True, kw_only=True):
    """One platform: the time of each step to its first byte, or the step that failed."""

    name: Label
    host: Label
    dns_ms: Milliseconds | None = None
    connect_ms: Milliseconds | None = None
    tls_ms: Milliseconds | None = None
    first_byte_ms: Milliseconds | None = None
    status: Annotated[int, Meta(ge=100, le=999)] | None = None
    failure: Failure | None = None
    detail: Text = ""


class VideoLesson(Struct, frozen=True, kw_only=True):
    """A lesson played from the test server: segments of ``bitrate_bps`` for each of ``streams`` pupils at once.

    ``played_s`` is how much of it each pupil saw, on average; ``start_ms`` when the last of them had a picture, null
    where one never had. ``stalls`` are how often a pupil's picture stood still after it began; ``stalled_ratio`` the
    share of the time that all of them together waited. ``pupils_at_once`` is how many such streams the rate measured
    here carries; ``is_at_least``: no more were tried. ``bytes`` is what all of it took, as payload.
    """

    streams: Count
    bitrate_bps: Bps
    played_s: Seconds
    start_ms: Milliseconds | None = None
    stalls: Count = 0
    stalled_ratio: Ratio | None = None
    pupils_at_once: Count | None = None
    is_at_least: bool = False
    bytes: Count | None = None
    failure: Failure | None = None
    detail: Text = ""


class Camera(Struct, frozen=True, kw_only=True):
    """A camera or the police control centre: whether it answers. ``kind`` is "camera" or "control_centre"."""

    name: Label
    kind: Word
    connect_ms: Milliseconds | None = None
    status: Annotated[int, Meta(ge=100, le=999)] | None = None
    failure: Failure | None = None
    detail: Text = ""


class Services(Measured, frozen=True, kw_only=True, tag="services"):
    """What lessons and cameras need. ``cameras_upload_bps`` is what the registered number of cameras sends."""

    services: Annotated[tuple[Service, ...], Meta(max_length=64)] = ()
    video: VideoLesson | None = None
    cameras: Annotated[tuple[Camera, ...], Meta(max_length=64)] = ()
    cameras_registered: Count | None = None
    cameras_upload_bps: Bps | None = None
    cameras_headroom_bps: Annotated[float, Meta(ge=-1e13, le=1e13)] | None = None
