"""How platforms and cameras answered at a school, over its newest looks; pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median

from msgspec import Struct

from agent.contract import measurement
from agent.contract.errors import MalformedError
from agent.contract.services import Services, VideoLesson
from collector.store.school_looks import ServicesLook


class Platform(Struct, frozen=True, kw_only=True):
    """One platform or camera: its looks, how many of them it answered, and how fast typically."""

    name: str
    host: str | None
    looks: int
    answered: int
    typical_ms: float | None
    failure: str | None
    newest_at: datetime


class Platforms(Struct, frozen=True, kw_only=True):
    """What was found; ``video`` and ``cameras_headroom_bps`` are of the newest look that has them."""

    platforms: tuple[Platform, ...] = ()
    cameras: tuple[Platform, ...] = ()
    video: VideoLesson | None = None
    cameras_registered: int | None = None
    cameras_headroom_bps: float | None = None


class _Look(Struct, frozen=True):
    at: datetime
    host: str | None
    took_ms: float | None
    failure: str | None


def summed(looks: Iterable[ServicesLook]) -> Platforms:
    """Sum up looks, the newest first."""
    read = [(look.measured_at, one) for look in looks if isinstance(one := _read(look.body), Services)]
    platforms: dict[str, list[_Look]] = defaultdict(list)
    cameras: dict[str, list[_Look]] = defaultdict(list)
    for at, one in read:
        for service in one.services:
            platforms[service.name].append(_Look(at, service.host, service.first_byte_ms, service.failure))
        for camera in one.cameras:
            cameras[camera.name].append(_Look(at, None, camera.connect_ms, camera.failure))
    counted = next((one for _, one in read if one.cameras_registered is not None), None)
    return Platforms(
        platforms=_platforms(platforms),
        cameras=_platforms(cameras),
        video=next((one.video for _, one in read if one.video is not None), None),
        cameras_registered=counted.cameras_registered if counted else None,
        cameras_headroom_bps=counted.cameras_headroom_bps if counted else None,
    )


def _platforms(found: dict[str, list[_Look]]) -> tuple[Platform, ...]:
    rows = [_platform(name, looks) for name, looks in found.items()]
    return tuple(sorted(rows, key=lambda one: (one.answered / one.looks, one.name)))


def _platform(name: str, looks: Sequence[_Look]) -> Platform:
    good = [one for one in looks if one.failure is None]
    times = [one.took_ms for one in good if one.took_ms is not None]
    return Platform(
        name=name,
        host=looks[0].host,
        looks=len(looks),
        answered=len(good),
        typical_ms=median(times) if times else None,
        failure=next((one.failure for one in looks if one.failure is not None), None),
        newest_at=looks[0].at,
    )


def _read(body: str) -> object:
    try:
        return measurement.decode(body.encode())
    except MalformedError:  # of a newer schema, kept as it came
        return None
