"""The way to the collector: enrolment, policy, and the outbox emptied in batches.

A report leaves the outbox only when the collector's answer to exactly that report says so; whatever else happens on the
way (no network, a login page, nonsense) becomes one sentence, and the report stays.
"""

import gzip
import math
import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

import msgspec
from msgspec import Struct
from nacl.signing import SigningKey

from agent import exchange
from agent.contract import signing, wire
from agent.errors import EnrollmentError, PausedError, RevokedError, UplinkError
from agent.exchange import RETRY_AFTER_S, Answer, Asker, printable
from agent.identity import Enrolled
from agent.outbox import Outbox, Waiting
from agent.settings import Settings

BACKOFF_S = (30.0, 3600.0)
_SPREAD = 0.25  # on top of a Retry-After: everybody else was told the same second
_BATCH_OVERHEAD_BYTES = 64 * 1024
_Reply = TypeVar("_Reply")


class Drained(Struct, frozen=True, kw_only=True):
    """What a drain did: how many reports arrived, how many were refused, and what the collector told with that.

    ``policy_version`` is null and ``orders`` empty where it told nothing.
    """

    sent: int = 0
    refused: int = 0
    policy_version: int | None = None
    orders: tuple[str, ...] = ()


class Fetched(Struct, frozen=True, kw_only=True):
    """A policy and the tag that names it; ``policy`` null: the one with the tag that was given still holds."""

    policy: wire.Policy | None
    tag: str | None


class Pause(Struct, frozen=True, kw_only=True):
    """How long to leave a collector alone, kept in the outbox so that it outlives a restart."""

    failures: int = 0
    not_before: float = 0.0
    sentence: str = ""


def _shown(school: wire.SchoolCard) -> wire.SchoolCard:
    """Return a school from outside as it is safe to show on a terminal."""
    return msgspec.structs.replace(
        school,
        name=printable(school.name),
        region=school.region and printable(school.region),
        district=school.district and printable(school.district),
    )


class Uplink:
    """Talks to collectors, over TLS wherever they are not on this computer or a private network.

    Args:
        settings: batch size, time limit and own certificate authority.
        clock: seconds since the epoch, for pauses.
        chance: a random number in [0, 1), for jitter.
    """

    def __init__(
        self, settings: Settings, *, clock: Callable[[], float] = time.time, chance: Callable[[], float] = random.random
    ) -> None:
        self._settings = settings.uplink
        self._ca_file = settings.agent.ca_file
        self._asker = Asker(settings.uplink.timeout_s, self._ca_file, settings.uplink.proxy)
        self._clock = clock
        self._chance = chance

    def enroll(self, collector: str, request: wire.EnrollRequest, key: SigningKey) -> wire.EnrollReply:
        """Ask to belong to the token's school, or with ``preview`` only which school that is.

        Raises:
            EnrollmentError: the collector said no; asking again with the same words will not help.
            UplinkError: no answer, or none that makes sense; the same key may ask again.
        """
        envelope = signing.sign(wire.ENROLLMENT_TYPE, msgspec.json.encode(request), key)
        answer = self._asker.ask("POST", collector, wire.ENROLL_PATH, content=msgspec.json.encode(envelope))
        # A proxy's or a filter's refusal is no answer of the collector's: the key must live to ask again.
        if answer.problem is not None and 400 <= answer.status < 500 and answer.status not in {404, 405, 408, 429}:
            raise EnrollmentError(f"the collector did not accept this computer: {answer.told}")
        reply = exchange.reply(answer, wire.EnrollReply, collector)
        if reply.agent != signing.agent_id(bytes(key.verify_key)):
            raise UplinkError(f"{collector} answered for another computer; run this again")
        if not reply.school.id.isprintable():
            raise UplinkError(f"{collector} answered with a school id that no school has; check the address")
        return msgspec.structs.replace(reply, school=_shown(reply.school))

    def schools(self, collector: str, request: wire.SchoolsRequest) -> wire.SchoolsReply | None:
        """Ask which schools a token can enrol for; None where the collector is older than that question.

        Raises:
            EnrollmentError: the collector does not take the token.
            UplinkError: no answer, or none that makes sense.
        """
        answer = self._asker.ask("POST", collector, wire.ENROLL_SCHOOLS_PATH, content=msgspec.json.encode(request))
        if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED} and answer.problem is not None:
            return None
        if answer.status == HTTPStatus.FORBIDDEN and answer.problem is not None:
            raise EnrollmentError(f"the collector did not accept this token: {answer.told}")
        reply = exchange.reply(answer, wire.SchoolsReply, collector)
        listed = tuple(_shown(one) for one in reply.schools if one.id.isprintable())
        return msgspec.structs.replace(reply, schools=listed, region=reply.region and printable(reply.region))

    def leave(self, enrolled: Enrolled, at: datetime) -> wire.LeaveReply:
        """Tell the collector that this computer leaves its school; its key ends with that.

        Raises:
            RevokedError: it was taken out of service before.
            UplinkError: no answer, or none that makes sense.
        """
        request = wire.LeaveRequest(agent=enrolled.identity.agent, at=at)
        signed = wire.LEAVE_TYPE, request
        return self._short(enrolled, wire.LEAVE_PATH, signed, wire.LeaveReply, self._settings.timeout_s)

    def fetch_policy(self, enrolled: Enrolled, tag: str | None = None) -> Fetched:
        """Return what the collector wants measured, when and against whom; ``tag`` names what is here already.

        Raises:
            UplinkError: no answer, or none that makes sense.
        """
        collector = enrolled.identity.collector
        headers = {"Authorization": signing.sign_request("GET", wire.POLICY_PATH, enrolled.key)}
        if tag is not None:
            headers["If-None-Match"] = tag
        answer = self._asker.ask("GET", collector, wire.POLICY_PATH, headers=headers)
        if answer.status == HTTPStatus.NOT_MODIFIED and tag is not None:
            return Fetched(policy=None, tag=tag)
        return Fetched(policy=exchange.reply(answer, wire.Policy, collector), tag=answer.headers.get("etag"))

    def ask_lease(self, enrolled: Enrolled, request: wire.LeaseRequest, within_s: float) -> wire.LeaseReply:
        """Ask whether this computer may fill the line now; raises UplinkError where there is no answer in this time."""
        return self._short(enrolled, wire.LEASE_PATH, (wire.LEASE_TYPE, request), wire.LeaseReply, within_s)

    def release_lease(self, enrolled: Enrolled, lease: str, within_s: float) -> None:
        """Give a lease, or a place in the queue, back; raises UplinkError where that could not be said."""
        request = wire.LeaseRelease(lease=lease)
        self._short(enrolled, wire.RELEASE_PATH, (wire.RELEASE_TYPE, request), dict[str, bool], within_s)

    def _short(
        self, enrolled: Enrolled, path: str, signed: tuple[str, Struct], kind: type[_Reply], within_s: float
    ) -> _Reply:
        collector = enrolled.identity.collector
        payload_type, request = signed
        content = msgspec.json.encode(signing.sign(payload_type, msgspec.json.encode(request), enrolled.key))
        asker = Asker(min(within_s, self._settings.timeout_s), self._ca_file, self._settings.proxy)
        return exchange.reply(asker.ask("POST", collector, path, content=content), kind, collector)

    def deliver_records(self, collector: str, envelopes: Sequence[bytes]) -> wire.RecordReply:
        """Deliver a test server's own records; raises UplinkError where nothing came of it."""
        body = msgspec.json.encode(wire.RecordBatch(envelopes=tuple(map(msgspec.Raw, envelopes))))
        answer = self._asker.ask("POST", collector, wire.RECORDS_PATH, content=body)
        return exchange.reply(answer, wire.RecordReply, collector)

    def drain(self, outbox: Outbox, *, whatever_pause: bool = False, deadline_s: float = math.inf) -> Drained:
        """Send what waits, oldest first, to each collector that reports wait for.

        Args:
            outbox: what waits.
            whatever_pause: send even where an earlier failure asked for patience.
            deadline_s: begin no further batch after so many seconds.

        Raises:
            UplinkError: nothing more could be sent to one of the collectors; what was sent before is settled.
            RevokedError: a collector no longer wants one of this computer's identities; its other reports were sent.
        """
        ends = time.monotonic() + deadline_s
        total = Drained()
        trouble: UplinkError | None = None
        for collector in outbox.collectors():
            try:
                if not whatever_pause:
                    self._respect_pause(outbox, collector)
                done = self._drain_to(outbox, collector, ends)
            except UplinkError as error:
                trouble = error
                continue
            total = Drained(
                sent=total.sent + done.sent,
                refused=total.refused + done.refused,
                policy_version=done.policy_version or total.policy_version,
                orders=done.orders or total.orders,
            )
        if trouble is not None:
            raise trouble
        return total

    def _drain_to(self, outbox: Outbox, collector: str, ends: float) -> Drained:
        try:
            drained = self._send_all(outbox, collector, ends)
        except (RevokedError, PausedError):
            raise
        except UplinkError as error:
            self._pause(outbox, collector, error)
            raise
        outbox.write_note(_pause_name(collector), msgspec.json.encode(Pause()).decode())
        return drained

    def _send_all(self, outbox: Outbox, collector: str, ends: float) -> Drained:
        limit = self._settings.batch_reports
        total = Drained()
        revoked: wire.Receipt | None = None
        while batch := _fitting(outbox.oldest(collector, limit)):
            if time.monotonic() > ends:
                raise PausedError(f"{collector} is too slow: the time to send was over before everything was sent")
            answer = self._post(collector, batch)
            if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE and len(batch) > 1:
                limit = len(batch) // 2
                continue
            reply = _receipts(answer, collector, batch)
            outbox.settle(list(zip(batch, reply.items, strict=True)))
            total = _added(total, reply)
            revoked = next((receipt for receipt in reply.items if receipt.answer == "revoked"), revoked)
        if revoked is not None:
            raise RevokedError(
                f"the collector no longer wants this computer ({revoked.detail or 'no reason given'}); "
                "its reports stay here; if that is a mistake, enrol it again with a new token"
            )
        return total

    def _post(self, collector: str, batch: list[Waiting]) -> Answer:
        body = msgspec.json.encode({"envelopes": [msgspec.Raw(one.envelope) for one in batch]})
        headers = {"Content-Encoding": "gzip"}
        return self._asker.ask("POST", collector, wire.REPORTS_PATH, content=gzip.compress(body, 6), headers=headers)

    def pause(self, outbox: Outbox, collector: str) -> Pause:
        """Return how long this collector is to be left alone, and why."""
        written = outbox.note(_pause_name(collector))
        if written is None:
            return Pause()
        try:
            return msgspec.json.decode(written, type=Pause)
        except msgspec.DecodeError:
            return Pause()

    def _respect_pause(self, outbox: Outbox, collector: str) -> None:
        pause = self.pause(outbox, collector)
        remaining = pause.not_before - self._clock()
        # More than the longest pause there is: the clock was set back since.
        if 0 < remaining <= RETRY_AFTER_S[1] * (1 + _SPREAD):
            raise PausedError(pause.sentence or f"{collector} asked for patience", retry_after_s=remaining)

    def _pause(self, outbox: Outbox, collector: str, error: UplinkError) -> None:
        failures = min(self.pause(outbox, collector).failures + 1, 30)
        wait_s = min(BACKOFF_S[0] * 2.0 ** (failures - 1), BACKOFF_S[1]) * (0.5 + self._chance() / 2)
        if error.retry_after_s is not None:
            wait_s = error.retry_after_s * (1 + self._chance() * _SPREAD)
        pause = Pause(failures=failures, not_before=self._clock() + wait_s, sentence=str(error))
        outbox.write_note(_pause_name(collector), msgspec.json.encode(pause).decode())


def _fitting(waiting: list[Waiting]) -> list[Waiting]:
    """Return as many of the oldest as one request may hold; at least one, whatever its size."""
    room = wire.MAX_BATCH_BYTES - _BATCH_OVERHEAD_BYTES
    for index, one in enumerate(waiting):
        room -= len(one.envelope) + 1
        if room < 0 and index:
            return waiting[:index]
    return waiting


def _receipts(answer: Answer, collector: str, batch: list[Waiting]) -> wire.BatchReply:
    """Return one receipt for each report of the batch, in its order; raises UplinkError for anything less."""
    whole: wire.Receipt | None = None
    if exchange.is_too_large(answer):
        whole = wire.Receipt(answer="refused", reason="too_large", detail=answer.told)
    if exchange.is_revoked(answer):
        whole = wire.Receipt(answer="revoked", reason="agent_revoked", detail=answer.told)
    if whole is not None:
        return wire.BatchReply(items=(whole,) * len(batch))
    reply = exchange.reply(answer, wire.BatchReply, collector)
    if len(reply.items) != len(batch) or not all(map(_is_about, reply.items, batch)):
        raise UplinkError(
            f"{collector} answered for other reports than the {len(batch)} it was sent; all of them stay here"
        )
    plain = (msgspec.structs.replace(one, detail=one.detail and printable(one.detail)) for one in reply.items)
    return msgspec.structs.replace(reply, items=tuple(plain))


def _is_about(receipt: wire.Receipt, waiting: Waiting) -> bool:
    """Tell whether the receipt is for this report: only a report that could not be read may go unnamed."""
    unnamed = receipt.sha256 is None and receipt.answer in {"refused", "revoked"}
    return unnamed or receipt.sha256 == waiting.sha256


def _added(total: Drained, reply: wire.BatchReply) -> Drained:
    answers = [receipt.answer for receipt in reply.items]
    return Drained(
        sent=total.sent + answers.count("stored") + answers.count("duplicate"),
        refused=total.refused + answers.count("refused"),
        policy_version=reply.policy_version or total.policy_version,
        orders=reply.orders or total.orders,
    )


def _pause_name(collector: str) -> str:
    return f"pause {collector}"
