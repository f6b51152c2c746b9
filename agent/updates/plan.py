"""Whether this computer changes its version now. Pure."""

import hashlib
from collections.abc import Collection
from datetime import datetime, timedelta

from msgspec import Struct

from agent.contract import timetable
from agent.contract.releases import number_of
from agent.contract.wire import Policy, Release
from agent.schedule import zone_of

# What is installed just before a lesson is still being tried in it.
BEFORE_LESSONS = timedelta(minutes=30)


class Answer(Struct, frozen=True):
    """The version to change to, or null and why nothing is to be done."""

    version: str | None
    reason: str


def decide(agent: str, installed: str, policy: Policy, failed: Collection[str], now: datetime) -> Answer:
    """Tell whether to change to the version that the policy names.

    Args:
        agent: this computer's id, which says when its turn comes while a version is given to a share of all.
        installed: the version that runs.
        policy: the collector's.
        failed: versions that were taken back here.
        now: the time.

    Raises:
        SettingsError: the policy names something that is no version.
    """
    wanted = policy.update
    if wanted is None:
        return Answer(None, "the policy names no version")
    here, there = number_of(installed), number_of(wanted.version)
    if there == here:
        return Answer(None, f"{installed} is installed")
    if there < here:
        return Answer(None, f"{wanted.version} is older than {installed}: no computer is taken back from afar")
    return _in_its_turn(agent, wanted, policy, failed, now)


def _in_its_turn(agent: str, wanted: Release, policy: Policy, failed: Collection[str], now: datetime) -> Answer:
    if wanted.version in failed:
        return Answer(None, f"{wanted.version} did not work here and was taken back; a newer one is waited for")
    if share_of(agent, wanted.version) >= wanted.percent:
        return Answer(None, f"{wanted.version} is given to {wanted.percent:g} % of the computers, not to this one yet")
    if is_lesson_soon(policy, now):
        return Answer(None, f"{wanted.version} waits until the lessons are over")
    return Answer(wanted.version, f"{wanted.version} is wanted")


def share_of(agent: str, version: str) -> float:
    """Return this computer's place in a version's staging, from 0 to below 100; another one for each version.

    A computer that has it at 5 % has it at 20 % too, and no computer is always the first.
    """
    digest = hashlib.sha256(f"{version} {agent}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 * 100


def is_lesson_soon(policy: Policy, now: datetime) -> bool:
    """Tell whether there is a lesson now or within half an hour."""
    zone = zone_of(policy.hours)
    lessons = timetable.of_policy(policy)
    today = now.astimezone(zone).date()
    # A shift that passes midnight belongs to the day before; one that begins soon may to the next.
    spans = [span for offset in (-1, 0, 1) for span in lessons.lessons(today + timedelta(days=offset), zone)]
    return any(span.start - BEFORE_LESSONS <= now < span.end for span in spans)
