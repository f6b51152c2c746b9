"""Certificates that openssl made are read back, and anything else is refused."""

import functools
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.meter import certificate
from agent.meter.certificate import Certificate, Party
from tests.fakes import reflectors
from tests.fakes.certificates import Authority


def der(file: str) -> bytes:
    return ssl.PEM_cert_to_DER_cert(Path(file).read_text(encoding="ascii"))


@functools.cache
def issued() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        authority = Authority(Path(folder), subject="/C=KZ/O=Мектеп/CN=Gateway CA")
        return der(authority.issue("DNS:*.Example.kz,DNS:one.example,IP:127.0.0.1,IP:fd00::1")[0])


def test_what_openssl_made_is_read() -> None:
    """Subject, issuer, dates and every name of a real certificate are found."""
    seen = certificate.read(issued())
    assert seen.subject == Party("server", "")
    assert seen.issuer == Party("Gateway CA", "Мектеп")
    assert str(seen.issuer) == "Gateway CA of Мектеп"
    assert seen.names == ("*.example.kz", "one.example", "127.0.0.1", "fd00::1")
    assert not seen.is_self_signed
    assert seen.not_after - seen.not_before == timedelta(days=2)
    assert abs(seen.not_before - datetime.now(UTC)) < timedelta(hours=1)


def test_a_self_signed_one(tmp_path) -> None:
    """A certificate that signed itself is known for it."""
    seen = certificate.read(der(reflectors.certificate(tmp_path)[0]))
    assert seen.is_self_signed
    assert seen.is_for("LOCALHOST.")
    assert seen.is_for("127.0.0.1")


@pytest.mark.parametrize(
    ("names", "host", "fits"),
    [
        (("*.a.kz",), "b.a.kz", True),
        (("*.a.kz",), "a.kz", False),
        (("*.a.kz",), "c.b.a.kz", False),
        (("*",), "host", False),
        ((), "a.kz", False),
    ],
)
def test_a_star_stands_for_one_label(names, host, fits) -> None:
    """A wildcard covers one whole label and nothing else (RFC 6125, 6.4.3)."""
    now = datetime.now(UTC)
    seen = Certificate(subject=Party(), issuer=Party(), not_before=now, not_after=now, names=names)
    assert seen.is_for(host) is fits


@given(st.binary(max_size=200))
def test_nonsense_is_refused(data: bytes) -> None:
    """Bytes that are no certificate are a ValueError and nothing worse."""
    with pytest.raises(ValueError):
        certificate.read(data)


@given(st.integers(0, 600), st.integers(0, 255))
def test_a_damaged_one_never_does_harm(position: int, value: int) -> None:
    """A certificate with any byte changed or cut off is read or refused, and what is read can be shown."""
    whole = issued()
    position %= len(whole)
    for damaged in (whole[:position], whole[:position] + bytes((value,)) + whole[position + 1 :]):
        try:
            seen = certificate.read(damaged)
        except ValueError:
            continue
        assert str(seen.subject).isprintable()
        assert all(name.isprintable() for name in seen.names)


def test_a_huge_one_is_refused() -> None:
    """More bytes than any certificate has are not even looked at."""
    with pytest.raises(ValueError, match="more than"):
        certificate.read(b"0" * (certificate.MAX_BYTES + 1))
