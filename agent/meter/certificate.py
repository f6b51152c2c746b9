"""What a certificate says of itself: names, issuer and dates, read from its DER (X.690, RFC 5280); pure.

Nothing is verified here: the system has done that, and this only finds the words for what it found wrong.
"""

import ipaddress
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from msgspec import Struct

MAX_BYTES = 1 << 16
_SEQUENCE = 0x30
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87  # of a GeneralName (RFC 5280, 4.2.1.6)
_COMMON_NAME, _ORGANISATION = b"\x55\x04\x03", b"\x55\x04\x0a"  # 2.5.4.3 and 2.5.4.10
_ALTERNATIVE_NAMES = b"\x55\x1d\x11"  # 2.5.29.17
_ENCODINGS = {0x0C: "utf-8", 0x1E: "utf-16-be", 0x1C: "utf-32-be"}  # UTF8String, BMPString, UniversalString
_MOST_NAMES = 256


class Party(Struct, frozen=True):
    """A subject or an issuer, as far as it is named."""

    common_name: str = ""
    organisation: str = ""

    def __str__(self) -> str:
        both = dict.fromkeys(name for name in (self.common_name, self.organisation) if name)
        return " of ".join(both) or "somebody unnamed"


class Certificate(Struct, frozen=True, kw_only=True):
    """The few facts that a person can use; ``names`` are the hosts and addresses that it is for."""

    subject: Party
    issuer: Party
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]

    @property
    def is_self_signed(self) -> bool:
        """Whether it names itself as its issuer."""
        return self.subject == self.issuer

    def is_for(self, host: str) -> bool:
        """Tell whether it is for this host (RFC 6125: a star stands for one whole label)."""
        host = host.lower().rstrip(".")
        parent = host.partition(".")[2]
        return any(name == host or (bool(parent) and name == f"*.{parent}") for name in self.names)


class _Value(Struct, frozen=True):
    tag: int
    content: bytes


def read(der: bytes) -> Certificate:
    """Read a certificate.

    Raises:
        ValueError: it is none.
    """
    if len(der) > MAX_BYTES:
        raise ValueError(f"a certificate of more than {MAX_BYTES} bytes")
    [whole] = _values(der)
    fields = list(_values(_only(_values(whole.content), _SEQUENCE).content))
    if fields and fields[0].tag == _VERSION:
        del fields[0]
    if len(fields) < 6:
        raise ValueError("a certificate without its fields")
    _serial, _algorithm, issuer, validity, subject = fields[:5]
    begin, end = (_time(value) for value in _values(validity.content))
    party = _party(subject.content)
    return Certificate(
        subject=party,
        issuer=_party(issuer.content),
        not_before=begin,
        not_after=end,
        names=_names(fields[6:]) or tuple(filter(None, (party.common_name.lower(),))),
    )


def _values(data: bytes) -> Iterator[_Value]:
    """Walk through values that stand one behind the other (X.690, 8.1)."""
    position = 0
    while position < len(data):
        if position + 2 > len(data):
            raise ValueError("a value is cut off")
        tag, length = data[position], data[position + 1]
        position += 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4:
                raise ValueError("a value has no definite length")
            length = int.from_bytes(data[position : position + size], "big")
            position += size
        if position + length > len(data):
            raise ValueError("a value is cut off")
        yield _Value(tag, data[position : position + length])
        position += length


def _only(values: Iterator[_Value], tag: int) -> _Value:
    """Return the first value, which has to be of this kind."""
    first = next(values, None)
    if first is None or first.tag != tag:
        raise ValueError("a value of another kind than expected")
    return first


def _time(value: _Value) -> datetime:
    """Read a time (RFC 5280, 4.1.2.5); two digits of a year from 50 on are of the last century."""
    text = value.content.decode("ascii")
    if value.tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif value.tag != _GENERALIZED_TIME:
        raise ValueError("a date of an unknown kind")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _party(name: bytes) -> Party:
    found: dict[bytes, str] = {}
    for together in _values(name):
        for attribute in _values(together.content):
            kind, value = [*_values(attribute.content)][:2]
            found.setdefault(kind.content, _text(value))
    return Party(found.get(_COMMON_NAME, ""), found.get(_ORGANISATION, ""))


def _text(value: _Value) -> str:
    text = value.content.decode(_ENCODINGS.get(value.tag, "latin-1"), "replace")
    return "".join(letter for letter in text if letter.isprintable())[:100].strip()


def _names(fields: list[_Value]) -> tuple[str, ...]:
    names: list[str] = []
    for extensions in (field for field in fields if field.tag == _EXTENSIONS):
        for extension in _values(_only(_values(extensions.content), _SEQUENCE).content):
            parts = list(_values(extension.content))
            if parts and parts[0].content == _ALTERNATIVE_NAMES:
                names += filter(None, map(_name, _values(_only(_values(parts[-1].content), _SEQUENCE).content)))
    return tuple(names[:_MOST_NAMES])


def _name(value: _Value) -> str:
    if value.tag == _DNS_NAME:
        return _text(value).lower()
    if value.tag == _IP_ADDRESS:
        with suppress(ValueError):
            return str(ipaddress.ip_address(value.content))
    return ""
