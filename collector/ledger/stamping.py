"""An authority's word on when a checkpoint was there (RFC 3161): optional, for those who trust no witness.

What it signs is kept as it came: whoever checks it later brings the authority's certificate.
"""

import hashlib

import httpx

from agent.contract.errors import SettingsError
from collector.evidence.errors import StampError

_QUERY, _REPLY = "application/timestamp-query", "application/timestamp-reply"
_TIMEOUT_S = 20.0
_MOST_BYTES = 64 * 1024
_GRANTED = (0, 1)


def stamped(url: str, data: bytes) -> bytes:
    """Return an authority's reply (DER) with the stamp of this data's SHA-512.

    Raises:
        StampError: it does not answer, refuses, or stamped something else.
        SettingsError: the package for it is not installed.
    """
    try:
        from rfc3161_client import TimestampRequestBuilder, decode_timestamp_response
    except ModuleNotFoundError as error:
        raise SettingsError("[evidence] timestamp_url needs another package: install netready[stamps]") from error
    asked = TimestampRequestBuilder().data(data).cert_request(cert_request=True).nonce(nonce=True).build()
    raw = _post(url, asked.as_bytes())
    try:
        reply = decode_timestamp_response(raw)
        if reply.status not in _GRANTED:
            raise StampError(f"the authority refuses (status {reply.status}): {'; '.join(reply.status_string)[:200]}")
        found = reply.tst_info
        fits = found.message_imprint.message == hashlib.sha512(data).digest() and found.nonce == asked.nonce
    except ValueError as error:
        raise StampError(f"the authority's reply cannot be read: {error}") from error
    if not fits:
        raise StampError("the authority stamped something else than it was asked to")
    return raw


def _post(url: str, body: bytes) -> bytes:
    try:
        with httpx.stream(
            "POST", url, content=body, headers={"content-type": _QUERY, "accept": _REPLY}, timeout=_TIMEOUT_S
        ) as answer:
            found = b""
            for chunk in answer.iter_bytes():
                found += chunk
                if len(found) > _MOST_BYTES:
                    raise StampError("the authority's reply is longer than any can be")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise StampError(f"the authority does not answer: {str(error) or type(error).__name__}") from error
    if answer.status_code != httpx.codes.OK:
        raise StampError(f"the authority answers {answer.status_code}")
    return found
