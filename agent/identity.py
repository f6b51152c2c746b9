"""Who this computer is: its key, its school and the collector's policy, each in its own small file.

The key is written before it is first used: if the collector's reply to an enrolment is lost, the same key asks again.
"""

import hmac
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec
import psutil
from msgspec import Meta, Struct
from nacl.signing import SigningKey

from agent.contract.report import AgentId
from agent.contract.signing import agent_id
from agent.contract.wire import Policy, SchoolCard
from agent.errors import NotEnrolledError, StateError
from agent.host import files, key_store, machine

_KEY = "key"
_NEW_KEY = "key.new"
_NEW_KEY_MACHINE = "key.new.machine"
_IDENTITY = "identity.json"
_POLICY = "policy.json"

_CODE_LETTERS = "23456789abcdefghijkmnpqrstuvwxyz"
_CODE_CHARACTERS = 20

_Read = TypeVar("_Read")


class Identity(Struct, frozen=True, kw_only=True):
    """The school this computer belongs to, and the collector that said so.

    ``machine``: the hints (agent.host.machine) of the computer that enrolled, empty where it had none.
    """

    agent: AgentId
    school: SchoolCard
    collector: str
    room: Annotated[str, Meta(max_length=128)] | None = None
    enrolled_at: datetime
    machine: tuple[str, ...] = ()
    recovery_kept: bool = False


class Enrolled(Struct, frozen=True, kw_only=True):
    """An identity with the key that proves it."""

    identity: Identity
    key: SigningKey


def load(state: Path) -> Enrolled | None:
    """Return who this computer is, or None before its first enrolment.

    Raises:
        StateError: the files cannot be read, or do not fit each other.
    """
    identity = _read(state / _IDENTITY, Identity)
    if identity is None:
        return None
    for name in (_KEY, _NEW_KEY):
        key = _read_key(state / name)
        if key is not None and agent_id(bytes(key.verify_key)) == identity.agent:
            return Enrolled(identity=identity, key=key)
    raise StateError(
        f"the key of this computer is missing from {state}; move {state / _IDENTITY} away and enrol again "
        "with a new token (netready-agent enroll)"
    )


def require(state: Path) -> Enrolled:
    """Return who this computer is; raises NotEnrolledError saying how to enrol."""
    enrolled = load(state)
    if enrolled is None:
        raise NotEnrolledError(
            f"this computer belongs to no school yet (nothing in {state}); run: "
            "netready-agent enroll --collector URL --token TOKEN"
        )
    return enrolled


def key_to_enroll_with(state: Path) -> SigningKey:
    """Return the key of an enrolment that is under way, made and written to disk if there is none.

    One that came with the copy of another machine's disk is not this computer's: all the copies would share it.
    """
    files.make_private_folder(state)
    key = _read_key(state / _NEW_KEY)
    current = _read(state / _IDENTITY, Identity)
    here = machine.hints("")
    if key is not None:
        if current is not None and agent_id(bytes(key.verify_key)) == current.agent:
            _promote(state)
        elif machine.is_another(_read(state / _NEW_KEY_MACHINE, tuple[str, ...]) or (), here):
            _forget_new(state)
        else:
            return key
    key = SigningKey.generate()
    files.write_atomically(state / _NEW_KEY_MACHINE, msgspec.json.encode(here))
    files.write_atomically(state / _NEW_KEY, key_store.seal(bytes(key).hex().encode()))
    return key


def recovery_code(key: SigningKey) -> str:
    """Return the code that proves that a later key belongs to the same computer; it follows from the key alone.

    100 bits (HMAC-SHA256 of the key's seed), without 0, 1, l and o: it is written down and typed.
    """
    digest = hmac.digest(bytes(key), b"netready recovery code", "sha256")
    number = int.from_bytes(digest, "big")
    letters = "".join(_CODE_LETTERS[number >> (5 * place) & 31] for place in range(_CODE_CHARACTERS))
    return "-".join(letters[start : start + 5] for start in range(0, _CODE_CHARACTERS, 5))


def forget(state: Path) -> None:
    """Forget the school: this computer left it. Its reports that wait stay; its key signs nothing more."""
    for name in (_IDENTITY, _POLICY, _NEW_KEY, _NEW_KEY_MACHINE, _KEY):
        try:
            (state / name).unlink(missing_ok=True)
        except OSError as error:
            raise StateError(f"cannot remove {state / name}: {error.strerror}; check who owns that folder") from error


def forget_new_key(state: Path) -> None:
    """Forget the key of an enrolment that was refused for good."""
    current = _read(state / _IDENTITY, Identity)
    key = _read_key(state / _NEW_KEY)
    if key is not None and (current is None or agent_id(bytes(key.verify_key)) != current.agent):
        _forget_new(state)


def save(state: Path, identity: Identity, policy: Policy) -> None:
    """Write the outcome of an enrolment; from here on ``load`` returns it, even if power fails between two files."""
    save_policy(state, policy)
    files.write_atomically(state / _IDENTITY, _encode(identity))
    key = _read_key(state / _NEW_KEY)
    if key is not None and agent_id(bytes(key.verify_key)) == identity.agent:
        _promote(state)


def save_policy(state: Path, policy: Policy) -> None:
    """Write the policy that the collector gave."""
    files.write_atomically(state / _POLICY, _encode(policy))


def load_policy(state: Path) -> Policy:
    """Return the stored policy; the default one where there is none, or where it became unreadable.

    A policy can always be fetched again, so a damaged one is no reason to stop measuring.
    """
    try:
        return _read(state / _POLICY, Policy) or Policy()
    except StateError:
        return Policy()


def boot_id() -> str:
    """Return a name for the time since this computer was switched on."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        # Rounded: some systems compute the boot time anew from a drifting clock.
        return f"boot-{round(psutil.boot_time() / 10) * 10}"


def boot_clock_s() -> float:
    """Return the seconds since this computer was switched on, sleep included where the system counts it."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def time_zone() -> str:
    """Return the IANA name of this computer's time zone, or its offset such as +0500 where it has no name."""
    import tzlocal

    try:
        name = tzlocal.get_localzone_name()
    except (LookupError, OSError, ValueError):  # conflicting or broken settings of this computer
        name = None
    return name or datetime.now(UTC).astimezone().strftime("%z")


def _promote(state: Path) -> None:
    """Let the new key take the place of the old one; ``load`` finds it under either name."""
    try:
        (state / _NEW_KEY).replace(state / _KEY)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateError(f"cannot rename the key in {state}: {error.strerror}; check who owns that folder") from error
    _forget_new(state)


def _forget_new(state: Path) -> None:
    """Remove what there is of a new key; the note goes last: a key without one would be taken for this machine's."""
    for name in (_NEW_KEY, _NEW_KEY_MACHINE):
        (state / name).unlink(missing_ok=True)


def _read_key(path: Path) -> SigningKey | None:
    raw = files.read_if_there(path)
    if raw is None:
        return None
    try:
        return SigningKey(bytes.fromhex(key_store.unseal(raw).decode("ascii")))
    except ValueError as error:
        raise StateError(
            f"the key file {path} is damaged; move it and {path.with_name(_IDENTITY)} away and enrol again with a new "
            "token (netready-agent enroll)"
        ) from error


def _read(path: Path, kind: type[_Read]) -> _Read | None:
    raw = files.read_if_there(path)
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StateError(
            f"{path} is damaged ({error}); move it away and enrol again (netready-agent enroll)"
        ) from error


def _encode(value: Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value)) + b"\n"
