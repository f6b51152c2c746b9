"""DSSE envelopes: an Ed25519 signature over the exact bytes, so that they can be checked for ever after.

Source: the DSSE v1 specification (secure-systems-lab/dsse, protocol.md) and RFC 8032.
"""

import hashlib
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from agent.contract.errors import MalformedError, SignatureError

REQUEST_TYPE = "application/vnd.netready.request"
PUBLIC_KEY_BYTES = 32
SIGNATURE_BYTES = 64


class Signature(Struct, frozen=True, kw_only=True):
    """One signature; ``keyid`` is the agent id, ``sig`` base64 on the wire."""

    keyid: Annotated[str, Meta(max_length=128)]
    sig: Annotated[bytes, Meta(max_length=128)]


class Envelope(Struct, frozen=True, kw_only=True, rename="camel"):
    """A payload with its type and signatures, as DSSE writes it in JSON (``payload`` and ``sig`` in base64)."""

    payload_type: Annotated[str, Meta(max_length=128)]
    payload: bytes
    signatures: Annotated[tuple[Signature, ...], Meta(min_length=1, max_length=4)]


_envelope_decoder: msgspec.json.Decoder[Envelope] = msgspec.json.Decoder(Envelope)


def decode_envelope(raw: bytes | msgspec.Raw) -> Envelope:
    """Read an envelope; nothing in it is believed until ``verify`` has passed.

    Raises:
        MalformedError: it is not a DSSE envelope in JSON.
    """
    try:
        return _envelope_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not a signed envelope: {error}") from error


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return DSSE's pre-authentication encoding: what is really signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def agent_id(public_key: bytes) -> str:
    """Return the id that belongs to a public key: the first 16 bytes of its SHA-256, in hex."""
    return hashlib.sha256(public_key).hexdigest()[:32]


def sign(payload_type: str, payload: bytes, key: SigningKey) -> Envelope:
    """Sign the exact payload bytes."""
    signature = key.sign(pae(payload_type, payload)).signature
    return Envelope(
        payload_type=payload_type,
        payload=payload,
        signatures=(Signature(keyid=agent_id(bytes(key.verify_key)), sig=signature),),
    )


def verify(envelope: Envelope, payload_type: str, public_key: bytes) -> bytes:
    """Return the payload if the key signed exactly these bytes under exactly this type.

    Raises:
        SignatureError: another type, no signature by this key, or a signature that does not fit.
    """
    if envelope.payload_type != payload_type:
        raise SignatureError(f"the envelope says {envelope.payload_type!r}; {payload_type!r} was expected")
    keyid = agent_id(public_key)
    for signature in envelope.signatures:
        if signature.keyid == keyid:
            _check(public_key, pae(payload_type, envelope.payload), signature.sig)
            return envelope.payload
    raise SignatureError(f"no signature by key {keyid}")


def sign_request(method: str, path: str, key: SigningKey) -> str:
    """Return the Authorization header with which an agent asks for what concerns it (nothing is changed by asking)."""
    signature = key.sign(pae(REQUEST_TYPE, f"{method} {path}".encode())).signature
    return f"Netready {agent_id(bytes(key.verify_key))}:{signature.hex()}"


def requesting_agent(authorization: str) -> tuple[str, bytes]:
    """Split an agent's Authorization header into the agent id and the signature.

    Raises:
        SignatureError: the header has another form.
    """
    scheme, _, rest = authorization.partition(" ")
    keyid, _, signature = rest.partition(":")
    try:
        raw = bytes.fromhex(signature)
    except ValueError:
        raw = b""
    if scheme.lower() != "netready" or len(raw) != SIGNATURE_BYTES:
        raise SignatureError("the Authorization header is not an agent's: expected 'Netready AGENT:SIGNATURE'")
    return keyid, raw


def verify_request(method: str, path: str, signature: bytes, public_key: bytes) -> None:
    """Check a header made by ``sign_request``; raises SignatureError if it does not fit."""
    _check(public_key, pae(REQUEST_TYPE, f"{method} {path}".encode()), signature)


def _check(public_key: bytes, message: bytes, signature: bytes) -> None:
    if len(public_key) != PUBLIC_KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        raise SignatureError("the key or the signature has the wrong length")
    try:
        VerifyKey(public_key).verify(message, signature)
    except BadSignatureError as error:
        raise SignatureError(
            "the signature does not fit the bytes: they were changed, or another key signed"
        ) from error
