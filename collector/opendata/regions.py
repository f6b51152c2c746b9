"""A region's schools together, made of what is public of each, so that no difference of two figures tells more."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Annotated

from msgspec import Struct

from collector.opendata.schools import SchoolRow, about
from collector.store.schools import RegionRecord


class RegionRow(Struct, frozen=True, kw_only=True):
    """A row of regions.csv."""

    region_id: Annotated[str, about("ISO 3166-2 code")]
    name_kk: Annotated[str, about("Name in Kazakh")]
    name_ru: Annotated[str, about("Name in Russian")]
    name_en: Annotated[str, about("Name in English")]
    period: Annotated[str, about("Year, quarter or month that the figures are of")]
    schools: Annotated[int, about("Schools", "school")]
    judged: Annotated[int, about("Of these, with enough data for an answer", "school")]
    ready: Annotated[int, about("Of the judged, how many meet the target", "school")]
    ready_share: Annotated[float | None, about("Share of the judged schools that meet the target", "ratio")]
    not_connected: Annotated[int, about("Schools without a line", "school")]
    download_bps: Annotated[float | None, about("Median of the schools' typical downloads, as published", "bit/s")]
    upload_bps: Annotated[float | None, about("Median of the schools' typical uploads, as published", "bit/s")]


def summaries(rows: Sequence[SchoolRow], regions: Mapping[str, RegionRecord], period: str) -> list[RegionRow]:
    """Return a row for each region that has schools, in the order of their codes."""
    by_region: dict[str, list[SchoolRow]] = defaultdict(list)
    for row in rows:
        by_region[row.region_id].append(row)
    return [_summary(regions[code], by_region[code], period) for code in sorted(by_region)]


def _summary(region: RegionRecord, rows: Sequence[SchoolRow], period: str) -> RegionRow:
    judged = [row.meets for row in rows if row.meets is not None]
    return RegionRow(
        region_id=region.region_id,
        name_kk=region.name_kk,
        name_ru=region.name_ru,
        name_en=region.name_en,
        period=period,
        schools=len(rows),
        judged=len(judged),
        ready=sum(judged),
        ready_share=round(sum(judged) / len(judged), 3) if judged else None,
        not_connected=sum(row.state == "not connected" for row in rows),
        download_bps=_median([row.download_bps for row in rows]),
        upload_bps=_median([row.upload_bps for row in rows]),
    )


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(median(known)) if known else None
