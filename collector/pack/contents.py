"""What a pack says, in the order in which it says it; the template draws it and decides nothing.

Everything is text or figures: nothing of it is ever read as markup.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from collector.pack import appendix, disputed, listing
from collector.pack.charts import charts, left_out
from collector.pack.gathering import Case
from collector.pack.sentences import asked_of, sentences
from collector.pack.speech import Speech
from collector.store.verdicts import PRELIMINARY
from collector.verdicts import exclusions
from collector.verdicts.exclusions import Exclusion
from collector.verdicts.terms import WAYS, Stretch, Which

Block = dict[str, Any]
_PROMISES: tuple[tuple[Which, str], ...] = (("most", "promised"), ("normal", "normal"), ("least", "least"))


def contents(case: Case, speech: Speech) -> Block:
    """Return the whole pack."""
    one = case.verdict
    said, *more = sentences(case, speech)
    month = speech.month(one.month)
    title = case.school.name if case.school is not None else one.school
    subtitle = speech.say("subtitle", month=month, line=one.line, operator=speech.named(one.operator))
    values = {"school": one.school, "line": one.line, "version": one.version, "sha256": one.sha256[:16]}
    return {
        "language": speech.language,
        "made": [getattr(one.judged_at, part) for part in ("year", "month", "day", "hour", "minute", "second")],
        "overline": speech.say("overline"),
        "document": f"{speech.say('overline')}. {title}. {subtitle}",
        "title": title,
        "subtitle": subtitle,
        "footer": speech.say("footer", month=month, **values),
        "page": speech.say("page"),
        "banners": _banners(case, speech),
        "state": speech.say(f"state.{one.state}"),
        "said": said,
        "more": [*more, *disputed.sentences(case, speech)],
        "blocks": [
            *_who(case, speech),
            *_parts(case, speech),
            *_charts(case, speech),
            *_outages(case, speech),
            *_exclusions(case, speech),
            *disputed.blocks(case, speech),
            *appendix.reasons(case, speech),
            *appendix.method(case, speech),
            *appendix.checking(case, speech),
            *listing.tests(case, speech),
        ],
    }


def _banners(case: Case, speech: Speech) -> list[Block]:
    one = case.verdict
    versions = {"version": one.version, "newest": case.newest}
    found = {
        "preliminary": one.version == PRELIMINARY,
        "synthetic": one.synthetic,
        "older": one.version not in (PRELIMINARY, case.newest),
        "incomplete": case.is_judged_again and case.judgement is None,
    }
    return [
        {"title": speech.say(key), "why": speech.say(f"{key}.why", **(versions if key == "older" else {}))}
        for key, holds in found.items()
        if holds
    ]


def _who(case: Case, speech: Speech) -> Iterator[Block]:
    one, school = case.verdict, case.school
    rows = [("school.id", one.school)]
    if case.region is not None:
        rows.append(("region", getattr(case.region, f"name_{speech.language}")))
    if school is not None and school.district:
        rows.append(("district", school.district))
    rows += [("line", one.line), ("operator", one.operator), ("month", speech.month(one.month))]
    rows += _terms(case.facts.stretches, speech)
    at = speech.moment(case.facts.lessons.slot_of(one.judged_at, 1))
    told = one.verdict
    counted = {name: speech.number(getattr(told, name)) for name in ("tests", "used", "reports")}
    rows += [("version", speech.say("version.of", version=one.version, at=at))]
    rows += [("heard", speech.say("heard.of", **counted))]
    yield {"kind": "heading", "text": speech.say("who")}
    yield {"kind": "pairs", "rows": [{"label": speech.say(key), "value": value} for key, value in rows]}


def _terms(held: Sequence[Stretch], speech: Speech) -> Iterator[tuple[str, str]]:
    """Yield what was promised; of terms that were amended within the month, all figures in the order of time."""
    for one in held:
        days = {"first": speech.day(one.first), "last": speech.day(one.last)}
        yield "contract", speech.say("contract.of", contract=one.terms.contract, number=one.terms.number, **days)
    terms = [one.terms for one in held]
    for way in WAYS:
        for which, key in _PROMISES:
            speeds = [bps for bps in (one.promised_bps(way, which) for one in terms) if bps is not None]
            if speeds:
                numbers = speech.either([speech.number(bps / 1e6, 2) for bps in speeds])
                yield f"{key}.{way}", speech.say("mbit", value=numbers)
    if trips := [speech.number(one.rtt_ms, 1) for one in terms if one.rtt_ms is not None]:
        yield "promised.rtt", speech.say("ms", value=speech.either(trips))
    if down := [speech.number(one.outage_h_per_year, 1) for one in terms if one.outage_h_per_year is not None]:
        yield "promised.outage", speech.say("hours a year", hours=speech.either(down))
    if terms:
        yield "hours", speech.either([speech.say(f"hours.{one.hours}") for one in terms])


def _parts(case: Case, speech: Speech) -> Iterator[Block]:
    parts = case.verdict.verdict.parts
    if not parts:
        return
    yield {"kind": "heading", "text": speech.say("parts")}
    columns = ("asked", "judged", "good", "effective", "share", "bound", "limit", "result")
    rows = []
    for one in parts:
        name, level = asked_of(one, case, speech)
        cells = [
            speech.say(f"part.{name}", level=level),
            speech.number(one.judged),
            speech.number(one.good),
            speech.number(one.effective, 1),
            "" if one.share is None else speech.share(one.share),
            "" if one.bound is None else speech.share(one.bound),
            speech.share(one.limit),
            speech.say(f"result.{one.state}"),
        ]
        rows.append({"cells": cells, "share": one.share, "bound": one.bound, "limit": one.limit})
    yield {"kind": "parts", "head": [speech.say(f"parts.{name}") for name in columns], "rows": rows}
    yield {"kind": "note", "text": speech.say("parts.note", risk=speech.share(parts[0].risk, 2))}
    if case.verdict.verdict.kept_by_record:
        kept = speech.number(case.verdict.verdict.kept_by_record)
        yield {"kind": "note", "text": speech.say("parts.by record", count=kept)}


def _charts(case: Case, speech: Speech) -> Iterator[Block]:
    if case.judgement is None or not case.verdict.verdict.parts:
        return
    drawn = charts(case.facts, case.judgement, speech)
    if not drawn:
        yield {"kind": "text", "text": speech.say("chart.none")}
        return
    legend = [
        {"kind": kind, "text": speech.say(f"mark.{kind}")}
        for kind in ("good", "bad", "least", "promised", "required", "excluded", "outage")
    ]
    parts = {one.name: one for one in case.verdict.verdict.parts}
    for number, (name, one) in enumerate(drawn):
        key, level = asked_of(parts[name], case, speech)
        about = speech.say(f"part.{key}", level=level)
        counted = {"judged": speech.number(parts[name].judged), "good": speech.number(parts[name].good)}
        alt = speech.say("chart.alt", title=one["title"], about=about, **counted)
        yield {"kind": "chart", "legend": legend if number == 0 else [], "about": about, "alt": alt, **one}


def _outages(case: Case, speech: Speech) -> Iterator[Block]:
    down = case.verdict.verdict.availability
    if down is None:
        return
    yield {"kind": "heading", "text": speech.say("outages")}
    if not down.outages and not down.outage_year_s:
        yield {"kind": "text", "text": speech.say("outages.none")}
        return
    hours, year = speech.hours(down.outage_s), speech.hours(down.outage_year_s)
    yield {"kind": "text", "text": speech.say("outages.sum", count=down.outages, hours=hours, year=year)}
    if case.judgement is not None and case.judgement.outages:
        rows = [
            [_moment(case, speech, one.begins), _moment(case, speech, one.ends), speech.lasted(one.ends - one.begins)]
            for one in case.judgement.outages
        ]
        head = [speech.say(f"outages.{name}") for name in ("begins", "ends", "hours")]
        yield {"kind": "table", "head": head, "rows": rows, "widths": [0, 0, 0], "right": [2]}


def _exclusions(case: Case, speech: Speech) -> Iterator[Block]:
    if not case.facts.stretches:
        return
    yield {"kind": "heading", "text": speech.say("exclusions")}
    first, last = case.facts.days
    day_of = case.facts.lessons.slot_of
    shown = [
        one
        for one in exclusions.newest(case.facts.exclusions)
        if day_of(one.begins, 1).date() <= last and day_of(one.ends, 1).date() >= first
    ]
    if not shown:
        yield {"kind": "text", "text": speech.say("exclusions.none")}
        return
    counted_not = {one.exclusion for one in left_out(case.facts)}
    rows = [
        [
            speech.say(f"kind.{one.kind}"),
            _moment(case, speech, one.begins),
            _moment(case, speech, one.ends),
            _moment(case, speech, one.announced_at),
            speech.say(f"effect.{_effect(one, counted_not)}"),
            speech.say("signed", author=one.author, reason=speech.cut(one.reason)),
        ]
        for one in shown
    ]
    keys = ("exclusions.kind", "outages.begins", "outages.ends", "exclusions.announced")
    head = [speech.say(key) for key in (*keys, "exclusions.effect", "exclusions.by")]
    yield {"kind": "table", "head": head, "rows": rows, "widths": [5, 0, 0, 0, 5, 9]}


def _effect(one: Exclusion, counted_not: set[str]) -> str:
    if one.id in counted_not:
        return "counts not"
    return "late" if one.state == "in_force" else one.state


def _moment(case: Case, speech: Speech, at: datetime) -> str:
    return speech.moment(case.facts.lessons.slot_of(at, 1))
