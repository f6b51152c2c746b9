"""Joining a school, and leaving it: a key, a token, and a person who confirms that it is the right school.

A computer that already belongs to the school is refreshed with the key it has; for another school it gets a new key,
and what the old one still has to send stays in the outbox and is sent. A copy of another computer's disk gets a new key
too: two computers with one key would tell two histories.

Who enrols many computers leaves a file ``enroll.toml`` in the state folder, or beside the settings file:

    collector = "https://collector.example"   # needed
    token = "..."                             # needed; removed from the file as soon as the computer is enrolled
    room = "Room 5"                           # where it stands; left out: the settings' room, or none
    school = "0012"                           # needed with a region's token; in quotes, zeros in front count
    recover = "..."                           # the recovery code of the key that this computer had before

``token`` may also be a whole line or address as it was given to people. The service enrols with it before it starts
(``unattended``), and goes on trying: the network may come up later, or somebody correct the file.
"""

import hashlib
import json
import logging
import time
import tomllib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from nacl.signing import SigningKey

from agent import identity, pasting, session
from agent.contract import settings_file
from agent.contract.errors import NetreadyError, SettingsError
from agent.contract.wire import EnrollReply, EnrollRequest, SchoolCard, SchoolsReply, SchoolsRequest
from agent.errors import EnrollmentError, RevokedError, StateError, UplinkError
from agent.host import files, machine, transport
from agent.identity import Enrolled, Identity
from agent.outbox import Outbox
from agent.uplink import Uplink

FILE_NAME = "enroll.toml"
_RETRY_S = (30.0, 3600.0)
_STEP_S = 10.0
_MAX_FILE_BYTES = 64 * 1024

_log = logging.getLogger(__name__)


class Joined(Struct, frozen=True, kw_only=True):
    """The outcome: who this computer is now, and the identity that it gave up for that, if any.

    ``is_new``: the key is new. ``succeeds``: the earlier key whose history goes on. ``left_told``: the school before
    knows that it was left.
    """

    identity: Identity
    left: Identity | None
    is_new: bool = False
    succeeds: str | None = None
    left_told: bool = False


class Application(Struct, frozen=True, kw_only=True):
    """What the person gave: where, with what, for which room; of a region's token which school, and whose successor.

    ``new_key``: the key that is here is another computer's too, whose disk was copied.
    """

    collector: str
    token: str
    room: str | None
    school: str | None = None
    recover: str | None = None
    new_key: bool = False


class Filed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an enroll.toml says; without a token there is nothing to do."""

    collector: str | None = None
    token: str | None = None
    room: str | None = None
    school: str | None = None
    recover: str | None = None


def application(
    collector: str | None, token: str, room: str | None, school: str | None = None, recover: str | None = None
) -> Application:
    """Read what a person typed or pasted; ``token`` may be a whole line or address, which what else is given corrects.

    Raises:
        SettingsError: says what is missing or wrong.
    """
    pasted = pasting.read(token)
    collector = (collector or "").strip() or pasted.collector
    if collector is None:
        raise SettingsError(
            "which collector? Give --collector URL, or paste the whole line or address that you were given"
        )
    collector = collector.rstrip("/")
    transport.parse(collector, ("http", "https"))
    recover = recover or pasted.recover
    return Application(
        collector=collector,
        token=pasting.token(pasted.token or ""),
        room=pasting.label(pasted.room if room is None else room),
        school=pasting.school_id(school or pasted.school),
        recover=None if recover is None else _code(recover),
    )


def choices(uplink: Uplink, wanted: Application, search: str = "") -> SchoolsReply | None:
    """Return the schools that a region's token can enrol for; None where there is nothing to choose from.

    Raises:
        EnrollmentError: the collector does not take the token.
        UplinkError: no answer.
    """
    asked = SchoolsRequest(token=wanted.token, search=" ".join(search.split())[:128])
    reply = uplink.schools(wanted.collector, asked)
    return None if reply is None or reply.region is None else reply


def join(
    state: Path, uplink: Uplink, outbox: Outbox, wanted: Application, confirm: Callable[[SchoolCard], bool] | None
) -> Joined | None:
    """Enrol this computer; return None if the person says that it is not their school.

    Args:
        state: the state folder.
        uplink: the way to the collector.
        outbox: where reports of the identity so far may wait.
        wanted: what the person gave.
        confirm: asks a person whether the school is theirs; None where nobody can be asked.

    Raises:
        EnrollmentError: the collector said no.
        UplinkError: no answer; running the same again goes on with the same key.
    """
    current = identity.load(state)
    key = new_key = identity.key_to_enroll_with(state)
    is_copied = current is not None and (wanted.new_key or is_copy(current.identity))
    if current is not None and outbox.revoked(current.identity.agent) is None and not is_copied:
        key = current.key
    school = uplink.enroll(wanted.collector, _request(wanted, key, None), key).school
    if wanted.school is not None and _folded(wanted.school) != _folded(school.id):
        raise EnrollmentError(
            f"the token is for school {school.id} ({school.name}), not for {wanted.school}; ask for that school's token"
        )
    if confirm is not None and not confirm(school):
        return None
    if current is not None and not _is_home(current.identity, wanted.collector, school):
        key = new_key
    reply = _enroll(state, uplink, wanted, key, school)
    stays = current is not None and current.identity.agent == reply.agent
    made = Identity(
        agent=reply.agent,
        school=reply.school,
        collector=wanted.collector,
        room=wanted.room or (current.identity.room if current is not None and stays else None),
        enrolled_at=datetime.now(UTC),
        machine=machine.hints(reply.school.id),
        recovery_kept=reply.recovery_kept,
    )
    identity.save(state, made, reply.policy)
    outbox.welcome(reply.agent, wanted.collector)
    if current is None or stays:
        return Joined(identity=made, left=None, is_new=not stays, succeeds=reply.succeeds)
    # Its key may still be another machine's, which goes on with it.
    told = not is_copied and _tell_school_before(uplink, current)
    return Joined(identity=made, left=current.identity, is_new=True, succeeds=reply.succeeds, left_told=told)


def leave(state: Path, uplink: Uplink, outbox: Outbox) -> Identity:
    """Send what waits, tell the collector that this computer leaves its school, and forget it; return who it was.

    Raises:
        NotEnrolledError: it belongs to no school.
        UplinkError: not everything could be sent, or the collector could not be told: nothing was changed.
    """
    current = identity.require(state)
    try:
        uplink.drain(outbox, whatever_pause=True)
        uplink.leave(current, datetime.now(UTC))
    except RevokedError:
        pass  # the collector took it out of service before: nobody has to be told
    except UplinkError as error:
        raise UplinkError(f"nothing was changed: {error}. Leave again when the collector can be reached") from error
    identity.forget(state)
    return current.identity


def is_copy(known: Identity) -> bool:
    """Tell whether this is surely another machine than the one that was enrolled: its disk was copied, or moved."""
    return machine.is_another(known.machine, machine.hints(known.school.id))


def from_file(path: Path, state: Path, uplink: Uplink, outbox: Outbox, room: str | None = None) -> Joined:
    """Enrol as a file says, nobody being asked, and remove the token from the file.

    ``room`` is taken where the file names none.

    Raises:
        SettingsError: the file cannot be read, or says too little; names the file.
        EnrollmentError: the collector said no; the file stays as it is.
        UplinkError: no answer.
    """
    filed = read_file(path)
    if filed.token is None:
        raise SettingsError(f'{path} holds no token: it was used already, or was never there; write token = "..."')
    try:
        wanted = application(filed.collector, filed.token, filed.room or room, filed.school, filed.recover)
    except SettingsError as error:
        raise SettingsError(f"{path}: {error}") from error
    joined = join(state, uplink, outbox, wanted, None)
    if joined is None:
        raise AssertionError("nobody was asked, so nobody can have said no")
    _spend(path, filed)
    return joined


def read_file(path: Path) -> Filed:
    """Read an enroll.toml; raises SettingsError naming the file and what is wrong in it."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}") from error
    if len(raw) > _MAX_FILE_BYTES:
        raise SettingsError(f"{path} is too long to say how to enrol; see agent/enrollment.py for its few lines")
    try:
        table = tomllib.loads(_text_of(path, raw))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(
            f'{path} cannot be read: {error}; write each value in double quotes, a quote inside of one as \\"'
        ) from error
    return settings_file.convert(table, Filed, str(path), "agent/enrollment.py")


def places(state: Path, config: Path | None) -> tuple[Path, ...]:
    """Return where an enroll.toml may lie: in the state folder, and beside the settings file."""
    return tuple(dict.fromkeys([state / FILE_NAME, *([config.parent / FILE_NAME] if config is not None else [])]))


def unattended(
    found: Sequence[Path],
    state: Path,
    uplink: Uplink,
    outbox: Outbox,
    room: str | None = None,
    *,
    once: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Joined | None:
    """Enrol with the first file that holds a token; wait until that works, or somebody enrols this computer by hand.

    Where there is no such file, or the computer belongs to a school already, there is nothing to do; one that was taken
    out of service belongs to none. ``once``: do not wait, raise what went wrong.

    Raises:
        StateError: this is a copy of another computer's disk, and no file says how to enrol it.
    """
    failures = 0
    while True:
        current = identity.load(state)
        file = next((path for path in found if _holds_token(path)), None)
        is_copied = current is not None and is_copy(current.identity)
        if current is not None and not is_copied and outbox.revoked(current.identity.agent) is None:
            if file is not None:
                _put_aside(file, current.identity)
            return None
        if file is None:
            if current is not None and is_copied:
                raise StateError(_copy_sentence(current))
            return None
        try:
            joined = from_file(file, state, uplink, outbox, room)
        except (EnrollmentError, UplinkError, SettingsError) as error:
            if once:
                raise
            failures += 1
            pause_s = _RETRY_S[1] if not isinstance(error, UplinkError) else _RETRY_S[0] * 2 ** min(failures - 1, 7)
            _log.warning("not enrolled yet, tried again by itself: %s", error)
            _wait(min(pause_s, _RETRY_S[1]), found, state, sleep)
        else:
            _log.info("enrolled: school %s, computer %s", joined.identity.school.id, joined.identity.agent)
            return joined


def _put_aside(file: Path, known: Identity) -> None:
    """Remove the token of a file that is not needed; the computer measures whatever is wrong with the file."""
    _log.warning("%s is not needed: this computer belongs to school %s", file, known.school.id)
    try:
        _spend(file, read_file(file))
    except SettingsError as error:
        _log.warning("%s", error)


def _wait(pause_s: float, found: Sequence[Path], state: Path, sleep: Callable[[float], None]) -> None:
    """Wait so long, or until a file is changed or somebody enrols by hand."""

    def seen() -> list[int | None]:
        return [path.stat().st_mtime_ns if path.exists() else None for path in (*found, state / "identity.json")]

    before = seen()
    for _ in range(round(pause_s / _STEP_S)):
        sleep(_STEP_S)
        if seen() != before:
            return


def _copy_sentence(current: Enrolled) -> str:
    return (
        "this is another machine than the one that was enrolled: its disk was copied, or put into another computer. Two"
        " computers must not report with one key, so nothing is measured. Enrol it with a token of its school:"
        f" netready-agent enroll --collector {current.identity.collector} --token TOKEN. If it is the same computer"
        " after a repair, add --recover with what 'netready-agent recovery-code' prints"
    )


def _holds_token(path: Path) -> bool:
    try:
        return path.exists() and read_file(path).token is not None
    except (SettingsError, OSError):
        return True  # what is wrong with it is said when it is used


def _text_of(path: Path, raw: bytes) -> str:
    """Decode what editors and scripts of Windows write too: UTF-8 with a mark in front, and UTF-16."""
    encoding = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8; save it as UTF-8, or its letters cannot be told apart") from error


def _spend(path: Path, filed: Filed) -> None:
    """Remove the token and the recovery code from a file; the rest stays, for people to see."""
    # A JSON string is a TOML basic string (toml.io 1.0, "String"), but for DEL, which no label has.
    kept = {"collector": filed.collector, "room": filed.room, "school": filed.school}
    lines = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in kept.items() if value is not None]
    if filed.collector is not None and "#" in filed.collector:
        lines = lines[1:]  # an address with its token
    try:
        files.write_atomically(path, "\n".join(["# The token was used and removed from here.", *lines, ""]).encode())
    except StateError as error:
        _log.warning("the token is still in %s and should not stay there: delete that file (%s)", path, error)


def _tell_school_before(uplink: Uplink, before: Enrolled) -> bool:
    """Tell the school before that this computer left; what still waits for it is taken nevertheless."""
    try:
        uplink.leave(before, datetime.now(UTC))
    except NetreadyError as error:
        _log.info("the school before could not be told: %s", error)
        return False
    return True


def _enroll(state: Path, uplink: Uplink, wanted: Application, key: SigningKey, school: SchoolCard) -> EnrollReply:
    try:
        reply = uplink.enroll(wanted.collector, _request(wanted, key, school), key)
    except EnrollmentError:
        # A clear no: this key has no future, perhaps because it was bound elsewhere. The next attempt makes its own.
        identity.forget_new_key(state)
        raise
    if reply.school.id != school.id:
        identity.forget_new_key(state)
        raise EnrollmentError(
            f"{wanted.collector} first named school {school.id} and then {reply.school.id}; nothing was changed here:"
            " tell whoever runs the collector"
        )
    return reply


def _request(wanted: Application, key: SigningKey, school: SchoolCard | None) -> EnrollRequest:
    """Return what is asked: without a school which one it would be, with it to belong there."""
    return EnrollRequest(
        token=wanted.token,
        public_key=bytes(key.verify_key),
        software=session.software(),
        room=wanted.room,
        preview=school is None,
        school=wanted.school,
        machine=() if school is None else machine.hints(school.id),
        recover=wanted.recover,
        recovery_sha256=None if school is None else recovery_sha256(identity.recovery_code(key)),
    )


def recovery_sha256(code: str) -> str:
    """Return what a collector keeps of a recovery code."""
    return hashlib.sha256(_code(code).encode()).hexdigest()


def _code(text: str) -> str:
    try:
        return pasting.token(text)
    except SettingsError as error:
        raise SettingsError(f"that is no recovery code: {error}") from error


def _folded(school_id: str) -> str:
    return "".join(school_id.split()).casefold()


def _is_home(current: Identity, collector: str, school: SchoolCard) -> bool:
    """Tell whether this is the school that the computer belongs to already, at the same collector."""
    return current.collector == collector and current.school.id == school.id
