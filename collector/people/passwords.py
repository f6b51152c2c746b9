"""What a password may be (NIST SP 800-63B, 3.1.1.2), and how it is kept: Argon2id as in RFC 9106, section 4."""

import re
import secrets
import threading
import unicodedata
from functools import cache
from pathlib import Path

import argon2

from collector.errors import AccountError
from collector.words import say

SHORTEST = 12
LONGEST = 128
# 3 passes over 64 MiB: the second recommended option of RFC 9106.
_HASHER = argon2.PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4)
# Each hash takes 64 MiB for a fifth of a second; a crowd at the door must not take the memory of everything else.
_AT_ONCE = threading.BoundedSemaphore(2)
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_RUNS = (
    "0123456789012345678901234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "абвгдежзийклмнопрстуфхцчшщъыьэюя",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,./",
    "йцукенгшщзхъфывапролджэячсмитьбю.",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/",
    "1q2w3e4r5t6y7u8i9o0p",
)


def hashed(password: str) -> str:
    """Return the hash of a password, with its salt and parameters."""
    with _AT_ONCE:
        return _HASHER.hash(_normal(password))


def is_right(password_hash: str | None, given: str) -> bool:
    """Tell whether a password is the right one. It takes as long where there is no account: time tells nothing."""
    known = password_hash is not None and len(given) <= LONGEST
    with _AT_ONCE:
        try:
            _HASHER.verify(password_hash if known and password_hash else _nobodys_hash(), _normal(given[:LONGEST]))
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False
    return known


def are_same(one: str, other: str) -> bool:
    """Tell whether two passwords are the same one, however their letters are composed."""
    return _normal(one) == _normal(other)


def first_password() -> str:
    """Return a random password of 99 bits that can be read out: no letters and digits that look alike."""
    groups = ("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


def check(password: str, about: tuple[str, ...] = ()) -> None:
    """Refuse a password that is guessed first; ``about`` are the words that stand beside it, as the account's name.

    Raises:
        AccountError: it is too short, too long, or one that attackers try first; says which.
    """
    text = _normal(password)
    if len(text) < SHORTEST:
        raise AccountError(
            say("a password has at least {least} characters; a few words in a row are easy to remember", least=SHORTEST)
        )
    if len(text) > LONGEST or "\0" in text:
        raise AccountError(
            say("a password has at most {most} characters, and none that is not printable", most=LONGEST)
        )
    plain = text.casefold()
    if _is_common(plain) or any(_is_about(plain, word.casefold()) for word in ("netready", *about)):
        raise AccountError(
            say("this password is one of those that are guessed first; take a few words that nobody expects")
        )


def _normal(password: str) -> str:
    # The same password typed on another keyboard or system may come as other code points (SP 800-63B, 3.1.1.2).
    return unicodedata.normalize("NFKC", password)


def _is_common(plain: str) -> bool:
    bare = re.sub(r"[\W\d_]+$", "", re.sub(r"^[\W\d_]+", "", plain))
    return plain in _commonest() or bare in _commonest() or _repeats(plain) or _runs_on(plain)


def _repeats(plain: str) -> bool:
    """Tell whether it is a short piece again and again: found inside itself, doubled."""
    period = (plain + plain).find(plain, 1)
    return period <= max(5, SHORTEST // 2) and period < len(plain)


def _runs_on(plain: str) -> bool:
    return any(plain in run or plain[::-1] in run for run in _RUNS)


def _is_about(plain: str, word: str) -> bool:
    """Tell whether what is left beside the word could be guessed at once."""
    return len(word) >= 4 and word in plain and len(plain.replace(word, "")) < 8


@cache
def _commonest() -> frozenset[str]:
    text = (Path(__file__).parent / "commonest.txt").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line and not line.startswith("#"))


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(secrets.token_urlsafe(16))
