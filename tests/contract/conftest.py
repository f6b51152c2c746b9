"""The golden report of every schema version, and the fixed key it was signed with."""

from pathlib import Path

import pytest
from nacl.signing import SigningKey

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def key() -> SigningKey:
    """The test key: seed 00 01 .. 1f."""
    return SigningKey(bytes(range(32)))


@pytest.fixture(scope="session")
def payload() -> bytes:
    return (GOLDEN / "report-v1.json").read_bytes()


@pytest.fixture(scope="session")
def raw_envelope() -> bytes:
    return (GOLDEN / "report-v1.envelope.json").read_bytes()


@pytest.fixture(scope="session")
def public_key() -> bytes:
    return bytes.fromhex((GOLDEN / "report-v1.public-key.hex").read_text())
