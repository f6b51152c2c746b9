"""Enrolment: a token of a school binds an agent's public key to that school."""

import hashlib
import secrets
from datetime import datetime, timedelta

import msgspec

from agent.contract import signing, wire
from agent.contract.errors import MalformedError
from collector import policies
from collector.errors import EnrollmentRefused, NotFound
from collector.policy import policy_for
from collector.settings import PolicySettings
from collector.store import agents, schools
from collector.store.database import Connection

MAX_USES = 10_000
MAX_DAYS = 3_660
# Without 0, 1, l and o: tokens are also read aloud and typed. 20 characters of 32 are 100 bits.
_ALPHABET = "23456789abcdefghijkmnpqrstuvwxyz"
_TOKEN_CHARACTERS = 20

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
    token = "".join(secrets.choice(_ALPHABET) for _ in range(_TOKEN_CHARACTERS))
    agents.keep_token(
        connection,
        token_sha256=token_hash(token),
        school_id=school_id,
        uses=uses,
        expires_at=now + timedelta(days=days),
    )
    return token


def enroll(connection: Connection, body: bytes, settings: PolicySettings, now: datetime) -> wire.EnrollReply:
    """Bind the key that signed the request to the token's school; asking again with the same key changes nothing.

    Raises:
        MalformedError: the body is no enrolment request.
        SignatureError: it is not signed by the key it names.
        EnrollmentRefused: the token is unknown, used up or expired, or the agent was revoked.
    """
    envelope = signing.decode_envelope(body)
    try:
        request = _decoder.decode(envelope.payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedError(f"not an enrolment request: {error}") from error
    signing.verify(envelope, wire.ENROLLMENT_TYPE, request.public_key)
    agent_id = signing.agent_id(request.public_key)
    agents.one_at_a_time(connection, agent_id)
    hashed = token_hash(request.token.strip())
    known = agents.agents_by_id(connection, [agent_id]).get(agent_id)
    token = _usable_token(connection, hashed, known, now)
    school = schools.school(connection, token.school_id)
    if school is None:
        raise EnrollmentRefused("the school of this token is no longer in the registry; ask for a new token")
    if not request.preview:
        _check_school(known, token.school_id)
        if known is None or known.token_sha256 != hashed:
            agents.spend_token(connection, hashed)
        agents.keep_agent(connection, _bound(request, hashed, token.school_id), now)
    region = schools.regions(connection).get(school.region_id)
    # A preview only shows a name: what is inside a school is for its computers.
    if request.preview:
        policy = policy_for(school, policies.effective(connection, school, settings))
    else:
        policy = policies.made(connection, school, settings, now)
    return wire.EnrollReply(
        agent=agent_id,
        school=wire.SchoolCard(
            id=school.school_id,
            name=school.name,
            region=region.name_en if region else school.region_id,
            district=school.district,
            pupils=school.pupils,
            synthetic=school.synthetic,
        ),
        policy=policy,
    )


def _usable_token(
    connection: Connection, hashed: bytes, known: agents.AgentRecord | None, now: datetime
) -> agents.TokenRecord:
    token = agents.token_for_use(connection, hashed)
    if token is None:
        raise EnrollmentRefused("this token is not known here; check that it was copied whole")
    if known is not None and known.revoked_at is not None:
        raise EnrollmentRefused("this computer's key was revoked; delete its state folder and enrol it anew")
    if known is not None and known.school_id == token.school_id and known.token_sha256 == hashed:
        return token  # already bound by it: the reply was lost
    if token.expires_at <= now:
        raise EnrollmentRefused(f"this token expired on {token.expires_at:%Y-%m-%d}; ask for a new one")
    if token.used >= token.uses:
        raise EnrollmentRefused(f"this token was used {token.used} times, as often as allowed; ask for a new one")
    return token


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
