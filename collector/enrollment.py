"""Enrolment: a token of a school, or of its region, binds an agent's public key to that school; leaving ends that.

A computer outlives its key: after a re-image a new key takes the earlier one's place. A recovery code proves that it is
the same computer; what its machine looks like only suggests it, and never while the earlier key is heard.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from agent.contract import signing, wire
from agent.contract.errors import MalformedError, SignatureError
from collector import policies
from collector.errors import EnrollmentRefused, NotFound
from collector.policy import policy_for
from collector.settings import PolicySettings
from collector.store import agents, audit, schools
from collector.store.audit import Who
from collector.store.database import Connection
from collector.store.schools import RegionRecord, SchoolRecord

MAX_USES = 10_000
MAX_DAYS = 3_660
# Without 0, 1, l and o: tokens are also read aloud and typed. 20 characters of 32 are 100 bits.
_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
_TOKEN_CHARACTERS = 20

# A key that was heard so lately is another computer's, whatever its machine says: a re-image is not faster than that.
ALIVE = timedelta(days=2)

_schools_decoder: msgspec.json.Decoder[wire.SchoolsRequest] = msgspec.json.Decoder(wire.SchoolsRequest)
_decoder: msgspec.json.Decoder[wire.EnrollRequest] = msgspec.json.Decoder(wire.EnrollRequest)


def token_hash(token: str) -> bytes:
    """Return what is stored of a token: its SHA-256, which is enough for a random token of 100 bits."""
    return hashlib.sha256(token.encode()).digest()


def mark_of(token: str) -> str:
    """Return what lists and the audit log call a token by."""
    return agents.mark_of(token_hash(token))


def create_token(connection: Connection, school_id: str, *, uses: int, days: int, now: datetime) -> str:
    """Make an enrolment token for a school and return it; only its hash is kept.

    Raises:
        NotFound: the registry has no such school.
    """
    if schools.school(connection, school_id) is None:
        raise NotFound(f"the registry has no school {school_id!r}; import it first or check the id (zeros count)")
    token = _new_token()
    agents.keep_token(
        connection,
        token_sha256=token_hash(token),
        school_id=school_id,
        uses=uses,
        expires_at=now + timedelta(days=days),
    )
    return token


def create_region_token(connection: Connection, region_id: str, *, uses: int, days: int, now: datetime) -> str:
    """Make a token that enrols computers of any school of a region; only its hash is kept.

    Raises:
        NotFound: there is no such region.
    """
    if region_id not in schools.regions(connection):
        raise NotFound(f"there is no region {region_id!r}; codes are ISO 3166-2, for example KZ-75")
    token = _new_token()
    expires_at = now + timedelta(days=days)
    agents.keep_region_token(
        connection, token_sha256=token_hash(token), region_id=region_id, uses=uses, expires_at=expires_at
    )
    return token


def schools_to_choose(connection: Connection, body: bytes, now: datetime) -> wire.SchoolsReply:
    """Return the schools of a region that its token can enrol for; nothing to choose for a school's own token.

    Raises:
        MalformedError: the body is no such question.
        EnrollmentRefused: the token is unknown, used up or expired.
    """
    try:
        asked = _schools_decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not a question for schools: {error}") from error
    hashed = token_hash(_typed(asked.token))
    token = agents.region_token_for_use(connection, hashed)
    if token is None:
        own = agents.token_for_use(connection, hashed)
        _check_use(asked.token, own, now)
        return wire.SchoolsReply()
    _check_use(asked.token, token, now)
    regions = schools.regions(connection)
    wanted = " ".join(asked.search.split()).casefold()
    found = [one for one in _open_schools(connection, token.region_id, now) if _has(one, wanted)]
    found.sort(key=lambda one: (one.name, one.school_id))
    about = f"region {token.region_id}"
    detail = {"enrollment": "schools listed", "search": asked.search, "found": len(found)}
    audit.note(connection, _holder(hashed), "saw", about, now=now, detail=detail)
    region = regions.get(token.region_id)
    return wire.SchoolsReply(
        region=region.name_en if region else token.region_id,
        schools=tuple(_card(one, regions) for one in found[: wire.MAX_LISTED_SCHOOLS]),
        more=max(0, len(found) - wire.MAX_LISTED_SCHOOLS),
    )


def enroll(connection: Connection, body: bytes, settings: PolicySettings, now: datetime) -> wire.EnrollReply:
    """Bind the key that signed the request to the token's school; asking again with the same key changes nothing.

    Raises:
        MalformedError: the body is no enrolment request.
        SignatureError: it is not signed by the key it names.
        EnrollmentRefused: the token is unknown, used up or expired, of another school, or the agent was revoked.
    """
    envelope = signing.decode_envelope(body)
    try:
        request = _decoder.decode(envelope.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not an enrolment request: {error}") from error
    signing.verify(envelope, wire.ENROLLMENT_TYPE, request.public_key)
    agent_id = signing.agent_id(request.public_key)
    agents.one_at_a_time(connection, agent_id)
    known = agents.agents_by_id(connection, [agent_id]).get(agent_id)
    use = _usable_token(connection, request, known, now)
    school, hashed = use.school, use.hashed
    reply = wire.EnrollReply(
        agent=agent_id,
        school=_card(school, schools.regions(connection)),
        # A preview only shows a name: what is inside a school is for its computers.
        policy=policy_for(school, policies.effective(connection, school, settings)),
    )
    if request.preview:
        return reply
    _check_school(known, school.school_id)
    if known is None or known.token_sha256 != hashed:
        _spend(connection, use, agent_id, now)
    agents.keep_agent(connection, _bound(request, hashed, school.school_id), now)
    key = school.school_id, agent_id
    recovery = None if request.recovery_sha256 is None else bytes.fromhex(request.recovery_sha256)
    agents.keep_marks(connection, key, request.machine, recovery)
    if known is None:
        _link(connection, key, request, now)
    standing = agents.standing(connection, *key)
    return msgspec.structs.replace(
        reply,
        policy=policies.made(connection, school, settings, now),
        succeeds=standing.succeeds if standing is not None else None,
        recovery_kept=recovery is not None,
    )


def require_in_service(agent: agents.AgentRecord) -> None:
    """Raise SignatureError, saying what to do, where this computer may neither ask for the line nor for its policy.

    Its reports are another matter: those of the time before are taken.
    """
    if agent.revoked_at is not None:
        raise SignatureError("this computer was taken out of service; enrol it again if that was wrong")
    if agent.ended_at is not None:
        raise SignatureError(
            f"this computer's key ended on {agent.ended_at:%Y-%m-%d} (it left, or has a newer key); enrol it again with"
            " a token of its school"
        )


def leave(connection: Connection, body: bytes, now: datetime) -> wire.LeaveReply:
    """Mark the computer that signed the request as one that left; asking again changes nothing.

    Raises:
        MalformedError: the body is no such request.
        NotFound: its key was never enrolled here.
        SignatureError: it is not signed by the key it names.
    """
    envelope = signing.decode_envelope(body)
    keyids = [one.keyid for one in envelope.signatures if "\0" not in one.keyid]
    found = agents.agents_by_id(connection, keyids, lock=True)
    agent = next((found[keyid] for keyid in keyids if keyid in found), None)
    if agent is None:
        raise NotFound("this computer's key was never enrolled here, so there is nothing to leave")
    signed = signing.verify(envelope, wire.LEAVE_TYPE, agent.public_key)
    try:
        asked = msgspec.json.decode(signed, type=wire.LeaveRequest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"the request cannot be read: {error}") from error
    if asked.agent != agent.agent_id:
        raise SignatureError(f"the request names computer {asked.agent} but is signed by {agent.agent_id}")
    if agent.revoked_at is not None or agent.ended_at is not None:
        return wire.LeaveReply(left_at=agent.revoked_at or agent.ended_at or now)
    agents.end(connection, agent.school_id, agent.agent_id, "left", now)
    who = Who(f"computer {agent.agent_id}")
    audit.note(connection, who, "changed", f"computer {agent.agent_id}", now=now, detail={"service": "left"})
    return wire.LeaveReply(left_at=now)


class _Use(Struct, frozen=True):
    """A token that may be used, and for which school."""

    hashed: bytes
    school: SchoolRecord
    is_regions: bool


def _usable_token(
    connection: Connection, request: wire.EnrollRequest, known: agents.AgentRecord | None, now: datetime
) -> _Use:
    hashed = token_hash(_typed(request.token))
    of_region = agents.region_token_for_use(connection, hashed)
    token = of_region or agents.token_for_use(connection, hashed)
    if known is not None and known.revoked_at is not None:
        raise EnrollmentRefused("this computer's key was revoked; delete its state folder and enrol it anew")
    if known is not None and known.ended_at is not None:
        raise EnrollmentRefused(
            f"this computer's key ended on {known.ended_at:%Y-%m-%d} (it left, or has a newer key);"
            " run 'netready-agent leave', then enrol it again"
        )
    is_bound_by_it = known is not None and known.token_sha256 == hashed  # the reply was lost
    if token is None or not is_bound_by_it:
        _check_use(request.token, token, now)
    if isinstance(token, agents.RegionToken):
        return _Use(hashed, _chosen(connection, token, request.school, now), is_regions=True)
    if token is None:
        raise AssertionError("a token that is not there was not refused")
    school = schools.school(connection, token.school_id)
    if school is None:
        raise EnrollmentRefused("the school of this token is no longer in the registry; ask for a new token")
    if request.school is not None and _folded(request.school) != _folded(school.school_id):
        raise EnrollmentRefused(
            f"this token is for school {school.school_id} ({school.name}), not for {request.school}; ask for the token"
            " of that school, or leave the school out"
        )
    return _Use(hashed, school, is_regions=False)


def _check_use(typed: str, token: agents.TokenRecord | agents.RegionToken | None, now: datetime) -> None:
    if token is None:
        raise EnrollmentRefused(f"this token is not known here; {_slip(_typed(typed))}")
    if token.expires_at <= now:
        raise EnrollmentRefused(f"this token expired on {token.expires_at:%Y-%m-%d}; ask for a new one")
    if token.used >= token.uses:
        raise EnrollmentRefused(f"this token was used {token.used} times, as often as allowed; ask for a new one")


def _slip(token: str) -> str:
    """Return what is probably wrong with a token that nobody made."""
    strange = sorted({letter for letter in token if letter not in _ALPHABET})
    if strange:
        return f"tokens have no 0, 1, l and o, and this one has {', '.join(strange[:5])}: look at it again"
    if len(token) != _TOKEN_CHARACTERS:
        return f"check that it was copied whole: tokens have {_TOKEN_CHARACTERS} characters, this one {len(token)}"
    return "check that it was copied whole, and that it is this collector's"


def _chosen(connection: Connection, token: agents.RegionToken, school_id: str | None, now: datetime) -> SchoolRecord:
    """Return the school of a region that was chosen; case and spaces of its id are forgiven, zeros are not."""
    if school_id is None:
        raise EnrollmentRefused(
            f"this token is of the region {token.region_id}: choose the school, with --school ID or from the list that"
            " 'netready-agent enroll' shows on a terminal (an older agent needs a token of the school)"
        )
    listed = _open_schools(connection, token.region_id, now)
    exact = [one for one in listed if one.school_id == school_id]
    found = exact or [one for one in listed if _folded(one.school_id) == _folded(school_id)]
    if len(found) == 1:
        return found[0]
    like = [one for one in listed if _folded(one.school_id).lstrip("0") == _folded(school_id).lstrip("0")]
    hint = f"; did you mean {like[0].school_id} ({like[0].name})? Zeros in front count" if len(like) == 1 else ""
    raise EnrollmentRefused(f"the region {token.region_id} has no open school {school_id}{hint}")


def _open_schools(connection: Connection, region_id: str, now: datetime) -> list[SchoolRecord]:
    listed = schools.schools(connection, region_id)
    return [one for one in listed if one.closed_on is None or one.closed_on > now.date()]


def _has(school: SchoolRecord, wanted: str) -> bool:
    return any(wanted in text.casefold() for text in (school.name, school.district or "", school.school_id))


def _spend(connection: Connection, use: _Use, agent_id: str, now: datetime) -> None:
    if not use.is_regions:
        agents.spend_token(connection, use.hashed)
        return
    agents.spend_region_token(connection, use.hashed)
    detail = {"enrollment": "computer enrolled", "computer": agent_id}
    audit.note(connection, _holder(use.hashed), "changed", f"school {use.school.school_id}", now=now, detail=detail)


def _holder(hashed: bytes) -> Who:
    return Who(f"holder of region token {agents.mark_of(hashed)}")


def _link(connection: Connection, key: tuple[str, str], request: wire.EnrollRequest, now: datetime) -> None:
    """Let a new key take the place of the computer's earlier one, if that is proven or as good as certain."""
    if request.recover is not None:
        former, how = _recovered(connection, key, request.recover), "recovery code"
    else:
        suggested = _suggested(connection, key, request, now)
        if suggested is None:
            return
        former, how = suggested, "machine"
    if agents.succeed(connection, *key, former, now):
        detail = {"service": "succeeded", "by": key[1], "known by": how}
        audit.note(connection, Who(f"computer {key[1]}"), "changed", f"computer {former}", now=now, detail=detail)
    elif request.recover is not None:
        raise EnrollmentRefused("another computer used this recovery code a moment ago; use that computer's own")


def _recovered(connection: Connection, key: tuple[str, str], code: str) -> str:
    """Return the key whose recovery code this is: the code proves, whatever else is known."""
    hashed = hashlib.sha256(_typed(code).encode()).digest()
    found = agents.by_recovery(connection, key, hashed)
    if not found:
        raise EnrollmentRefused(
            "no computer of this school has this recovery code; check that it was copied whole and that the school is"
            " right, or enrol without it: then this is a new computer"
        )
    if found[0].revoked_at is not None:
        raise EnrollmentRefused(
            "the computer of this recovery code was taken out of service, and its code with it; enrol without it"
        )
    if found[0].ended_by == "succeeded":
        raise EnrollmentRefused(
            "this recovery code was used already; the computer has a newer one, or enrol without it"
        )
    return found[0].agent_id


def _suggested(connection: Connection, key: tuple[str, str], request: wire.EnrollRequest, now: datetime) -> str | None:
    """Return the one silent key that the machine's hints point at, None where they leave any doubt.

    Copies of a disk share hints, so several with one are told apart by their rooms, and one that is alive is another.
    """
    like = agents.by_machine(connection, key, request.machine) if request.machine else []
    room = request.room
    if len(like) > 1:
        like = [one for one in like if room is not None and one.room == room]
    if len(like) != 1 or like[0].alive_at > now - ALIVE:
        return None
    known = like[0].room
    return like[0].agent_id if room is None or known is None or known == room else None


def _card(school: SchoolRecord, regions: Mapping[str, RegionRecord]) -> wire.SchoolCard:
    region = regions.get(school.region_id)
    return wire.SchoolCard(
        id=school.school_id,
        name=school.name,
        region=region.name_en if region else school.region_id,
        district=school.district,
        pupils=school.pupils,
        synthetic=school.synthetic,
    )


def _new_token() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_CHARACTERS))


def _typed(token: str) -> str:
    """Return a token as it was made, from what older agents pass on as it was typed."""
    return "".join(letter for letter in token if not letter.isspace() and letter != "-").lower()


def _folded(school_id: str) -> str:
    return "".join(school_id.split()).casefold()


def _check_school(known: agents.AgentRecord | None, school_id: str) -> None:
    if known is not None and known.school_id != school_id:
        raise EnrollmentRefused("this computer's key belongs to another school; enrol it with a new key")


def _bound(request: wire.EnrollRequest, hashed: bytes, school_id: str) -> dict[str, object]:
    return {
        "school_id": school_id,
        "agent_id": signing.agent_id(request.public_key),
        "public_key": request.public_key,
        "token_sha256": hashed,
        "room": request.room,
        "software": request.software,
    }
