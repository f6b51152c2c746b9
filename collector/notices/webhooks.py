"""Sends a message to a webhook, signed as Standard Webhooks 1.0 asks (https://www.standardwebhooks.com)."""

import asyncio
import base64
import hashlib
import hmac
import secrets
import ssl
from collections.abc import Sequence
from datetime import datetime

import httpx
from msgspec import Struct

from agent import __version__
from collector.notices import destination
from collector.notices.destination import Network

SECRET_BYTES = 32
WHOLE_S = 10.0  # from the first look-up to the answer's head
_STEP_S = 5.0
_LONGEST_WAIT_S = 86_400
_GONE = 410


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a try. ``said`` is a sentence for whoever looks for a message that did not come."""

    is_delivered: bool
    said: str
    is_final: bool = False
    is_gone: bool = False
    wait_s: int = 0


def new_secret() -> bytes:
    """Return what the messages of a new webhook are signed with."""
    return secrets.token_bytes(SECRET_BYTES)


def shown(secret: bytes) -> str:
    """Return a secret as libraries for Standard Webhooks read it."""
    return "whsec_" + base64.b64encode(secret).decode()


def headers_of(message_id: str, body: bytes, secret: bytes, now: datetime) -> dict[str, str]:
    """Return the headers that identify and sign a message."""
    stamp = str(int(now.timestamp()))
    signed = b".".join((message_id.encode(), stamp.encode(), body))
    signature = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
        "content-type": "application/json",
        "user-agent": f"netready/{__version__}",
    }


async def post(
    url: str, headers: dict[str, str], body: bytes, allowed: Sequence[Network], trusted: ssl.SSLContext
) -> Outcome:
    """Send a message, and return what became of it; of an answer only its head is read.

    Raises:
        NoticeError: nothing may be sent to this address.
    """
    try:
        async with asyncio.timeout(WHOLE_S):
            place = await destination.find(url, allowed)
            # No proxy of the environment: it would look the name up itself.
            async with (
                httpx.AsyncClient(verify=trusted, trust_env=False, follow_redirects=False, timeout=_STEP_S) as client,
                client.stream(
                    "POST",
                    place.url,
                    content=body,
                    headers={"host": place.host_header, **headers},
                    extensions={"sni_hostname": place.host},
                ) as answer,
            ):
                return _outcome(answer)
    except (TimeoutError, httpx.TimeoutException):
        return Outcome(is_delivered=False, said="no answer in time")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return Outcome(is_delivered=False, said=f"no answer: {' '.join(str(error).split())[:200]}")


def _outcome(answer: httpx.Response) -> Outcome:
    status = answer.status_code
    if answer.is_success:
        return Outcome(is_delivered=True, said=f"answered {status}")
    if status == _GONE:
        return Outcome(is_delivered=False, said="answered 410: it wants nothing more", is_final=True, is_gone=True)
    said = f"answered {status}"
    if answer.is_redirect:
        said += "; redirects are not followed, subscribe the address where it leads"
    return Outcome(is_delivered=False, said=said, wait_s=_wait(answer.headers.get("retry-after", "")))


def _wait(text: str) -> int:
    return min(int(text), _LONGEST_WAIT_S) if text.isdecimal() and len(text) < 10 else 0
