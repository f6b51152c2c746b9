"""What the services probe asks where nobody says otherwise: config/services.toml, or a file of the same form."""

from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from agent.contract import settings_file, shipped
from agent.contract.values import Label, Text
from agent.contract.wire import PlatformAsked

SHIPPED = "config/services.toml"


class Platform(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A platform that lessons need, and why."""

    name: Label
    url: Text
    why: Text = ""

    @property
    def asked(self) -> PlatformAsked:
        """The platform as a policy would ask for it."""
        return PlatformAsked(name=self.name, url=self.url)


class Video(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A video lesson: what one pupil's picture takes, how many watch first and at most, and for how long."""

    bitrate_bps: Annotated[int, Meta(ge=64_000, le=50_000_000)]
    source: Text
    streams: Annotated[int, Meta(ge=1, le=64)] = 4
    most_streams: Annotated[int, Meta(ge=1, le=1024)] = 32
    lesson_s: Annotated[float, Meta(ge=4, le=20)] = 12.0


class Cameras(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one camera sends."""

    bitrate_bps: Annotated[int, Meta(ge=1000, le=1_000_000_000)]
    source: Text


class Catalogue(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole file."""

    video: Video
    cameras: Cameras
    platforms: Annotated[tuple[Platform, ...], Meta(max_length=32)] = ()


def read(file: Path | None) -> Catalogue:
    """Return what a file says; without one, what is shipped.

    Raises:
        SettingsError: names the file and the key that is wrong.
    """
    return settings_file.read(file or shipped.path("services.toml"), Catalogue, SHIPPED)
