"""A receipt's promise: what was stored will stand in the log by then; made and checked; pure."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from agent.contract import signing, wire
from collector.evidence.errors import EvidenceError

_encoder = msgspec.json.Encoder(order="deterministic")


def made(log: str, include_by: datetime, stored: Sequence[wire.Receipt], key: SigningKey) -> wire.Promise:
    """Return the promise for these receipts; those that were not stored are passed over."""
    unsigned = wire.Promise(
        log=log,
        key=signing.agent_id(bytes(key.verify_key)),
        include_by=include_by,
        sha256=hash_of(stored),
    )
    return msgspec.structs.replace(unsigned, signature=key.sign(_signed(unsigned)).signature.hex())


def hash_of(receipts: Sequence[wire.Receipt]) -> str:
    """Return the hash over the reports that receipts say are stored, in their order, in hex."""
    stored = [one.sha256 for one in receipts if one.answer in ("stored", "duplicate") and one.sha256 is not None]
    return hashlib.sha256(b"".join(map(bytes.fromhex, stored))).hexdigest()


def check(promise: wire.Promise, receipts: Sequence[wire.Receipt], public_key: bytes) -> None:
    """Check that this key promised this for these receipts.

    Raises:
        EvidenceError: it did not.
    """
    if promise.sha256 != hash_of(receipts):
        raise EvidenceError("the promise is about other reports than its receipts")
    try:
        VerifyKey(public_key).verify(_signed(promise), bytes.fromhex(promise.signature))
    except (BadSignatureError, ValueError) as error:
        raise EvidenceError(f"the promise is not signed by the key {signing.agent_id(public_key)}") from error


def _signed(promise: wire.Promise) -> bytes:
    return signing.pae(wire.PROMISE_TYPE, _encoder.encode(msgspec.structs.replace(promise, signature="")))
