"""Whether what a school lives on answers: its platforms, a video lesson from the test server, cameras and their centre.

Only addresses that settings or policy give are contacted, at most four at a time; no redirect is followed. One that is
none is recorded as a failure of that platform or camera and costs the others nothing.
"""

import ssl
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, ClassVar, TypeVar

from msgspec import Meta, Struct

from agent.contract import ticket
from agent.contract.errors import InsecureUrlError, SettingsError
from agent.contract.services import Camera, Service, Services, VideoLesson
from agent.contract.wire import CameraAsked, PlatformAsked, TicketText
from agent.host import transport
from agent.meter import dial
from agent.meter.errors import TransferError
from agent.probes import _services_cameras, _services_catalogue, _services_platforms, _services_video
from agent.probes._services_catalogue import Catalogue
from agent.probes._services_video import Lesson

NAME = "services"
_AT_ONCE = 4
_SHARE = 0.4  # of the deadline, for platforms and cameras together; the rest is the video lesson's
_MOST_S = 8.0  # for one of them

_Answer = TypeVar("_Answer")


class Probe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask the platforms and cameras, and play a video lesson from ``server`` (a netready reflector).

    ``platforms`` and ``cameras`` are the policy's; unset, the platforms are those of ``catalogue``, a file in the form
    of config/services.toml, or of that file itself. ``cameras_registered`` is how many the school has, ``upload_bps``
    what its line was last measured to send. The lesson takes at most ``max_bytes``, platforms 64 kB each.
    ``ticket`` proves the lease to a server that wants to see it.
    """

    takes_the_line: ClassVar[bool] = True
    needs_server: ClassVar[bool] = True

    server: str = ""
    ca_file: str | None = None
    catalogue: str | None = None
    platforms: Annotated[tuple[PlatformAsked, ...], Meta(max_length=32)] | None = None
    cameras: Annotated[tuple[CameraAsked, ...], Meta(max_length=64)] | None = None
    cameras_registered: Annotated[int, Meta(ge=0, le=10_000)] | None = None
    upload_bps: Annotated[float, Meta(ge=0, le=1e13)] | None = None
    max_bytes: Annotated[int, Meta(ge=1)] = 100_000_000
    ticket: TicketText | None = None

    def __post_init__(self) -> None:
        """Refuse a server that is none (SettingsError)."""
        if self.server:
            dial.http_endpoint(self.server)

    def measure(self, deadline_s: float) -> Services:
        """Measure within ``deadline_s`` seconds; whatever does not answer is a fact in the measurement.

        Raises:
            SettingsError: the catalogue or the CA file cannot be used.
        """
        began = time.monotonic()
        catalogue = _services_catalogue.read(None if self.catalogue is None else Path(self.catalogue))
        services, cameras = self._ask(catalogue, began + _SHARE * deadline_s)
        needed_bps = (
            None if self.cameras_registered is None else self.cameras_registered * catalogue.cameras.bitrate_bps
        )
        known = needed_bps is not None and self.upload_bps is not None
        return Services(
            services=services,
            video=self._video(catalogue, began + deadline_s),
            cameras=cameras,
            cameras_registered=self.cameras_registered,
            cameras_upload_bps=needed_bps,
            cameras_headroom_bps=(self.upload_bps or 0.0) - (needed_bps or 0.0) if known else None,
        )

    def _ask(self, catalogue: Catalogue, ends: float) -> tuple[tuple[Service, ...], tuple[Camera, ...]]:
        asked = [one.asked for one in catalogue.platforms] if self.platforms is None else self.platforms
        context = transport.tls_context(self.ca_file)
        jobs: list[Callable[[float], Service | Camera]] = [
            *(partial(_platform, one, context) for one in asked),
            *(partial(_camera, one) for one in self.cameras or ()),
        ]
        answers = in_turn(jobs, ends)
        services = tuple(one for one in answers if isinstance(one, Service))
        return services, tuple(one for one in answers if isinstance(one, Camera))

    def _video(self, catalogue: Catalogue, deadline: float) -> VideoLesson | None:
        video = catalogue.video
        nothing = VideoLesson(streams=video.streams, bitrate_bps=video.bitrate_bps, played_s=0.0)
        if not self.server:
            return _services_video.failed(
                nothing, TransferError("no_server", "no server is set to play a video lesson from")
            )
        target = dial.http_endpoint(self.server)
        try:
            dial.check_security(target, deadline)
        except TransferError as error:
            return _services_video.failed(nothing, error)
        except InsecureUrlError as error:  # the word that a session has for it
            return _services_video.failed(nothing, TransferError("no_server", str(error)))
        context = transport.tls_context(self.ca_file) if target.is_secure else None
        lesson = Lesson(
            endpoint=target,
            context=context,
            video=video,
            max_bytes=self.max_bytes,
            deadline=deadline,
            fields=ticket.shown(self.ticket),
        )
        return _services_video.play(lesson)


def _platform(asked: PlatformAsked, context: ssl.SSLContext, deadline: float) -> Service:
    try:
        wanted = _services_platforms.platform(asked)
    except SettingsError:
        return _services_platforms.unusable(asked)
    return _services_platforms.ask(wanted, context, deadline)


def _camera(asked: CameraAsked, deadline: float) -> Camera:
    try:
        wanted = _services_cameras.place(asked)
    except SettingsError:
        return _services_cameras.unusable(asked)
    return _services_cameras.ask(wanted, deadline)


def in_turn(jobs: Sequence[Callable[[float], _Answer]], ends: float) -> list[_Answer]:
    """Do the jobs, four at a time, and return their answers in order.

    Each is given its deadline when it begins: a fair share of the time that is left, so that what answers quickly
    leaves more for what does not, and all of them are over at ``ends``.
    """
    lock, left = threading.Lock(), len(jobs)

    def begin(job: Callable[[float], _Answer]) -> _Answer:
        nonlocal left
        with lock:
            rounds = -(-left // _AT_ONCE)
            left -= 1
        now = time.monotonic()
        return job(now + min(_MOST_S, max(0.0, ends - now) / rounds))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(begin, jobs))
