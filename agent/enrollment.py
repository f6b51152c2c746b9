"""Joining a school: a key, a token, and a person who confirms that it is the right school.

A computer that already belongs to the school is refreshed with the key it has; for another school it gets a new key,
and what the old one still has to send stays in the outbox and is sent.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct
from nacl.signing import SigningKey

from agent import identity, session
from agent.contract import wire
from agent.contract.errors import SettingsError
from agent.contract.wire import EnrollReply, EnrollRequest, SchoolCard
from agent.errors import EnrollmentError
from agent.host import transport
from agent.identity import Identity
from agent.outbox import Outbox
from agent.uplink import Uplink


class Joined(Struct, frozen=True, kw_only=True):
    """The outcome: who this computer is now, and the identity that it gave up for that, if any."""

    identity: Identity
    left: Identity | None


class Application(Struct, frozen=True, kw_only=True):
    """What the person gave: where, with what, and for which room."""

    collector: str
    token: str
    room: str | None


def application(collector: str, token: str, room: str | None) -> Application:
    """Read what a person typed: spaces in a token are slips of copying, and so are those around anything.

    Raises:
        SettingsError: says what is missing or wrong.
    """
    collector = collector.strip().rstrip("/")
    transport.parse(collector, ("http", "https"))
    token = "".join(token.split())
    if not 0 < len(token) <= wire.MAX_TOKEN_CHARACTERS:
        raise SettingsError("that is no enrolment token: copy the whole line that the ministry or region gave you")
    room = " ".join(room.split()) if room else None
    if room is not None and not (0 < len(room) <= 128 and room.isprintable()):
        raise SettingsError("the room's label is too long or holds unreadable characters; 128 letters are allowed")
    return Application(collector=collector, token=token, room=room)


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
    if current is not None and outbox.revoked(current.identity.agent) is None:
        key = current.key
    if current is not None or confirm is not None:
        school = uplink.enroll(wanted.collector, _request(wanted, key, preview=True), key).school
        if confirm is not None and not confirm(school):
            return None
        if current is not None and not _is_home(current.identity, wanted.collector, school):
            key = new_key
    reply = _enroll(state, uplink, wanted, key)
    made = Identity(
        agent=reply.agent,
        school=reply.school,
        collector=wanted.collector,
        room=wanted.room or (current.identity.room if current and current.identity.agent == reply.agent else None),
        enrolled_at=datetime.now(UTC),
    )
    identity.save(state, made, reply.policy)
    outbox.welcome(reply.agent, wanted.collector)
    return Joined(identity=made, left=current.identity if current and current.identity.agent != reply.agent else None)


def _enroll(state: Path, uplink: Uplink, wanted: Application, key: SigningKey) -> EnrollReply:
    try:
        return uplink.enroll(wanted.collector, _request(wanted, key, preview=False), key)
    except EnrollmentError:
        # A clear no: this key has no future, perhaps because it was bound elsewhere. The next attempt makes its own.
        identity.forget_new_key(state)
        raise


def _request(wanted: Application, key: SigningKey, *, preview: bool) -> EnrollRequest:
    return EnrollRequest(
        token=wanted.token,
        public_key=bytes(key.verify_key),
        software=session.software(),
        room=wanted.room,
        preview=preview,
    )


def _is_home(current: Identity, collector: str, school: SchoolCard) -> bool:
    """Tell whether this is the school that the computer belongs to already, at the same collector."""
    return current.collector == collector and current.school.id == school.id
