"""The one public page: the country's figures of whole quarters, made of the open data's rows and of nothing else."""

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from fastapi import APIRouter, Request, Response
from msgspec import Struct

from agent.contract.errors import NetreadyError
from collector import opendata, periods
from collector.context import Asker, Context, In, page_asker
from collector.errors import NotFound
from collector.opendata import RegionRow, files, package
from collector.opendata.schools import SchoolRow
from collector.pages import country_names
from collector.pages.rendering import html
from collector.periods import Period
from collector.store.database import MINISTRY
from collector.words import Sentence, say

_KEPT_S = 600.0
_QUARTERS = 4
_KINDS = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}


class Published(Struct, frozen=True, kw_only=True):
    """What is published of a quarter: the rows of regions, and the files as they are downloaded."""

    regions: Sequence[RegionRow]
    files: dict[str, bytes]

    @property
    def schools(self) -> int:
        """How many schools are in it."""
        return sum(one.schools for one in self.regions)

    @property
    def judged(self) -> int:
        """How many of them were judged."""
        return sum(one.judged for one in self.regions)

    @property
    def ready(self) -> int:
        """How many of those meet the target."""
        return sum(one.ready for one in self.regions)

    @property
    def not_connected(self) -> int:
        """How many have no line."""
        return sum(one.not_connected for one in self.regions)


class Clock(Protocol):
    """Gives seconds that only grow."""

    def __call__(self) -> float:
        """Return them."""


class Shelf:
    """Keeps what was made for some minutes: anybody may ask, as often as they like, and it costs one reading."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._turn = threading.Lock()
        self._made: dict[str, tuple[float, Published | None]] = {}

    def of(self, context: Context, period: Period) -> Published | None:
        """Return what is published of a quarter; null where there is no school but synthetic ones."""
        with self._turn:
            known = self._made.get(period.label)
            if known is not None and self._clock() - known[0] < _KEPT_S:
                return known[1]
            found = _published(context, period)
            self._made = {label: one for label, one in self._made.items() if self._clock() - one[0] < _KEPT_S}
            self._made[period.label] = (self._clock(), found)
            return found


def router() -> APIRouter:
    """Return the public routes: nobody has to log in for them."""
    routes = APIRouter(include_in_schema=False)
    shelf = Shelf()

    @routes.get("/open")
    def country(context: In, request: Request, period: str | None = None) -> Response:
        chosen = _quarter(context, period or None)
        missing = _missing(context)
        found = None if missing else shelf.of(context, chosen)
        return html(
            "country/open.html",
            person=_person(request),
            period=chosen.label,
            recent=_quarters(context),
            names=country_names,
            missing=missing,
            found=found,
            settings=context.settings.open_data,
        )

    @routes.get("/open/{period}/{name}")
    def file(context: In, period: str, name: str) -> Response:
        chosen = _quarter(context, period)
        found = None if _missing(context) else shelf.of(context, chosen)
        content = None if found is None else found.files.get(name)
        if content is None:
            raise NotFound(say("there is no such open data; the page of open data lists what there is"))
        kind = _KINDS[name.rpartition(".")[2]]
        headings = {"content-disposition": f'attachment; filename="{chosen.label}-{name}"'}
        return Response(content, media_type=kind, headers=headings | {"cache-control": "public, max-age=600"})

    return routes


def _person(request: Request) -> Asker | None:
    """Return who looks, for the menu; nobody has to be known here."""
    try:
        return page_asker(request)
    except NetreadyError:
        return None


def _quarters(context: Context) -> list[str]:
    """Return the whole quarters that are published, newest first; the one that goes on is not over."""
    return country_names.row_of_periods(periods.before(context.period(None)), _QUARTERS)


def _quarter(context: Context, label: str | None) -> Period:
    known = _quarters(context)
    if label is not None and label not in known:
        raise NotFound(say("open data are of whole quarters; there are: {quarters}", quarters=", ".join(sorted(known))))
    return periods.parse(label or known[0], context.zone)


def _missing(context: Context) -> Sentence | None:
    """Return what has to be said before anything is published; null where all is there."""
    if context.settings.open_data.licence is None:
        return say(
            "Nothing is published yet: the ministry has not said under which licence. Whoever runs the collector sets"
            " it: {setting}",
            setting="[open_data] licence",
        )
    return None


def _published(context: Context, period: Period) -> Published | None:
    settings = context.settings.open_data
    with context.database.reading(MINISTRY) as connection:
        try:
            rows, regions = opendata.extract(connection, period, settings)
        except NotFound:
            return None
    made = files.made("schools", rows, SchoolRow) | files.made("regions", regions, RegionRow)
    made["datapackage.json"] = package.described(made, period, settings)
    return Published(regions=regions, files=made)
