"""An invented country of schools, the same for the same seed, and what is true of each school's network.

Proportions follow what is known of Kazakhstan in 2022: of 7,098 schools 20 had no line, 664 met the ITU recommendation.
Everything else (names, operators, contracts, the shares of each cause) is invented, and every id and name says so.
"""

import random
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from agent.contract.standards import required_download
from collector.registry import SYNTHETIC_PREFIX, Region, regions
from collector.store.schools import SchoolRecord

MARK = "(synthetic)"

_KNOWN_SCHOOLS = 7_098
_KNOWN_UNCONNECTED = 20
_KNOWN_READY = 664
_SOME_UNCONNECTED_FROM = 200  # a country of so many schools always shows the class "not connected"

# People for each school: about 30 % of the schools stand in towns, where 62 % of the people live.
_PEOPLE_PER_TOWN_SCHOOL = 5_900
_PEOPLE_PER_VILLAGE_SCHOOL = 1_500

_PLANS_MBIT = (8, 10, 15, 20, 30, 50, 100, 200, 300)
_TOWN_LINES = {"fibre": 93, "microwave": 3, "adsl": 4}
_VILLAGE_LINES = {"fibre": 62, "satellite": 18, "microwave": 6, "adsl": 14}
_OPERATORS = {
    "fibre": {"Operator A": 70, "Operator B": 18, "Operator C": 12},
    "adsl": {"Operator A": 100},
    "satellite": {"Operator D": 70, "Operator A": 30},
    "microwave": {"Operator C": 50, "Operator E": 50},
}
_VILLAGES = [
    "Ақбұлақ",
    "Бірлік",
    "Жаңажол",
    "Қарасу",
    "Көктерек",
    "Майлыбай",
    "Өрнек",
    "Сарыарна",
    "Тасөткел",
    "Үшқұдық",
    "Шилісай",
    "Ынтымақ",
]
_NAMES = (
    "№ {number} жалпы орта білім беретін мектеп",
    "№ {number} мектеп-гимназия",
    "Средняя школа № {number}",
    "Школа-лицей № {number}",
    "{village} негізгі орта мектебі",
    "Основная школа села {village}",
)

Story = Literal["ready", "small plan", "slow line", "inner network", "no line"]


class Line(Struct, frozen=True, kw_only=True):
    """What is true of a school's network and what measurements can only estimate. Rates are IP-layer bit/s.

    ``download_bps`` and ``upload_bps`` are what the line gives in a quiet hour; ``congestion`` is the share of it that
    is gone in the worst hour; ``inner_bps`` is what the school's own wiring lets through where that is the bottleneck.
    """

    story: Story
    download_bps: float
    upload_bps: float
    congestion: float
    rtt_ms: float
    loss_ratio: float
    inner_bps: float | None = None

    @property
    def reaches_desk_bps(self) -> tuple[float, float]:
        """What a wired computer gets in a quiet hour, down and up."""
        if self.inner_bps is None:
            return self.download_bps, self.upload_bps
        return min(self.download_bps, self.inner_bps), min(self.upload_bps, self.inner_bps)


class Site(Struct, frozen=True, kw_only=True):
    """A simulated school: what the registry says of it, and its line."""

    school: SchoolRecord
    line: Line


def dice(*name: object) -> random.Random:
    """Return a generator that throws the same for the same name, on every machine and version."""
    return random.Random("/".join(map(str, name)))  # noqa: S311 - an invented country needs no secrets


def country(schools: int, seed: int) -> list[SchoolRecord]:
    """Return the registry of an invented country."""
    return [site.school for site in sites(schools, seed)]


def sites(schools: int, seed: int) -> list[Site]:
    """Return the schools of an invented country with their lines, in the order of their ids."""
    drafts = [
        _draft(number, region, is_town=is_town, seed=seed)
        for number, (region, is_town) in enumerate(_places(schools, regions()), start=1)
    ]
    unconnected = round(schools * _KNOWN_UNCONNECTED / _KNOWN_SCHOOLS)
    if schools >= _SOME_UNCONNECTED_FROM:
        unconnected = max(1, unconnected)
    draw = dice(seed, schools, "who is unconnected and who is ready")
    cut_off = set(_drawn(draw, [index for index, one in enumerate(drafts) if _is_remote(one)], unconnected))
    wired = [index for index, one in enumerate(drafts) if one.connectivity_type == "fibre" and index not in cut_off]
    ready = set(_drawn(draw, wired, round(schools * _KNOWN_READY / _KNOWN_SCHOOLS)))
    return [_site(one, index in cut_off, index in ready, seed) for index, one in enumerate(drafts)]


def _drawn(draw: random.Random, among: list[int], count: int) -> list[int]:
    return draw.sample(among, min(count, len(among)))


def _is_remote(school: SchoolRecord) -> bool:
    return school.connectivity_type in {"satellite", "adsl"}


def _places(schools: int, all_regions: Sequence[Region]) -> list[tuple[Region, bool]]:
    """Share schools out over towns and villages of all regions by people, largest remainders first."""
    weights = {}
    for region in all_regions:
        townspeople = region.population * region.urban_ratio
        weights[region, True] = townspeople / _PEOPLE_PER_TOWN_SCHOOL
        weights[region, False] = (region.population - townspeople) / _PEOPLE_PER_VILLAGE_SCHOOL
    scale = schools / sum(weights.values())
    counts = {place: int(weight * scale) for place, weight in weights.items()}
    by_remainder = sorted(weights, key=lambda place: counts[place] - weights[place] * scale)
    for place in by_remainder[: schools - sum(counts.values())]:
        counts[place] += 1
    return [place for place, count in counts.items() for _ in range(count)]


def _draft(number: int, region: Region, *, is_town: bool, seed: int) -> SchoolRecord:
    """Invent what does not depend on the line."""
    draw = dice(seed, number, "school")
    # Half of the village schools have under 140 pupils, half of the town schools over 950.
    pupils = round(draw.lognormvariate(6.86, 0.55) if is_town else draw.lognormvariate(4.94, 0.9))
    kind = _weighted(draw, _TOWN_LINES if is_town else _VILLAGE_LINES)
    pattern = draw.choice(_NAMES[:4] if is_town else _NAMES)
    name = pattern.format(number=draw.randint(1, 180), village=draw.choice(_VILLAGES))
    latitude, longitude = region.centre
    spread = 0.05 if region.kind == "city" else 0.5  # degrees around the seat of the administration
    return SchoolRecord(
        school_id=f"{SYNTHETIC_PREFIX}{number:06d}",
        name=f"{name} {MARK}",
        region_id=region.region_id,
        district=f"{draw.randint(1, 12)}-аудан {MARK}",
        latitude=round(latitude + draw.uniform(-spread, spread), 5),
        longitude=round(longitude + draw.uniform(-spread, spread), 5),
        pupils=min(max(pupils, 8), 4_500),
        connectivity_type=kind,
        connected=True,
        operator=f"{_weighted(draw, _OPERATORS[kind])} {MARK}",
        synthetic=True,
    )


def _weighted(draw: random.Random, weights: dict[str, int]) -> str:
    return draw.choices(list(weights), list(weights.values()))[0]


def _site(draft: SchoolRecord, is_cut_off: bool, is_ready: bool, seed: int) -> Site:
    if is_cut_off:
        school = replace(draft, connected=False, connectivity_type="none", operator=None)
        nothing = Line(story="no line", download_bps=0, upload_bps=0, congestion=0, rtt_ms=0, loss_ratio=0)
        return Site(school=school, line=nothing)
    draw = dice(seed, draft.school_id, "line")
    story: Story = "ready" if is_ready else _story(draw, draft)
    plan_mbit = _plan(draw, story, required_download(draft.pupils or 0) / 1e6)
    line = _line(draw, story, draft, plan_mbit)
    school = replace(
        draft,
        download_contracted_bps=plan_mbit * 1_000_000,
        upload_contracted_bps=round(_upload_plan(draft.connectivity_type, plan_mbit) * 1_000_000),
    )
    return Site(school=school, line=line)


def _story(draw: random.Random, school: SchoolRecord) -> Story:
    if school.connectivity_type in {"satellite", "adsl"}:
        return "small plan"
    stories: tuple[Story, ...] = ("small plan", "slow line", "inner network")
    return draw.choices(stories, (55, 20, 25))[0]


def _plan(draw: random.Random, story: Story, required_mbit: float) -> int:
    if story == "small plan":
        return draw.choice([plan for plan in _PLANS_MBIT if plan <= 0.8 * required_mbit][-3:])
    return next(plan for plan in _PLANS_MBIT if plan >= required_mbit)


def _upload_plan(kind: str | None, plan_mbit: int) -> float:
    return {"satellite": 3.0, "adsl": 1.0, "microwave": max(2.0, plan_mbit / 2)}.get(kind or "", float(plan_mbit))


def _line(draw: random.Random, story: Story, school: SchoolRecord, plan_mbit: int) -> Line:
    """Invent what the line really gives; a clear distance to the target keeps the story true in every week."""
    required = float(required_download(school.pupils or 0))
    download = plan_mbit * 1e6 * draw.uniform(0.97, 1.03)
    congestion = draw.uniform(0.0, 0.06)
    if story == "ready":
        download = max(download, 1.06 * required)
    elif story == "slow line":
        download, congestion = required * draw.uniform(0.3, 0.75), draw.uniform(0.1, 0.45)
    upload = _upload_plan(school.connectivity_type, plan_mbit) * 1e6 * min(1.0, download / (plan_mbit * 1e6))
    is_satellite = school.connectivity_type == "satellite"
    return Line(
        story=story,
        download_bps=download,
        upload_bps=upload,
        congestion=congestion,
        rtt_ms=draw.uniform(560, 680) if is_satellite else draw.lognormvariate(2.9, 0.5),
        loss_ratio=draw.uniform(0.002, 0.02) if is_satellite else draw.uniform(0, 0.004),
        inner_bps=required * draw.uniform(0.2, 0.7) if story == "inner network" else None,
    )
