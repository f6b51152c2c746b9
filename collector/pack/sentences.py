"""The verdict in sentences: what was promised, what was found, and what that is called; pure."""

from fractions import Fraction

from collector.pack.charts import ROUND_TRIP, promise_of
from collector.pack.gathering import Case
from collector.pack.speech import Speech
from collector.verdicts.rules import recurrence
from collector.verdicts.weighing import Part


def asked_of(part: Part, case: Case, speech: Speech) -> tuple[str, str]:
    """Return by which name the catalogue knows a part, and the level that it asks for, with its unit.

    Where terms were amended within the month there are several levels, in the order of time.
    """
    held = [one.terms for one in case.facts.stretches]
    if part.name == ROUND_TRIP:
        times = [speech.number(one.rtt_ms, 1) for one in held if one.rtt_ms is not None]
        return ROUND_TRIP, speech.say("ms", value=speech.either(times))
    way, which = promise_of(part.name)
    numbers = case.standard.rules[held[-1].rule]
    is_best = numbers.kind == "german" and which == "most"
    share = Fraction(numbers.best_share if is_best else numbers.speed_share if numbers.kind == "shares" else 1)
    promised = [one.promised_bps(way, which) for one in held]
    levels = [speech.number(float(share * bps) / 1e6, 2) for bps in promised if bps is not None]
    return f"{way} once a day" if is_best else way, speech.say("mbit", value=speech.either(levels))


def sentences(case: Case, speech: Speech) -> list[str]:
    """Return the verdict, the first sentence being the verdict itself."""
    one = case.verdict.verdict
    if one.state == "breach":
        found = [*_of_parts(case, speech, "broken"), *_of_outages(case, speech)]
    elif one.state == "watch":
        found = _of_parts(case, speech, "watch")
        if one.discovery is not None:
            lines = speech.number(one.discovery.lines)
            found = [speech.say("watch.among lines", **_named(case, speech), lines=lines), *found]
    else:
        found = [speech.say(one.state, **_named(case, speech))]
    return found + _further(case, speech)


def _of_parts(case: Case, speech: Speech, state: str) -> list[str]:
    """Return a sentence for the rarest part that came out so, and one that names all others."""
    parts = [one for one in case.verdict.verdict.parts if one.state == state]
    if not parts:
        return []
    first, *others = sorted(parts, key=lambda one: one.chance or 0)
    name, level = asked_of(first, case, speech)
    key = f"{'breach' if state == 'broken' else 'watch'}.{name}"
    judged = speech.number(first.judged)
    found = [speech.say(key, **_named(case, speech), level=level, judged=judged, **_shares(first, speech))]
    if others:
        named = [speech.say("short.part", asked=_asked(one, case, speech), **_shares(one, speech)) for one in others]
        found.append(speech.say("short.too", parts=speech.joined(named)))
    return found


def _asked(part: Part, case: Case, speech: Speech) -> str:
    name, level = asked_of(part, case, speech)
    return speech.say(f"part.{name}", level=level)


def _shares(part: Part, speech: Speech) -> dict[str, str]:
    return {"share": speech.share(part.share or 0), "limit": speech.share(part.limit)}


def _of_outages(case: Case, speech: Speech) -> list[str]:
    down = case.verdict.verdict.availability
    found = []
    if down is not None and down.most_year_s is not None and down.outage_year_s > down.most_year_s:
        hours, most = speech.hours(down.outage_year_s), speech.hours(down.most_year_s)
        found.append(speech.say("breach.hours down", **_named(case, speech), hours=hours, most=most))
    most_days = case.standard.availability.days_in_a_row.value
    if down is not None and down.days_in_a_row >= most_days:
        days, most = speech.number(down.days_in_a_row), speech.number(most_days)
        found.append(speech.say("breach.days down", **_named(case, speech), days=days, most=most))
    return found


def _further(case: Case, speech: Speech) -> list[str]:
    one = case.verdict.verdict
    found = []
    if one.is_recurring:
        found.append(speech.say("recurring", months=recurrence.MONTHS, of=recurrence.OF))
    is_down = one.availability is not None and one.availability.is_breach
    if one.state in ("breach", "watch") and one.chance is not None and not is_down:
        found.append(speech.say("chance", chance=speech.chance(one.chance)))
    if one.reduction is not None:
        found.append(speech.say("reduction", amount=speech.money(one.reduction.amount, one.reduction.currency)))
    return found


def _named(case: Case, speech: Speech) -> dict[str, object]:
    return {"month": speech.month(case.verdict.month), "operator": speech.named(case.verdict.operator)}
