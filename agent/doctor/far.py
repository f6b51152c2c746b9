"""One look at the collector that several checks share: its certificate, its clock and what it answers.

Nothing that is secret is sent: one GET of /healthz. Where the certificate is not trusted it is asked for once more
without believing it, only to name who shows it and to read its clock.
"""

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import SplitResult

import httpx
import msgspec
from msgspec import Struct

from agent.contract.errors import NetreadyError
from agent.doctor.installation import Installation
from agent.exchange import printable
from agent.host import proxy, transport
from agent.meter import certificate, interception, tls
from agent.meter.certificate import Certificate

HEALTH_PATH = "/healthz"
_STEP_S = 4.0
_BODY_BYTES = interception.BODY_BYTES


class Look(Struct, frozen=True, kw_only=True):
    """What was seen; ``trouble`` is why nothing was answered, ``distrust`` why the certificate is not believed.

    ``ahead_s`` is how far this computer's clock is ahead of the collector's. ``by_own_authority``: trusted only thanks
    to the file that the settings name.
    """

    status: int | None = None
    body: bytes = b""
    headers: dict[str, str] = {}
    ahead_s: float | None = None
    certificate: Certificate | None = None
    by_own_authority: bool = False
    trouble: str | None = None
    distrust: str | None = None
    is_intercepted: bool = False


class Far:
    """The collector as the checks see it; it is looked at once, whichever check asks first."""

    def __init__(self, here: Installation) -> None:
        self._here = here
        self._step_s = min(_STEP_S, here.settings.uplink.timeout_s)
        self._once = threading.Lock()
        self._seen: Look | None = None

    @property
    def parts(self) -> SplitResult:
        """The collector's address; raises SettingsError where it is none."""
        return transport.parse(self._here.collector or "", ("http", "https"))

    def through(self) -> str | None:
        """Return the proxy on the way; raises SettingsError where the one that is set cannot be used."""
        return proxy.of(self.parts, self._here.settings.uplink.proxy)

    def look(self) -> Look:
        """Return what one look showed."""
        with self._once:
            if self._seen is None:
                self._seen = self._look()
            return self._seen

    def _look(self) -> Look:
        ca_file = self._here.settings.agent.ca_file
        try:
            transport.check_security(self.parts)
            context = transport.tls_context(ca_file)
            seen = self._ask(context)
        except (NetreadyError, OSError) as error:
            return Look(trouble=printable(str(error)))
        except (httpx.HTTPError, httpx.InvalidURL, ssl.SSLError) as error:
            distrust = _distrust(error)
            if distrust is None:
                return Look(trouble=printable(str(error)) or type(error).__name__)
            return self._look_unbelieving(distrust)
        if ca_file is not None and seen.certificate is not None:
            with suppress(httpx.HTTPError, ssl.SSLError, OSError):
                return _replace(seen, by_own_authority=self._needs_own_authority())
        return seen

    def _look_unbelieving(self, error: ssl.SSLCertVerificationError) -> Look:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            seen = self._ask(context)
        except (httpx.HTTPError, ssl.SSLError, OSError):
            return Look(distrust=printable(error.verify_message))
        if seen.certificate is None:
            return _replace(seen, distrust=printable(error.verify_message))
        host = self.parts.hostname or ""
        failure, sentence = interception.distrusted(
            tls.WHY.get(error.verify_code, "other"), seen.certificate, (host, ""), self._here.place.clock.now()
        )
        return _replace(seen, distrust=sentence, is_intercepted=failure == "intercepted")

    def _needs_own_authority(self) -> bool:
        """Tell whether the system alone would not trust the certificate."""
        try:
            self._ask(transport.tls_context(None))
        except (httpx.HTTPError, ssl.SSLError) as error:
            return _distrust(error) is not None
        return False

    def _ask(self, context: ssl.SSLContext) -> Look:
        through = self.through()
        proxied = None
        if through is not None:
            proxied = httpx.Proxy(through, ssl_context=context if through.startswith("https:") else None)
        url = f"{(self._here.collector or '').rstrip('/')}{HEALTH_PATH}"
        with httpx.Client(
            verify=context, timeout=self._step_s, follow_redirects=False, proxy=proxied, trust_env=False
        ) as client:
            headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
            began = time.monotonic()
            with client.stream("GET", url, headers=headers) as response:
                arrived_s = self._here.place.clock.wall_s() - (time.monotonic() - began) / 2
                return Look(
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    ahead_s=_ahead_s(response.headers.get("date"), arrived_s),
                    certificate=_certificate(response.extensions["network_stream"]),
                    body=_beginning(response.iter_raw(), self._step_s),
                )


def _replace(seen: Look, **changes: Any) -> Look:
    return msgspec.structs.replace(seen, **changes)


def _ahead_s(date: str | None, at_s: float) -> float | None:
    try:
        moment = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    # The header names whole seconds that have begun: half a second later is the middle of what it may mean.
    return at_s - (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - 0.5


def _certificate(stream: Any) -> Certificate | None:
    wrapped = stream.get_extra_info("ssl_object")
    with suppress(ValueError):
        der = wrapped.getpeercert(True) if wrapped is not None else None  # in C, without keywords
        return certificate.read(der) if der else None
    return None


def _beginning(pieces: Iterator[bytes], within_s: float) -> bytes:
    """Read so much of an answer as tells whose it is, and no longer than a moment: bytes may drip."""
    body, ends = b"", time.monotonic() + within_s
    for piece in pieces:
        body += piece
        if len(body) >= _BODY_BYTES or time.monotonic() > ends:
            break
    return body[:_BODY_BYTES]


def _distrust(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return TLS's own error behind httpx's, if it is about the certificate."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, ssl.SSLCertVerificationError):
            return found
        found = found.__cause__ or found.__context__
    return None
