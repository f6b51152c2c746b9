"""A registry of a certain date into what is known: renamed, moved, merged, closed and reopened schools, none deleted.

The newest registry says what a school is now; an older one is put into the history, at its place, and changes no more.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import msgspec
from msgspec import Struct

from collector.errors import RegistryError
from collector.registry.findings import limited
from collector.registry.reading import Registry
from collector.registry.regions import region_records, shipped_country
from collector.store import history, schools
from collector.store.database import Connection
from collector.store.history import HistoryRecord, Told
from collector.store.schools import SchoolRecord
from collector.words import say

_MAX_SHOWN = 20
_WORDS = {
    "name": "renamed",
    "region_id": "moved to another region",
    "district": "moved to another district",
    "pupils": "with another number of pupils",
    "connectivity_type": "with another kind of line",
    "operator": "with another operator",
    "download_contracted_bps": "with another contract",
    "upload_contracted_bps": "with another contract",
}
_FACTS = Told.__struct_fields__


class Taken(Struct, frozen=True, kw_only=True):
    """What an import did; ``changes`` counts schools by what happened to them, in words."""

    added: int
    renewed: int
    history_only: int
    changes: dict[str, int]
    missing: tuple[tuple[str, str], ...]


def take(connection: Connection, registry: Registry) -> Taken:
    """Store a registry in the caller's transaction.

    Raises:
        RegistryError: a school is merged into one that nobody knows, or in a circle.
    """
    ids = [row.school_id for row in registry.rows]
    known = {one.school_id: one for one in schools.schools_by_id(connection, ids)}
    told_on = history.told_on(connection, ids)
    rows = [completed(row, known.get(row.school_id), registry) for row in registry.rows]
    check_mergers(history.mergers(connection), rows)
    newest = [row for row in rows if told_on.get(row.school_id, date.min) <= registry.as_of]
    _keep_regions(connection, newest)
    added, renewed = schools.keep_schools(connection, newest) if newest else (0, 0)
    history.tell(connection, [row.school_id for row in newest], registry.as_of)
    _keep_history(connection, rows, known, told_on, registry.as_of)
    _mark(connection, newest, known, registry.as_of)
    return Taken(
        added=added,
        renewed=renewed,
        history_only=len(rows) - len(newest),
        changes=_counted(newest, known),
        missing=tuple(history.not_told(connection, ids)),
    )


def completed(row: SchoolRecord, known: SchoolRecord | None, registry: Registry) -> SchoolRecord:
    """Fill in what the file does not say with what is known: fields its format lacks, and how a school ended."""
    if known is None:
        return row
    changes = {field: getattr(known, field) for field in registry.silent_on}
    if row.school_id in registry.open_ids:
        return msgspec.structs.replace(row, **changes)
    closed_on = row.closed_on or known.closed_on
    if row.closed_on == registry.as_of and known.closed_on is not None and known.closed_on < registry.as_of:
        closed_on = known.closed_on  # it was closed already: a file that says so again closes nothing anew
    ending = {"closed_on": closed_on, "merged_into": row.merged_into or known.merged_into}
    return msgspec.structs.replace(row, **changes, **ending)


def check_mergers(known: Mapping[str, str | None], rows: Iterable[SchoolRecord]) -> None:
    """Raise RegistryError where a school is merged into one that nobody knows, or, by way of others, into itself."""
    into = {**known, **{row.school_id: row.merged_into for row in rows}}
    problems = []
    for school_id in sorted(row.school_id for row in rows if row.merged_into is not None):
        seen = {school_id}
        at = into[school_id]
        while at is not None and at not in seen and at in into:
            seen.add(at)
            at = into[at]
        if at is not None:
            told = say("school {school} is merged into {other}, in a circle", school=school_id, other=into[school_id])
            if at not in seen:
                told = say(
                    "school {school} is merged into {other}, which is not known: import it too, or correct the id",
                    school=school_id,
                    other=into[school_id],
                )
            problems.append(told)
    if problems:
        raise RegistryError(say("nothing was imported"), limited(problems, _MAX_SHOWN))


def timeline(school_id: str, points: Mapping[date, Told]) -> list[HistoryRecord]:
    """Return a history from what was said on which days: each word holds until another is said."""
    days = sorted(points)
    changed = [day for day, before in zip(days, [None, *days], strict=False) if not _same(points, day, before)]
    return [
        HistoryRecord(school_id=school_id, valid_from=day, valid_to=until, **msgspec.structs.asdict(points[day]))
        for day, until in zip(changed, [*changed[1:], None], strict=True)
    ]


def _same(points: Mapping[date, Told], day: date, before: date | None) -> bool:
    return before is not None and points[day] == points[before]


def told_of(school: SchoolRecord | HistoryRecord) -> Told:
    """Return what of a school is kept with dates."""
    return Told(**{field: getattr(school, field) for field in _FACTS})


def _keep_regions(connection: Connection, rows: Sequence[SchoolRecord]) -> None:
    country = shipped_country()
    used = {row.region_id for row in rows}
    former = [unit for unit in country.former_regions if unit.region_id in used]
    schools.keep_regions(connection, region_records([*country.regions, *former]))


def _keep_history(
    connection: Connection,
    rows: Sequence[SchoolRecord],
    known: Mapping[str, SchoolRecord],
    told_on: Mapping[str, date],
    as_of: date,
) -> None:
    stored = history.history_of(connection, [row.school_id for row in rows])
    changed: dict[str, list[HistoryRecord]] = {}
    for row in rows:
        before = stored.get(row.school_id, [])
        points = {one.valid_from: told_of(one) for one in before}
        if not points and row.school_id in known:  # imported before there was a history
            points[told_on[row.school_id]] = told_of(known[row.school_id])
        after = timeline(row.school_id, {**points, as_of: told_of(row)})
        if after != before:
            changed[row.school_id] = after
    history.replace(connection, list(changed), [one for after in changed.values() for one in after])


def _mark(connection: Connection, rows: Sequence[SchoolRecord], known: Mapping[str, SchoolRecord], as_of: date) -> None:
    changed = [row for row in rows if row.school_id in known and _judged_by(row) != _judged_by(known[row.school_id])]
    named = [row.school_id for row in changed if row.operator and known[row.school_id].operator is None]
    history.mark_changes(connection, [row.school_id for row in changed], named, as_of)


def _judged_by(school: SchoolRecord) -> tuple[object, ...]:
    """Return what of a school decides how it is judged and where it is counted; its name does not."""
    facts = (getattr(school, field) for field in _FACTS if field != "name")
    return (*facts, school.connected, school.closed_on)


def _counted(rows: Sequence[SchoolRecord], known: Mapping[str, SchoolRecord]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for row in rows:
        before = known.get(row.school_id)
        if before is None:
            continue
        counts.update({_WORDS[field] for field in _FACTS if getattr(row, field) != getattr(before, field)})
        counts["closed"] += row.closed_on is not None and before.closed_on is None
        counts["open again"] += row.closed_on is None and before.closed_on is not None
        counts["merged into another"] += row.merged_into is not None and before.merged_into is None
    return {word: count for word, count in counts.items() if count}
