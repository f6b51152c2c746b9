"""A policy as fields of a form, and a form as a policy: pure. What the form does not show stays as it was."""

import re
from collections.abc import Callable
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

from babel.dates import get_day_names
from msgspec import Struct, to_builtins

from collector import policies
from collector.pages.forms import Fields
from collector.settings import PolicySettings
from collector.words import Sentence, Tongue, mark, say

FIELD_WORDS: dict[str, str] = {
    "paused": mark("Pause"),
    "shifts": mark("Shifts of lessons"),
    "weekdays": mark("Days of lessons"),
    "terms": mark("Terms"),
    "holidays": mark("Holidays"),
    "extra_days": mark("Extra days of lessons"),
    "quiet_start": mark("Quiet hours begin"),
    "quiet_end": mark("Quiet hours end"),
    "quiet_weekdays": mark("Days with quiet hours"),
    "capacity_sessions_per_day": mark("Tests a day and computer"),
    "tests_per_slot": mark("Tests of a line in half an hour"),
    "monthly_bytes": mark("Budget a month and computer, GB"),
    "servers": mark("Test servers"),
    "platforms": mark("Services that lessons need"),
    "standard": mark("Standard"),
    "target_download_bps": mark("Target for download"),
    "target_upload_bps": mark("Target for upload"),
    "slot_minutes": mark("Length of a slot, minutes"),
    "time_zone": mark("Time zone"),
    "long_capacity_days": mark("Days between long tests"),
    "latency_interval_s": mark("Seconds between round-trip tests"),
    "engines": mark("Kinds of speed tests"),
    "wifi_scans_per_day": mark("Wi-Fi scans a day"),
    "peer_bytes": mark("Bytes of a test between two computers"),
    "control_centres": mark("Control centres"),
    "cameras": mark("Cameras"),
    "survey_rooms": mark("Rooms of every survey"),
    "lease": mark("One test at a time in a school"),
}
TEXTS = ("terms", "holidays", "extra_days", "platforms")
NUMBERS = {"capacity_sessions_per_day": (0, 48), "tests_per_slot": (1, 1_000), "monthly_bytes": (0, 9_000_000)}
SHOWN = (
    *("paused", "shifts", "weekdays", "terms", "holidays", "extra_days", "quiet_start", "quiet_end", "quiet_weekdays"),
    *(*NUMBERS, "servers", "platforms"),
)
SHIFTS = range(1, 5)
WEEKDAYS = range(1, 8)
MOST_SERVERS = 32
_SPARE_SERVERS = 3
_GB = 1_000_000_000
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,9}", re.ASCII)
_MOST_DAYS, _MOST_TERMS, _LONGEST_NAME, _LONGEST_URL = 400, 32, 200, 512

Errors = dict[str, Sentence]


class Read(Struct, frozen=True):
    """What a form says: the policy's body, and what is wrong with it, by field."""

    body: dict[str, Any]
    errors: Errors


def form_of(body: dict[str, Any], holds: PolicySettings) -> Fields:
    """Return a form's fields: what is set here, and beside it what holds otherwise, to begin from."""
    told: dict[str, Any] = to_builtins(holds) | body
    fields: Fields = {f"set_{name}": "yes" for name in SHOWN if name in body}
    fields["paused"] = {True: "yes", False: "no"}.get(body.get("paused"), "")  # type: ignore[arg-type]
    shifts = body.get("shifts") or to_builtins(holds.all_shifts)
    for number, shift in zip(SHIFTS, shifts, strict=False):
        fields[f"shift{number}_start"], fields[f"shift{number}_end"] = shift["start"], shift["end"]
    for name in ("weekdays", "quiet_weekdays"):
        fields |= {f"{name}_{day}": "yes" for day in told[name]}
    fields["terms"] = "\n".join(f"{one['first']} {one['last']}" for one in told["terms"])
    fields["platforms"] = "\n".join(f"{one['name']} | {one['url']}" for one in told["platforms"])
    for name in ("holidays", "extra_days"):
        fields[name] = "\n".join(told[name])
    fields["quiet_start"], fields["quiet_end"] = told["quiet_start"], told["quiet_end"]
    for name in NUMBERS:
        value = told[name]
        fields[name] = "" if value is None else str(value // _GB if name == "monthly_bytes" else value)
    for number, server in enumerate(told["servers"], 1):
        one: dict[str, Any] = {"url": server} if isinstance(server, str) else server
        capacity = one.get("capacity_bps")
        fields[f"server{number}_url"], fields[f"server{number}_place"] = one["url"], one.get("place") or ""
        fields[f"server{number}_tests"] = str(one.get("tests") or "")
        fields[f"server{number}_mbit"] = f"{capacity / 1e6:g}" if capacity else ""
    return fields


def server_rows(fields: Fields) -> range:
    """Return the numbers of the rows for servers: those that say something, and some more."""
    used = [n for n in range(1, MOST_SERVERS + 1) if fields.get(f"server{n}_url")]
    return range(1, min(MOST_SERVERS, max(used, default=0) + _SPARE_SERVERS) + 1)


def read(fields: Fields, kept: dict[str, Any], allowed: frozenset[str]) -> Read:
    """Return what a form says; ``kept`` is what was set before, of which what is not in the form stays."""
    body = {name: value for name, value in kept.items() if name not in SHOWN or name not in allowed}
    errors: Errors = {}
    if "paused" in allowed and fields.get("paused") in ("yes", "no"):
        body["paused"] = fields["paused"] == "yes"
    readers: dict[str, Callable[[Fields, Errors], Any]] = {
        "shifts": _shifts,
        "weekdays": lambda told, wrong: _weekdays(told, "weekdays", wrong),
        "quiet_weekdays": lambda told, wrong: _weekdays(told, "quiet_weekdays", wrong),
        "quiet_start": lambda told, wrong: _clock(told, "quiet_start", wrong),
        "quiet_end": lambda told, wrong: _clock(told, "quiet_end", wrong),
        "terms": _terms,
        "holidays": lambda told, wrong: _days(told, "holidays", wrong),
        "extra_days": lambda told, wrong: _days(told, "extra_days", wrong),
        **{name: partial(_whole, name=name) for name in NUMBERS},
        "servers": _servers,
        "platforms": _platforms,
    }
    for name, reader in readers.items():
        if name in allowed and fields.get(f"set_{name}"):
            body[name] = reader(fields, errors)
    both = sorted(set(body.get("holidays", ())) & set(body.get("extra_days", ())))
    if both and not errors:
        errors["extra_days"] = say("{day} is a holiday too: a day has lessons or has none", day=both[0])
    return Read(body, errors)


def shown(tongue: Tongue, name: str, value: Any) -> str:
    """Return a setting's value as people read it."""
    if value is None or value in ((), [], ""):
        return "–"
    if isinstance(value, bool):
        return tongue.said(say("yes") if value else say("no"))
    if isinstance(value, list | tuple):
        return ", ".join(_item(tongue, name, one) for one in value)
    if name.endswith("_bps"):
        return tongue.said(say("{rate} Mbit/s", rate=tongue.number(value / 1e6, 1)))
    if name == "monthly_bytes":
        return tongue.number(value / _GB, 1)
    return tongue.number(value) if isinstance(value, int | float) else str(value)


def _item(tongue: Tongue, name: str, one: Any) -> str:
    """Return one of several values as people read it."""
    if name in ("weekdays", "quiet_weekdays"):
        return str(get_day_names("abbreviated", locale=tongue.locale)[one - 1])
    if name in ("holidays", "extra_days"):
        return _day(tongue, one)
    if not isinstance(one, dict):
        return str(one)
    if name == "shifts":
        return f"{one['start']}–{one['end']}"
    if name == "terms":
        return f"{_day(tongue, one['first'])} – {_day(tongue, one['last'])}"
    return str(one["url"] if name == "servers" else one["name"])


def differing(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the settings in which two bodies differ, in the form's order."""
    order = [*SHOWN, *(name for name in policies.FIELDS if name not in SHOWN)]
    return [name for name in order if before.get(name) != after.get(name)]


def _day(tongue: Tongue, text: str) -> str:
    return tongue.day(date.fromisoformat(text))


def _shifts(fields: Fields, errors: Errors) -> list[dict[str, str]]:
    found = []
    for number in SHIFTS:
        start, end = (fields.get(f"shift{number}_{edge}", "").strip() for edge in ("start", "end"))
        if not start and not end:
            continue
        if not (_CLOCK.fullmatch(start) and _CLOCK.fullmatch(end)):
            errors["shifts"] = say("shift {number}: write both times as 08:00", number=number)
        found.append({"start": start, "end": end})
    if not found:
        errors["shifts"] = say("write one shift at least")
    elif "shifts" not in errors and any(later["start"] < before["end"] for before, later in pairwise(found)):
        errors["shifts"] = say("shifts have to follow one another in the day's order, without overlapping")
    return found


def _weekdays(fields: Fields, name: str, errors: Errors) -> list[int]:
    found = [day for day in WEEKDAYS if fields.get(f"{name}_{day}")]
    if not found and name == "weekdays":
        errors[name] = say("choose one day at least")
    return found


def _clock(fields: Fields, name: str, errors: Errors) -> str:
    told = fields.get(name, "").strip()
    if not _CLOCK.fullmatch(told):
        errors[name] = say("write the time as 08:00")
    return told


def _lines(fields: Fields, name: str) -> list[tuple[int, str]]:
    return [(number, line.strip()) for number, line in enumerate(fields.get(name, "").splitlines(), 1) if line.strip()]


def _days(fields: Fields, name: str, errors: Errors) -> list[str]:
    found = []
    for number, line in _lines(fields, name):
        for word in re.split(r"[\s,;]+", line):
            day = _date(word)
            if day is None:
                example = "2026-09-01"
                errors[name] = say("line {line}: this is no date; write it as {example}", line=number, example=example)
            elif day not in found:
                found.append(day)
    if len(found) > _MOST_DAYS:
        errors[name] = say("there are more than {most} days", most=_MOST_DAYS)
    return sorted(found)


def _terms(fields: Fields, errors: Errors) -> list[dict[str, str]]:
    found = []
    for number, line in _lines(fields, "terms"):
        days = [_date(word) for word in line.split()]
        first, last = days if len(days) == 2 else (None, None)
        if first is None or last is None:
            errors["terms"] = say(
                "line {line}: write the first and the last day, as 2026-09-01 2026-10-25", line=number
            )
        elif last < first:
            errors["terms"] = say("line {line}: the term ends before it begins", line=number)
        else:
            found.append({"first": first, "last": last})
    if len(found) > _MOST_TERMS:
        errors["terms"] = say("there are more than {most} terms", most=_MOST_TERMS)
    return found


def _date(word: str) -> str | None:
    try:
        return date.fromisoformat(word).isoformat()
    except ValueError:
        return None


def _whole(fields: Fields, errors: Errors, *, name: str) -> int | None:
    told = fields.get(name, "").strip()
    least, most = NUMBERS[name]
    if not told and name == "monthly_bytes":
        return None
    if not _DIGITS.fullmatch(told) or not least <= int(told) <= most:
        errors[name] = say("write a whole number from {least} to {most}", least=least, most=most)
        return None
    return int(told) * (_GB if name == "monthly_bytes" else 1)


def _servers(fields: Fields, errors: Errors) -> list[dict[str, Any] | str]:
    found: list[dict[str, Any] | str] = []
    for number in range(1, MOST_SERVERS + 1):
        url = fields.get(f"server{number}_url", "").strip()
        if not url:
            continue
        if not _is_url(url, ("ws", "wss")):
            errors["servers"] = say("server {number}: write its address as wss://HOST:PORT", number=number)
        one: dict[str, Any] = {"url": url}
        if fields.get(f"server{number}_place") in ("inside", "outside"):
            one["place"] = fields[f"server{number}_place"]
        limits = (("tests", "tests", 1, 10_000), ("mbit", "capacity_bps", 1, 10_000_000))
        for field, name, least, most in limits:
            told = fields.get(f"server{number}_{field}", "").strip()
            if told and not (_DIGITS.fullmatch(told) and least <= int(told) <= most):
                errors["servers"] = say(
                    "server {number}: write whole numbers from {least} to {most}", number=number, least=least, most=most
                )
            elif told:
                one[name] = int(told) * (1_000_000 if field == "mbit" else 1)
        found.append(one if len(one) > 1 else url)
    return found


def _platforms(fields: Fields, errors: Errors) -> list[dict[str, str]]:
    found = []
    for number, line in _lines(fields, "platforms"):
        name, separator, url = (part.strip() for part in line.rpartition("|"))
        if not separator or not 0 < len(name) <= _LONGEST_NAME or not _is_url(url, ("http", "https")):
            example = "Kundelik | https://kundelik.kz"
            errors["platforms"] = say(
                "line {line}: write the name, a bar and the address: {example}", line=number, example=example
            )
        found.append({"name": name, "url": url})
    if len(found) > MOST_SERVERS:
        errors["platforms"] = say("there are more than {most} services", most=MOST_SERVERS)
    return found


def _is_url(text: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and text.isprintable() and " " not in text and len(text) <= _LONGEST_URL
