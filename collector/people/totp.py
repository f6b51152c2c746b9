"""Time-based one-time passwords as in RFC 6238: SHA-1, six digits, a step of 30 seconds. What every such app makes."""

import base64
import hashlib
import hmac
import secrets
import struct
from urllib.parse import quote

DIGITS = 6
STEP_S = 30
# RFC 6238, 5.2: at most one step of clock difference.
_STEPS_APART = (0, -1, 1)


def new_secret() -> bytes:
    """Return a secret as long as the hash, as RFC 4226 (section 4, R6) recommends."""
    return secrets.token_bytes(20)


def code(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """Return the code of a time step (RFC 4226, 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), hashlib.sha1)
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


def step_of(secret: bytes, given: str, at: float) -> int | None:
    """Return the time step that a code belongs to, by Unix time in seconds; null where it is of none near."""
    now = int(at) // STEP_S
    matching = [now + apart for apart in _STEPS_APART if hmac.compare_digest(code(secret, now + apart), given)]
    return matching[0] if matching else None


def as_text(secret: bytes) -> str:
    """Return a secret as people type it into their app: base32, in groups of four."""
    text = base64.b32encode(secret).decode()
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def uri(secret: bytes, name: str) -> str:
    """Return the address that opens an app on the same device with everything filled in."""
    return f"otpauth://totp/netready:{quote(name)}?secret={base64.b32encode(secret).decode()}&issuer=netready"
