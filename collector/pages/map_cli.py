"""The command that gives the map its official boundaries; ``netready-collector`` adds it to its own."""

import argparse
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from agent.contract.errors import SettingsError
from collector import registry
from collector.pages import map_reading
from collector.people.cli import at_the_command_line
from collector.settings import Settings
from collector.store import audit, boundaries
from collector.store.boundaries import Source
from collector.store.database import Database

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
Read = Callable[[argparse.Namespace], Settings]
Open = Callable[[Settings], Database]
Say = Callable[[str], None]


def add(
    commands: "Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser, read: Read, opened: Open, say: Say
) -> None:
    """Add the command; ``read`` gives the settings that the options name, ``opened`` opens their database."""
    actions = commands.add_parser("map", help="the country's map").add_subparsers(required=True, metavar="ACTION")
    imported = actions.add_parser("import", parents=[common], help="draw the map with official boundaries (GeoJSON)")
    imported.add_argument("file", metavar="FILE", type=Path, help="areas with a property 'iso', as KZ-75; in degrees")
    imported.add_argument(
        "--licence", metavar="TEXT", help="what is shown beside the map: whose boundaries they are, and what is allowed"
    )
    imported.set_defaults(command=lambda options: _import(options, read(options), opened, say))


def _import(options: argparse.Namespace, settings: Settings, opened: Open, say: Say) -> int:
    raw = _content(options.file)
    found = map_reading.read(raw, registry.shipped_country())
    licence = (options.licence or found.licence or "").strip()
    if not licence or len(licence) > map_reading.MAX_LICENCE:
        raise SettingsError(
            f"{options.file}: say with --licence whose boundaries these are and what is allowed with them, in"
            f" {map_reading.MAX_LICENCE} letters at most; it is shown beside the map"
        )
    now = datetime.now(UTC)
    digest = hashlib.sha256(raw).hexdigest()
    source = Source(file=options.file.name, sha256=digest, licence=licence, imported_at=now)
    with opened(settings) as database, database.owning() as connection:
        boundaries.keep_boundaries(connection, found.units, source)
        audit.note(
            connection, at_the_command_line(), "changed", "the map's boundaries", now=now, detail={"sha256": digest}
        )
    points = sum(len(ring) for rings in found.units.values() for ring in rings)
    say(f"{options.file}: {len(found.units)} units, {points} points are kept; the country's page draws them")
    return 0


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(map_reading.MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"cannot read {file}: {error.strerror or error}") from error
