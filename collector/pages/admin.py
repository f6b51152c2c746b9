"""The administration's first page, its jobs and its audit log; the other parts have modules of their own.

Each part is for people with its right; what the database shows of it is another matter, and the database's.
"""

from datetime import UTC, datetime, time, timedelta
from typing import get_args

import msgspec
from fastapi import APIRouter, Response
from msgspec import Struct

from collector.context import Asker, Context, In, PageByWhom
from collector.errors import DatabaseError, NotAllowed
from collector.pages import PAGE_ROWS, html
from collector.store import audit, measures
from collector.store.audit import AuditEntry, Wanted, What
from collector.store.database import Role
from collector.store.jobs import JobRecord
from collector.store.measures import Measures
from collector.timetable import EVERY_S
from collector.words import Sentence, counted, mark, say

ROLE_WORDS: dict[Role, str] = {
    "ministry": mark("ministry"),
    "region": mark("education office of a region"),
    "school": mark("school"),
    "operator": mark("network operator"),
    "auditor": mark("auditor"),
    "admin": mark("administrator"),
}
WHAT_WORDS: dict[What, str] = {
    "logged in": mark("logged in"),
    "logged out": mark("logged out"),
    "refused": mark("was refused"),
    "saw": mark("saw"),
    "exported": mark("exported"),
    "changed": mark("changed"),
}
JOB_WORDS: dict[str, str] = {
    "rollup": mark("Adds up the days of schools whose tests came in"),
    "yesterday": mark("Adds up yesterday for every school, once a day"),
    "findings": mark("Looks for the cause where a school does not meet its target"),
    "new-rules": mark("Looks for causes again after the rules have changed"),
    "requests": mark("Asks computers for tests that a cause needs"),
    "records": mark("Lays the records of test servers beside the reports"),
    "maintenance": mark("Makes room for the next months and puts away what is too old"),
    "log": mark("Gives reports their place in the log of evidence"),
    "verdicts": mark("Judges the months of contracts"),
    "checkpoint": mark("Signs the log of evidence"),
    "notices": mark("Looks for what subscribers want to know"),
    "messages": mark("Sends messages to subscribers"),
    "fleet": mark("Calls the roll of computers"),
}
_SEES_ALL = ("ministry", "auditor", "admin")
_RIGHTS = frozenset({"accounts", "policy", "registry", "audit"})
_OLD_BACKLOG_S = 900.0
_JOB_IS_LATE = timedelta(minutes=15)
_JOB_HANGS = timedelta(hours=6)
_MOST_PAGES = 10_000
_BACKUPS = 100


class Attention(Struct, frozen=True):
    """Something that somebody should look at: what is the matter, what to do about it, and where."""

    what: Sentence
    do: Sentence
    place: str | None = None


class Backup(Struct, frozen=True):
    """When the newest backup was made, and when this database came out of one; null where it never did."""

    made_at: datetime | None
    restored_at: datetime | None


def parts_of(person: Asker) -> list[tuple[str, Sentence]]:
    """Return the parts of the administration that are for somebody."""
    rights, all_seeing = set(person.rights), person.viewer.role in _SEES_ALL
    sees_accounts = "accounts" in rights or (person.login is not None and person.viewer.role == "auditor")
    parts = (
        ("/admin", say("Overview"), bool(rights & _RIGHTS)),
        ("/admin/registry", say("Registry"), "registry" in rights),
        ("/admin/policy", say("Policy"), "policy" in rights),
        ("/admin/servers", say("Test servers"), all_seeing and bool(rights & {"policy", "registry"})),
        ("/accounts", say("Accounts"), sees_accounts),
        ("/admin/tokens", say("Tokens"), bool(rights & {"accounts", "registry"})),
        ("/admin/agents", say("Computers"), "registry" in rights),
        ("/admin/audit", say("Audit log"), "audit" in rights),
        ("/admin/jobs", say("Jobs"), all_seeing and bool(rights & _RIGHTS)),
    )
    return [(place, words) for place, words, is_theirs in parts if is_theirs]


def check_part(person: Asker, place: str) -> list[tuple[str, Sentence]]:
    """Return the parts that are for somebody; raises NotAllowed where this one is not among them."""
    parts = parts_of(person)
    if place not in {one for one, _ in parts}:
        raise NotAllowed(
            say("this part of the administration needs a right that you do not have; an administrator gives it")
        )
    return parts


def number_of(text: str) -> int:
    """Return the page that an address names; the first for anything else."""
    return min(max(int(text), 1), _MOST_PAGES) if text.isdecimal() and len(text) < 9 else 1


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(include_in_schema=False)
    routes.get("/admin")(overview)
    routes.get("/admin/jobs")(jobs)
    routes.get("/admin/audit")(log)
    return routes


def overview(context: In, person: PageByWhom) -> Response:
    """Answer what needs attention first, how the collector is, and the parts of the administration."""
    parts = check_part(person, "/admin")
    sees_all = person.viewer.role in _SEES_ALL
    found = _measured(context) if sees_all else None
    return html(
        "admin/overview.html",
        person=person,
        parts=parts,
        found=found,
        sees_all=sees_all,
        computers=_by_state(found.computers) if found else {},
        attention=attention(found, context.now()) if found else [],
        backup=_backup(context, person) if "audit" in person.rights else None,
        zone=context.zone,
    )


def jobs(context: In, person: PageByWhom) -> Response:
    """Answer when the jobs ran, how that ended, and when they run again."""
    parts = check_part(person, "/admin/jobs")
    found = _measured(context)
    now = context.now()
    rows = [(one, state_of(one, now), _next(one)) for one in found.jobs] if found else []
    return html(
        "admin/jobs.html",
        person=person,
        parts=parts,
        rows=rows,
        works=found is not None,
        words=JOB_WORDS,
        zone=context.zone,
    )


def log(
    context: In,
    person: PageByWhom,
    who: str = "",
    what: str = "",
    about: str = "",
    since: str = "",
    before: str = "",
) -> Response:
    """Answer the audit log, page by page."""
    parts = check_part(person, "/admin/audit")
    begins, wrong = _day(since.strip(), context)
    wanted = Wanted(who=who.strip() or None, what=what or None, about=about.strip() or None, since=begins)
    with context.database.reading(person.viewer) as connection:
        total = audit.count(connection, wanted)
        older_than = int(before) if before.isdecimal() and len(before) < 19 else None
        found = audit.entries(connection, wanted, limit=PAGE_ROWS + 1, before=older_than)
    return html(
        "admin/audit.html",
        person=person,
        parts=parts,
        entries=found[:PAGE_ROWS],
        details=[_detail(one) for one in found],
        total=total,
        is_first=older_than is None,
        older=found[PAGE_ROWS - 1].entry_id if len(found) > PAGE_ROWS else None,
        typed={"who": who, "what": what, "about": about, "since": since},
        wrong=wrong,
        kinds=[(one, WHAT_WORDS[one]) for one in get_args(What)],
        words=WHAT_WORDS,
        role_words=ROLE_WORDS,
        zone=context.zone,
    )


def attention(found: Measures, now: datetime) -> list[Attention]:
    """Return what needs somebody, the gravest first."""
    needs = (*_of_log(found), *_of_jobs(found, now), *_of_rows(found), _of_computers(found))
    return [one for one in needs if one is not None]


def _of_log(found: Measures) -> tuple[Attention | None, ...]:
    log = found.log
    if log.log is not None and log.log.stopped:
        what = say("The log of evidence stands still; reports are stored, but nothing is proven any more.")
        command = "netready-collector log show"
        do = say("Whoever runs the collector sees why and what to do with: {command}", command=command)
        return (Attention(what, do),)
    if log.oldest_waiting_s <= _OLD_BACKLOG_S:
        return ()
    what = counted(
        "{n} report waits for its place in the log.", "{n} reports wait for their place in the log.", log.waiting
    )
    return (Attention(what, say("Look whether the job runs that gives them their places."), "/admin/jobs"),)


def _of_jobs(found: Measures, now: datetime) -> tuple[Attention | None, ...]:
    failed = [one.name for one in found.jobs if one.outcome == "failed"]
    late = [one.name for one in found.jobs if state_of(one, now) == "late"]
    return (
        Attention(
            counted(
                "{n} job failed the last time: {names}",
                "{n} jobs failed the last time: {names}",
                len(failed),
                names=", ".join(failed),
            ),
            say("Its sentence says why; it is tried again by itself."),
            "/admin/jobs",
        )
        if failed
        else None,
        Attention(
            counted(
                "{n} job did not run when it was due: {names}",
                "{n} jobs did not run when they were due: {names}",
                len(late),
                names=", ".join(late),
            ),
            say("Look whether the collector's process for jobs runs on one machine at least."),
            "/admin/jobs",
        )
        if late
        else None,
    )


def _of_rows(found: Measures) -> tuple[Attention | None, ...]:
    lost = sum(found.default_rows.values())
    return (
        Attention(
            counted(
                "{n} day of a school waits to be added up.",
                "{n} days of schools wait to be added up.",
                found.dirty_days,
            ),
            say("After an import or a change of policy this passes by itself; else look at the jobs."),
            "/admin/jobs",
        )
        if found.oldest_dirty_s > _OLD_BACKLOG_S
        else None,
        Attention(
            counted(
                "{n} row has a date for which there is no table.",
                "{n} rows have dates for which there is no table.",
                lost,
            ),
            say("Look whether the clocks of the collector and its computers are right, and at the job maintenance."),
            "/admin/jobs",
        )
        if lost
        else None,
    )


def _of_computers(found: Measures) -> Attention | None:
    silent = sum(count for (_, state), count in found.computers.items() if state == "silent")
    if not silent:
        return None
    what = counted("{n} computer is silent.", "{n} computers are silent.", silent)
    do = say("The list of schools shows where; begin with schools that have no other computer.")
    return Attention(what, do, "/fleet?state=silent")


def state_of(job: JobRecord, now: datetime) -> str:
    """Return how a job is: failed, late, running or done."""
    if job.outcome is None:
        return "late" if now - job.started_at > _JOB_HANGS else "running"
    if job.outcome == "failed":
        return "failed"
    due = _next(job)
    return "late" if due is not None and now - due > _JOB_IS_LATE else "done"


def _next(job: JobRecord) -> datetime | None:
    every = EVERY_S.get(job.name)
    return None if every is None else job.started_at + timedelta(seconds=every)


def _measured(context: Context) -> Measures | None:
    """Return what the database knows of itself; null where it does not answer its owner."""
    try:
        with context.database.owning() as connection:
            return measures.measures(connection)
    except DatabaseError:
        return None


def _by_state(computers: dict[tuple[str, str], int]) -> dict[str, int]:
    counts = dict.fromkeys(("live", "at_risk", "silent", "never_reported"), 0)
    for (_, state), count in computers.items():
        counts[state] = counts.get(state, 0) + count
    return counts


def _backup(context: Context, person: Asker) -> Backup:
    """Return what the audit log tells of backups; the backup that a database was restored from is one of it, too."""
    with context.database.reading(person.viewer) as connection:
        told = audit.entries(connection, Wanted(about="backup"), limit=_BACKUPS)
    restored = next((one for one in told if one.detail.get("done") == "restored"), None)
    made = [one.at for one in told if one.detail.get("done") == "created"]
    if restored is not None:
        made.append(datetime.fromisoformat(restored.detail["backup_of"]))
    return Backup(max(made, default=None), restored.at if restored else None)


def _day(text: str, context: Context) -> tuple[datetime | None, Sentence | None]:
    if not text:
        return None, None
    try:
        day = datetime.fromisoformat(text).date()
        return datetime.combine(day, time.min, context.zone).astimezone(UTC), None
    except (ValueError, OverflowError):
        return None, say("this is no date; write it as {example}", example="2026-09-01")


def _detail(entry: AuditEntry) -> str:
    return msgspec.json.encode(entry.detail).decode() if entry.detail else ""
