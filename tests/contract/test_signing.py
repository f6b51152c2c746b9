"""Signatures: the specification's own vector, and that nothing but the signed bytes under the signed type verifies."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from agent.contract import report, signing
from agent.contract.errors import SignatureError
from agent.contract.signing import Envelope, Signature

OTHER_KEY = SigningKey(bytes(32))


def test_the_encoding_is_that_of_the_dsse_specification() -> None:
    """The pre-authentication encoding equals the vector in the DSSE v1 specification."""
    assert signing.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_lengths_are_counted_in_bytes() -> None:
    """A type outside ASCII is measured in bytes of UTF-8, as the specification says."""
    assert signing.pae("тип", b"") == "DSSEv1 6 тип 0 ".encode()


def test_the_agent_id_is_the_hash_of_its_key(public_key: bytes) -> None:
    """An agent cannot choose its id: it follows from the public key."""
    assert signing.agent_id(public_key) == "56475aa75463474c0285df5dbf2bcab7"


@given(data=st.data())
def test_a_flipped_bit_of_the_payload_fails(
    raw_envelope: bytes, public_key: bytes, payload: bytes, data: st.DataObject
) -> None:
    """One changed bit anywhere in the payload breaks the signature."""
    changed = bytearray(payload)
    changed[data.draw(st.integers(0, len(payload) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    envelope = msgspec.structs.replace(signing.decode_envelope(raw_envelope), payload=bytes(changed))
    with pytest.raises(SignatureError):
        signing.verify(envelope, report.PAYLOAD_TYPE, public_key)


@given(position=st.integers(0, 63), bit=st.integers(0, 7))
def test_a_flipped_bit_of_the_signature_fails(raw_envelope: bytes, public_key: bytes, position: int, bit: int) -> None:
    """One changed bit anywhere in the signature breaks it."""
    envelope = signing.decode_envelope(raw_envelope)
    changed = bytearray(envelope.signatures[0].sig)
    changed[position] ^= 1 << bit
    forged = (Signature(keyid=envelope.signatures[0].keyid, sig=bytes(changed)),)
    with pytest.raises(SignatureError):
        signing.verify(msgspec.structs.replace(envelope, signatures=forged), report.PAYLOAD_TYPE, public_key)


def test_another_type_fails(raw_envelope: bytes, public_key: bytes) -> None:
    """A signature for one purpose is none for another, whether the envelope admits its type or lies about it."""
    envelope = signing.decode_envelope(raw_envelope)
    with pytest.raises(SignatureError, match="expected"):
        signing.verify(envelope, "application/other", public_key)
    lying = msgspec.structs.replace(envelope, payload_type="application/other")
    with pytest.raises(SignatureError, match="does not fit"):
        signing.verify(lying, "application/other", public_key)


@pytest.mark.parametrize("length", [0, 63, 65, 128])
def test_a_signature_of_another_length_fails(public_key: bytes, length: int) -> None:
    """A signature too short or too long is refused before it is tried."""
    one = Signature(keyid=signing.agent_id(public_key), sig=bytes(length))
    with pytest.raises(SignatureError, match="wrong length"):
        signing.verify(Envelope(payload_type="t", payload=b"", signatures=(one,)), "t", public_key)


def test_another_key_is_none() -> None:
    """An envelope signed by somebody else has no signature by the agent's key, whatever key it names."""
    envelope = signing.sign("t", b"x", OTHER_KEY)
    key = bytes(SigningKey(bytes([7] * 32)).verify_key)
    with pytest.raises(SignatureError, match="no signature"):
        signing.verify(envelope, "t", key)
    posing = (Signature(keyid=signing.agent_id(key), sig=envelope.signatures[0].sig),)
    with pytest.raises(SignatureError, match="does not fit"):
        signing.verify(msgspec.structs.replace(envelope, signatures=posing), "t", key)


def test_the_right_signature_is_found_among_several(key: SigningKey, public_key: bytes) -> None:
    """An envelope may carry more signatures; the agent's own is the one that counts."""
    first, second = signing.sign("t", b"x", OTHER_KEY), signing.sign("t", b"x", key)
    both = msgspec.structs.replace(first, signatures=first.signatures + second.signatures)
    assert signing.verify(both, "t", public_key) == b"x"


def test_a_signed_request_is_read_back(key: SigningKey, public_key: bytes) -> None:
    """The header names the agent and proves its key for this method and path, and for no other."""
    agent, signature = signing.requesting_agent(signing.sign_request("GET", "/api/v1/policy", key))
    assert agent == signing.agent_id(public_key)
    signing.verify_request("GET", "/api/v1/policy", signature, public_key)
    for method, path in (("POST", "/api/v1/policy"), ("GET", "/api/v1/lease"), ("GET", "/api/v1/policy?x=1")):
        with pytest.raises(SignatureError):
            signing.verify_request(method, path, signature, public_key)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Netready",
        "Netready :",
        "Netready abc:def",
        "Bearer abc:" + "0" * 128,
        "Netready abc:" + "0" * 126,
        "Нет a:b",
    ],
)
def test_a_header_of_another_form_is_refused(header: str) -> None:
    """What is no agent's header is refused with the form that was expected."""
    with pytest.raises(SignatureError, match="Netready AGENT:SIGNATURE"):
        signing.requesting_agent(header)


def test_a_report_signature_is_no_request(raw_envelope: bytes, public_key: bytes, payload: bytes) -> None:
    """A signature taken from a report cannot be used to ask for something, nor the other way round."""
    signature = signing.decode_envelope(raw_envelope).signatures[0].sig
    with pytest.raises(SignatureError):
        signing.verify_request(*payload.decode().partition(" ")[::2], signature, public_key)
