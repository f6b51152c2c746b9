"""The way to the collector: enrolment, policy, and the outbox emptied in batches.

A report leaves the outbox only when the collector's answer to exactly that report says so; whatever else happens on the
way (no network, a login page, nonsense) becomes one sentence, and the report stays.
"""

import email.utils
import gzip
import logging
import math
import random
import ssl
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import TypeVar, cast

import msgspec
from msgspec import Struct
from nacl.signing import SigningKey

from agent.contract import signing, wire
from agent.contract.errors import InsecureUrlError
from agent.errors import EnrollmentError, PausedError, RevokedError, UplinkError
from agent.host import transport
from agent.identity import Enrolled
from agent.outbox import Outbox, Waiting
from agent.settings import Settings

# httpx loads its own command line where click is installed, and with it rich and pygments: 3 MiB that the resident
# agent never uses. A None here makes that import fail, which is a case httpx provides for (httpx/__init__.py).
sys.modules.setdefault("httpx._main", cast("ModuleType", None))
import httpx  # noqa: E402 - see above

MAX_REPLY_BYTES = 1024 * 1024
BACKOFF_S = (30.0, 3600.0)
RETRY_AFTER_S = (1.0, 6 * 3600.0)
_BATCH_OVERHEAD_BYTES = 64 * 1024
_MAX_SENTENCE = 300

_log = logging.getLogger(__name__)
_Reply = TypeVar("_Reply")


class Drained(Struct, frozen=True, kw_only=True):
    """What a drain did: how many reports arrived, how many were refused, and the collector's policy version if told."""

    sent: int = 0
    refused: int = 0
    policy_version: int | None = None


class Pause(Struct, frozen=True, kw_only=True):
    """How long to leave a collector alone, kept in the outbox so that it outlives a restart."""

    failures: int = 0
    not_before: float = 0.0
    sentence: str = ""


class Answer(Struct, frozen=True, kw_only=True):
    """An HTTP answer, read up to a bound."""

    status: int
    headers: httpx.Headers
    body: bytes


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
        self._clock = clock
        self._chance = chance
        self._context: ssl.SSLContext | None = None
        self._warned: set[str] = set()

    def enroll(self, collector: str, request: wire.EnrollRequest, key: SigningKey) -> wire.EnrollReply:
        """Ask to belong to the token's school, or with ``preview`` only which school that is.

        Raises:
            EnrollmentError: the collector said no; asking again with the same words will not help.
            UplinkError: no answer, or none that makes sense; the same key may ask again.
        """
        envelope = signing.sign(wire.ENROLLMENT_TYPE, msgspec.json.encode(request), key)
        answer = self._ask("POST", collector, wire.ENROLL_PATH, content=msgspec.json.encode(envelope))
        if 400 <= answer.status < 500 and answer.status not in {404, 405, 408, 429}:
            raise EnrollmentError(f"the collector did not accept this computer: {_told(answer)}")
        reply = _read(_expect_success(answer, collector), wire.EnrollReply, collector)
        if reply.agent != signing.agent_id(bytes(key.verify_key)):
            raise UplinkError(f"{collector} answered for another computer; run this again")
        school = msgspec.structs.replace(
            reply.school,
            name=printable(reply.school.name),
            region=reply.school.region and printable(reply.school.region),
            district=reply.school.district and printable(reply.school.district),
        )
        return msgspec.structs.replace(reply, school=school)

    def fetch_policy(self, enrolled: Enrolled) -> wire.Policy:
        """Return what the collector wants measured, when and against whom; raises UplinkError."""
        collector = enrolled.identity.collector
        proof = signing.sign_request("GET", wire.POLICY_PATH, enrolled.key)
        answer = self._ask("GET", collector, wire.POLICY_PATH, headers={"Authorization": proof})
        return _read(_expect_success(answer, collector), wire.Policy, collector)

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
            )
        if trouble is not None:
            raise trouble
        return total

    def _drain_to(self, outbox: Outbox, collector: str, ends: float) -> Drained:
        try:
            drained = self._send_all(outbox, collector, ends)
        except RevokedError:
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
                raise UplinkError(f"{collector} is too slow: the time to send was over before everything was sent")
            answer = self._post(collector, batch)
            if answer.status == httpx.codes.REQUEST_ENTITY_TOO_LARGE and len(batch) > 1:
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
        return self._ask("POST", collector, wire.REPORTS_PATH, content=gzip.compress(body, 6), headers=headers)

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
        if 0 < remaining <= RETRY_AFTER_S[1]:
            raise PausedError(pause.sentence or f"{collector} asked for patience", retry_after_s=remaining)

    def _pause(self, outbox: Outbox, collector: str, error: UplinkError) -> None:
        failures = min(self.pause(outbox, collector).failures + 1, 30)
        wait_s = min(BACKOFF_S[0] * 2.0 ** (failures - 1), BACKOFF_S[1]) * (0.5 + self._chance() / 2)
        if error.retry_after_s is not None:
            # Jitter on top: everybody else was told the same second.
            wait_s = error.retry_after_s * (1 + self._chance() / 4)
        pause = Pause(failures=failures, not_before=self._clock() + wait_s, sentence=str(error))
        outbox.write_note(_pause_name(collector), msgspec.json.encode(pause).decode())

    def _ask(
        self,
        method: str,
        collector: str,
        path: str,
        *,
        content: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request and read the answer, following no redirect and reading no more than the bound."""
        self._check_security(collector)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        if content is not None:
            headers["Content-Type"] = "application/json"
        url = collector.rstrip("/") + path
        ends = time.monotonic() + self._settings.timeout_s
        try:
            with self._client() as client, client.stream(method, url, content=content, headers=headers) as response:
                body = bytearray()
                for piece in response.iter_raw(64 * 1024):
                    body += piece
                    if len(body) > MAX_REPLY_BYTES or time.monotonic() > ends:
                        raise UplinkError(
                            f"{collector} answers too much or too slowly; is that the collector's address?"
                        )
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            raise UplinkError(_network_sentence(collector, error)) from error
        return Answer(status=response.status_code, headers=response.headers, body=bytes(body))

    def _client(self) -> httpx.Client:
        if self._context is None:
            self._context = transport.tls_context(self._ca_file)
        return httpx.Client(verify=self._context, timeout=self._settings.timeout_s, follow_redirects=False)

    def _check_security(self, collector: str) -> None:
        try:
            warning = transport.check_security(transport.parse(collector, ("http", "https")))
        except InsecureUrlError as error:
            raise UplinkError(str(error)) from error
        except OSError as error:
            raise UplinkError(_network_sentence(collector, error)) from error
        if warning and collector not in self._warned:
            self._warned.add(collector)
            _log.warning(warning)


def printable(text: str) -> str:
    """Return text from outside as one line that is safe to show on a terminal, not too long."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(shown.split())[:_MAX_SENTENCE]


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
    if answer.status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        whole = wire.Receipt(answer="refused", reason="too_large", detail=_told(answer))
    if answer.status == httpx.codes.GONE:
        whole = wire.Receipt(answer="revoked", reason="agent_revoked", detail=_told(answer))
    if whole is not None:
        return wire.BatchReply(items=(whole,) * len(batch))
    reply = _read(_expect_success(answer, collector), wire.BatchReply, collector)
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
    )


def _read(answer: Answer, kind: type[_Reply], collector: str) -> _Reply:
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UplinkError(
            f"{collector} answered something that is not a netready collector's answer ({printable(str(error))}); "
            "check the address, and that no login page or filter stands in between"
        ) from error


def _expect_success(answer: Answer, collector: str) -> Answer:
    """Return the answer if it is one; raises UplinkError with a sentence for every other status."""
    status = answer.status
    if 200 <= status < 300:
        return answer
    if 300 <= status < 400:
        target = printable(answer.headers.get("location", "nowhere"))
        raise UplinkError(
            f"{collector} sends us to {target}; nothing was sent there: a login page stands in between, or the "
            "collector has moved: then enrol again with its new address"
        )
    told = _told(answer)
    if status == httpx.codes.GONE:
        raise RevokedError(f"{collector} no longer wants this computer: {told}")
    words = {
        401: "the collector does not know this computer; enrol it again (netready-agent enroll)",
        403: "the collector does not let this computer in",
        404: "there is no collector at this address; check the address",
        429: "the collector is busy and asks us to come back later",
        503: "the collector is busy or in maintenance and asks us to come back later",
    }.get(status, "the collector could not take it")
    raise UplinkError(f"{collector}: {words} (HTTP {status}: {told})", retry_after_s=_retry_after(answer))


def _told(answer: Answer) -> str:
    """Return the sentence of a problem document (RFC 9457), or the name of the status."""
    try:
        problem = msgspec.json.decode(answer.body, type=wire.Problem)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return httpx.codes.get_reason_phrase(answer.status) or f"status {answer.status}"
    return printable(problem.detail or problem.title)


def _retry_after(answer: Answer) -> float | None:
    """Return how long a 429 or 503 asks to wait (RFC 9110 10.2.3: seconds or a date), within our bounds."""
    text = answer.headers.get("retry-after", "").strip()
    if answer.status not in {429, 503} or not text:
        return None
    if text.isascii() and text.isdigit():
        seconds = float(text[:12])
    else:
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        # By the collector's own clock where it says so: ours may be wrong.
        seconds = (_aware(moment) - _date_of(answer)).total_seconds()
    return min(max(seconds, RETRY_AFTER_S[0]), RETRY_AFTER_S[1])


def _date_of(answer: Answer) -> datetime:
    try:
        return _aware(email.utils.parsedate_to_datetime(answer.headers.get("date", "")))
    except ValueError:
        return datetime.now(UTC)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _network_sentence(collector: str, error: Exception) -> str:
    reason = printable(str(error)) or type(error).__name__
    if isinstance(error, httpx.TimeoutException):
        return f"{collector} did not answer in time; is this computer online?"
    if isinstance(error, httpx.RemoteProtocolError | httpx.DecodingError):
        return f"{collector} does not speak HTTP ({reason}); check the address"
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return (
            f"the certificate of {collector} is not trusted ({reason}); if it has an own authority, name it in "
            "agent.toml: [agent] ca_file"
        )
    return f"{collector} cannot be reached ({reason}); is this computer online, and the address right?"


def _pause_name(collector: str) -> str:
    return f"pause {collector}"
