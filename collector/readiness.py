"""Is a school's network fit for lessons? Judged from the slots of a period; pure but for what reads judged periods.

A school is fit if its target was reached in enough of the half hours of lessons that were measured. Yes or no is said
only where that holds beyond chance: days of one school are alike, so its slots count for fewer than they are.
"""

import math
from collections.abc import Mapping
from statistics import NormalDist
from typing import Literal

import msgspec
from msgspec import Struct

from agent.contract.standards import Readiness as Rule
from agent.contract.standards import Target, shipped_standards, target_for
from collector import slots
from collector.periods import Period
from collector.slots import Figures
from collector.store import rollups, schools
from collector.store.database import Connection
from collector.store.days import SchoolMonth
from collector.store.rollups import PeriodRecord
from collector.store.schools import SchoolRecord
from collector.words import Sentence, counted, mark, say

State = Literal["ready", "not ready", "not enough data", "not connected"]

_HARD_DAY, _TYPICAL, _CAPACITY = 0.25, 0.5, 0.95
_FEW_DAYS = 10  # with fewer, the spread between days is itself chance
STATES: dict[State, str] = {
    "ready": mark("ready"),
    "not ready": mark("not ready"),
    "not enough data": mark("not enough data"),
    "not connected": mark("not connected"),
}
"""The states in words, for pages."""


class Share(Struct, frozen=True, kw_only=True):
    """A share of slots with its bounds, and how many independent slots its slots are worth."""

    share: float
    low: float
    high: float
    effective: float


class Judged(Struct, frozen=True, kw_only=True):
    """What a period says of a school: as the columns of school_period, which are described at `Readiness`."""

    voice: Literal["any", "cable"]
    tests: int
    computers: int
    days: int
    slots: int
    slots_met: int
    slots_missed: int
    share: float | None
    share_low: float | None
    share_high: float | None
    download_p25_bps: float | None
    download_bps: float | None
    download_p95_bps: float | None
    upload_p25_bps: float | None
    upload_bps: float | None
    upload_p95_bps: float | None
    download_at_least_bps: float | None
    upload_at_least_bps: float | None
    required_download_bps: float | None
    required_upload_bps: float | None
    missing_download_bps: float | None
    missing_upload_bps: float | None
    meets: bool | None
    state: State
    reason: str


class Readiness(Struct, frozen=True, kw_only=True):
    """A school's answer for a period. ``meets`` is null where there is not enough to say yes or no.

    Speeds are of the slots of lessons, or of all tests where there is none: the plain ones typical (median), ``p25`` a
    hard day's, ``p95`` the capacity at any hour. Where lower bounds are all that is known one is null, and ``at_least``
    says what half of the slots proved. ``missing`` is what the typical speed lacks of the required. ``absences`` counts
    the half hours of lessons that were not measured by why (collector.absences); none of them counts against anybody.
    """

    school: SchoolRecord
    tests: int
    computers: int
    download_bps: float | None
    upload_bps: float | None
    download_at_least_bps: float | None
    upload_at_least_bps: float | None
    target: Target
    meets: bool | None
    state: State
    reason: str
    days: int = 0
    slots: int = 0
    slots_met: int = 0
    slots_missed: int = 0
    share: float | None = None
    share_low: float | None = None
    share_high: float | None = None
    download_p25_bps: float | None = None
    upload_p25_bps: float | None = None
    download_p95_bps: float | None = None
    upload_p95_bps: float | None = None
    missing_download_bps: float | None = None
    missing_upload_bps: float | None = None
    absences: dict[str, int] = {}


def of_period(
    connection: Connection, period: Period, region_id: str | None = None, *, cabled: bool = False
) -> list[Readiness]:
    """Return the answer of every school the viewer may see, in the order of their ids.

    ``cabled``: as their operators answer for them, by what computers surely on a cable got.
    """
    known = rollups.periods(connection, period.label, cabled=cabled)
    return [_read(school, known.get(school.school_id)) for school in schools.schools(connection, region_id)]


def of_school(connection: Connection, school: SchoolRecord, period: Period, *, cabled: bool = False) -> Readiness:
    """Return the answer of one school; ``cabled`` as above."""
    known = rollups.periods(connection, period.label, school.school_id, cabled=cabled)
    return _read(school, known.get(school.school_id))


def _read(school: SchoolRecord, record: PeriodRecord | None) -> Readiness:
    target = target_for(school.pupils)
    if record is not None:  # what the policy asked for when it was judged
        upload_bps = round(record.required_upload_bps or target.upload_bps)
        download_bps = None if record.required_download_bps is None else round(record.required_download_bps)
        target = msgspec.structs.replace(target, download_bps=download_bps, upload_bps=upload_bps)
    known = record or untested(target, connected=school.connected)
    same = {name: getattr(known, name) for name in Readiness.__struct_fields__ if hasattr(known, name)}
    return Readiness(school=school, target=target, **same)


def untested(target: Target, *, connected: bool | None) -> Judged:
    """Return the answer of a school without a single test."""
    return judge(Figures(), Figures(), target, connected=connected)


def judge(any_voice: Figures, cable: Figures, target: Target, *, connected: bool | None = None) -> Judged:
    """Judge a school's period: by computers on a cable where they measured enough slots, else by all.

    ``any_voice`` counts every test as what the line gave, ``cable`` the others as lower bounds.
    """
    rule = shipped_standards().readiness
    speaks = cable if is_enough(cable, rule) else any_voice
    share = share_of(speaks, rule)
    meets = None if share is None or not is_enough(speaks, rule) else _says(share, speaks.judged, rule)
    state = _state(meets, connected=connected, tests=any_voice.tests)
    speeds = _speeds(speaks, any_voice)
    required = {"download": target.download_bps, "upload": target.upload_bps}
    lacking = {
        f"missing_{name}_bps": _missing(speeds[f"{name}_bps"], speeds[f"{name}_at_least_bps"], needed)
        for name, needed in required.items()
    }
    return Judged(
        voice="cable" if speaks is cable else "any",
        tests=any_voice.tests,
        computers=len(any_voice.histograms.get("agents", {})),
        days=speaks.judged_days,
        slots=speaks.slots,
        slots_met=speaks.slots_met,
        slots_missed=speaks.slots_missed,
        share=share.share if share else None,
        share_low=share.low if share else None,
        share_high=share.high if share else None,
        required_download_bps=target.download_bps,
        required_upload_bps=target.upload_bps,
        meets=meets,
        state=state,
        reason=str(_said_of(state, any_voice, speaks, target, rule)),
        **speeds,
        **lacking,
    )


def is_enough(figures: Figures, rule: Rule) -> bool:
    """Tell whether there are slots on days enough to say yes or no."""
    return figures.judged >= rule.minimum_slots and figures.judged_days >= rule.minimum_days


def share_of(figures: Figures, rule: Rule) -> Share | None:
    """Return the share of judged slots that met the target, with bounds; None without any.

    Wilson's score interval on as many slots as independent ones are worth it: the slots divided by the design effect,
    which the spread between days tells (cluster-robust variance; Cochran, Sampling Techniques, 3rd ed., 3.12), or the
    rule's correlation where days are few.
    """
    judged = figures.judged
    if not judged:
        return None
    share = figures.slots_met / judged
    effective = judged / _design_effect(figures, share, rule)
    z = NormalDist().inv_cdf(rule.confidence)
    spread = z * math.sqrt(share * (1 - share) / effective + z * z / (4 * effective * effective))
    middle, scale = share + z * z / (2 * effective), 1 + z * z / effective
    low, high = max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
    return Share(share=share, low=min(low, share), high=max(high, share), effective=effective)


def _design_effect(figures: Figures, share: float, rule: Rule) -> float:
    days, judged = figures.judged_days, figures.judged
    chance = share * (1 - share) / judged
    if days < _FEW_DAYS or chance == 0:
        return 1 + (judged / max(1, days) - 1) * (rule.day_correlation if days < _FEW_DAYS else 0)
    squares = figures.met_squared - 2 * share * figures.met_by_judged + share * share * figures.judged_squared
    between = days / (days - 1) * max(0.0, squares) / (judged * judged)
    return max(1.0, between / chance)


def _says(share: Share, judged: int, rule: Rule) -> bool | None:
    if share.low >= rule.slot_share:
        return True
    if share.high < rule.slot_share:
        return False
    return share.share >= rule.slot_share if judged >= rule.decisive_slots else None


def _speeds(speaks: Figures, any_voice: Figures) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for name in ("download", "upload"):
        bounded, at_least = _counts(speaks, name)
        if not bounded and not at_least:
            bounded, at_least = _counts(any_voice, f"any_{name}")
        typical = slots.quantile(bounded, at_least, _TYPICAL)
        found[f"{name}_p25_bps"] = slots.quantile(bounded, at_least, _HARD_DAY)
        found[f"{name}_bps"] = typical
        found[f"{name}_at_least_bps"] = slots.proven(bounded, at_least) if typical is None else None
        found[f"{name}_p95_bps"] = slots.quantile(*_counts(speaks, f"any_{name}"), _CAPACITY)
    return found


def _counts(figures: Figures, name: str) -> tuple[Mapping[str, int], Mapping[str, int]]:
    return figures.histograms.get(name, {}), figures.histograms.get(f"{name}_at_least", {})


def _missing(typical: float | None, at_least: float | None, needed: float | None) -> float | None:
    """Return what a speed lacks; null where lower bounds leave that open."""
    if needed is None:
        return None
    if typical is not None:
        return max(0.0, needed - typical)
    return 0.0 if at_least is not None and at_least >= needed else None


def _state(meets: bool | None, *, connected: bool | None, tests: int) -> State:
    if connected is False and not tests:
        return "not connected"
    return {True: "ready", False: "not ready", None: "not enough data"}[meets]  # type: ignore[return-value]


def _said_of(state: State, any_voice: Figures, speaks: Figures, target: Target, rule: Rule) -> Sentence:
    if not any_voice.tests:
        return _untested(state)
    return _reason(state, speaks, rule, is_target_known=target.download_bps is not None)


def said(one: Readiness | PeriodRecord | SchoolMonth) -> Sentence:
    """Return the reason of an answer as a sentence for any language; ``reason`` is the same one in English.

    What a month's target was is only told by its reason.
    """
    if isinstance(one, SchoolMonth):
        is_known = not one.reason.startswith("The registry does not say")
    else:
        is_known = (one.target.download_bps if isinstance(one, Readiness) else one.required_download_bps) is not None
    speaks = Figures(slots=one.slots, slots_met=one.slots_met, slots_missed=one.slots_missed, judged_days=one.days)
    if not one.tests:
        return _untested(one.state)
    return _reason(one.state, speaks, shipped_standards().readiness, is_target_known=is_known)


def _untested(state: str) -> Sentence:
    is_off = state == "not connected"
    return say("The registry says this school has no line.") if is_off else say("No speed test in this period.")


def _reason(state: str, speaks: Figures, rule: Rule, *, is_target_known: bool) -> Sentence:
    if not speaks.judged:
        return _without_share(speaks, is_target_known=is_target_known)
    told = {"met": speaks.slots_met, "judged": speaks.judged, "needed": f"{100 * rule.slot_share:.0f}"}
    if state != "not enough data":
        return say(
            "The target was reached in {met} of {judged} measured half hours of lessons; {needed} % are needed.", **told
        )
    if is_enough(speaks, rule):
        return say(
            "The target was reached in {met} of {judged} measured half hours of lessons: too close to the {needed} %"
            " that are needed to say yes or no yet.",
            **told,
        )
    return counted(
        "The target was reached in {met} of {judged} measured half hours of lessons, on {n} day; {slots} on {days} days"
        " are needed to say yes or no.",
        "The target was reached in {met} of {judged} measured half hours of lessons, on {n} days; {slots} on {days}"
        " days are needed to say yes or no.",
        speaks.judged_days,
        met=speaks.slots_met,
        judged=speaks.judged,
        slots=rule.minimum_slots,
        days=rule.minimum_days,
    )


def _without_share(speaks: Figures, *, is_target_known: bool) -> Sentence:
    if not speaks.slots:
        return say("No undisturbed speed test in the hours of lessons.")
    if not is_target_known:
        return say("The registry does not say how many pupils there are, so the target is not known.")
    return say("The tests so far prove only 'at least', and less than the target; a full test is needed.")
