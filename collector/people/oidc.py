"""The country's own login by OpenID Connect: the code flow with PKCE (RFC 7636), nonce, and an issuer that is checked.

Whoever logs in so gets the role that the settings name for a value of one claim, and without such a value none at all.
"""

import hashlib
import secrets
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import joserfc.errors
import msgspec
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from msgspec import Struct

from agent.contract.errors import NetreadyError, SettingsError
from collector import access
from collector.errors import AccessDenied
from collector.people.accounts import SUBJECT_PREFIX, plain
from collector.settings import OidcRole, OidcSettings
from collector.store.accounts import Subject
from collector.store.database import MINISTRY, Database, Role
from collector.words import say

# Signatures that only the issuer can make; "none" and shared secrets are not among them.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_TIMEOUT_S = 10.0
_MOST_BYTES = 1_000_000
_LEEWAY_S = 60
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class OidcError(NetreadyError):
    """The country's own login does not answer as it has to."""


class Hop(Struct, frozen=True, kw_only=True):
    """What a browser brings back from the other login: only who began there ends here. Lives in a cookie."""

    state: str
    nonce: str
    verifier: str
    then: str


class Metadata(Struct, frozen=True):
    """What an issuer says of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _Tokens(Struct, frozen=True):
    id_token: str
    access_token: str | None = None


class Provider:
    """The other login as the settings name it; asks it for its addresses and keys when they are first needed."""

    def __init__(self, settings: OidcSettings) -> None:
        check(settings)
        self._settings = settings
        self._issuer = settings.issuer or ""
        self._secret = _secret(settings)
        self._lock = threading.Lock()
        self._metadata: Metadata | None = None
        self._keys: KeySet | None = None

    def begin(self, redirect_uri: str, then: str) -> tuple[str, Hop]:
        """Return where to send the browser, and what it has to bring back; raises OidcError."""
        verifier = secrets.token_urlsafe(48)
        hop = Hop(state=secrets.token_urlsafe(32), nonce=secrets.token_urlsafe(32), verifier=verifier, then=then)
        asked = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._settings.scopes),
            "state": hop.state,
            "nonce": hop.nonce,
            "code_challenge": create_s256_code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        return str(add_params_to_uri(self._discovered().authorization_endpoint, list(asked.items()))), hop

    def finish(self, redirect_uri: str, hop: Hop, answer: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the claims of whoever comes back; raises AccessDenied where they prove nothing, or OidcError."""
        if not secrets.compare_digest(answer.get("state", "").encode(), hop.state.encode()):
            raise AccessDenied(say("this login was not begun in this browser, or too long ago; begin again"))
        if answer.get("iss", self._issuer) != self._issuer:  # RFC 9207: against mixed-up issuers
            raise AccessDenied(say("this answer is of another issuer; begin again"))
        if "error" in answer or not answer.get("code"):
            told = plain(answer.get("error_description") or answer.get("error"))
            raise AccessDenied(
                say("{login} refused: {said}", login=self._settings.title, said=told or say("no reason given"))
            )
        tokens = self._redeem(redirect_uri, hop, answer["code"])
        try:
            return self._proven(tokens, hop.nonce)
        except (joserfc.errors.JoseError, ValueError) as error:
            raise AccessDenied(
                say(
                    "the proof of {login} is not valid ({error}); begin again",
                    login=self._settings.title,
                    error=str(error),
                )
            ) from error

    def _redeem(self, redirect_uri: str, hop: Hop, code: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code[:2_048],
            "redirect_uri": redirect_uri,
            "code_verifier": hop.verifier,
            "client_id": self._settings.client_id,
        }
        login = None
        if self._secret is not None:
            login = httpx.BasicAuth(self._settings.client_id or "", self._secret)
        body = self._ask("POST", self._discovered().token_endpoint, data=form, auth=login)
        found: _Tokens = self._read(body, _Tokens)
        return found

    def _proven(self, tokens: _Tokens, nonce: str) -> Mapping[str, Any]:
        try:
            token = self._decoded(tokens.id_token)
        except (joserfc.errors.InvalidKeyIdError, joserfc.errors.BadSignatureError):
            with self._lock:
                self._keys = None  # the issuer may have changed its keys since
            token = self._decoded(tokens.id_token)
        options: Any = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._settings.client_id},
        }
        known = {"nonce": nonce, "client_id": self._settings.client_id, "access_token": tokens.access_token}
        CodeIDToken(token.claims, token.header, options, known).validate(leeway=_LEEWAY_S)
        return token.claims

    def _decoded(self, token: str) -> jwt.Token:
        registry = JWSRegistry(algorithms=_ALGORITHMS, strict_check_header=False)
        return jwt.decode(token, key=self._key_set(), registry=registry)

    def _discovered(self) -> Metadata:
        with self._lock:
            if self._metadata is None:
                body = self._ask("GET", self._issuer.rstrip("/") + "/.well-known/openid-configuration")
                found = self._read(body, Metadata)
                if found.issuer != self._issuer:
                    raise OidcError(
                        f"{self._issuer} says it is {found.issuer!r}; put that into [oidc] issuer if it is right"
                    )
                for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                    _check_address(address)
                self._metadata = found
            return self._metadata

    def _key_set(self) -> KeySet:
        address = self._discovered().jwks_uri
        with self._lock:
            if self._keys is None:
                self._keys = KeySet.import_key_set(self._read(self._ask("GET", address), dict[str, Any]))
            return self._keys

    def _ask(self, method: str, address: str, **more: Any) -> bytes:
        try:
            with (
                httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False) as client,
                client.stream(method, address, headers={"accept": "application/json"}, **more) as answer,
            ):
                body = b""
                for chunk in answer.iter_bytes():
                    body += chunk
                    if len(body) > _MOST_BYTES:
                        raise OidcError(f"{address} answered with more than {_MOST_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            told = {"login": self._settings.title, "error": str(error)}
            raise OidcError(
                say("{login} does not answer ({error}); try again, or use a local account", **told)
            ) from error
        if answer.status_code != 200:
            told = {"login": self._settings.title, "status": str(answer.status_code)}
            raise OidcError(say("{login} refused the question of this collector ({status})", **told))
        return body

    def _read(self, body: bytes, kind: Any) -> Any:
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.DecodeError as error:
            told = {"login": self._settings.title, "error": str(error)}
            raise OidcError(say("{login} answered something else than OpenID Connect: {error}", **told)) from error


def subject(database: Database, settings: OidcSettings, claims: Mapping[str, Any], now: datetime) -> Subject:
    """Return who somebody is here; raises AccessDenied for a person without a role that the settings name."""
    issuer, given = str(settings.issuer), claims["sub"]
    if not isinstance(given, str) or not 0 < len(given) <= 255:
        raise AccessDenied(say("{login} did not say who this is", login=settings.title))
    role, scope = _role(settings, claims)
    with database.reading(MINISTRY) as connection:
        access.check_holder(connection, role, scope)
    digest = hashlib.sha256(f"{issuer}\n{given}".encode()).hexdigest()
    shown = next((claims[key] for key in ("name", "preferred_username", "email") if claims.get(key)), None)
    return Subject(
        name=SUBJECT_PREFIX + digest[:20],
        full_name=plain(shown) if isinstance(shown, str) else None,
        role=role,
        scope=scope,
        issuer=issuer,
        subject=given.replace("\0", ""),
        now=now,
    )


def check(settings: OidcSettings) -> None:
    """Refuse settings of [oidc] that cannot work; raises SettingsError naming the key."""
    if settings.issuer is None or settings.client_id is None:
        raise SettingsError("[oidc] needs issuer and client_id")
    try:
        _check_address(settings.issuer)
    except OidcError as error:
        raise SettingsError(f"[oidc] issuer: {error}") from error
    for one in settings.roles:
        _check_role(one)


def _check_role(one: OidcRole) -> None:
    given = [one.scope is not None, one.scope_claim is not None].count(True)
    if given != (1 if one.role in access.SCOPED else 0):
        needs = "scope or scope_claim" if one.role in access.SCOPED else "no scope"
        raise SettingsError(f"[oidc] roles: {one.value!r} means {one.role}, which takes {needs}")


def _role(settings: OidcSettings, claims: Mapping[str, Any]) -> tuple[Role, str | None]:
    held = _values(claims.get(settings.claim))
    for one in settings.roles:
        if one.value not in held:
            continue
        if one.scope_claim is None:
            return one.role, one.scope
        scopes = _values(claims.get(one.scope_claim))
        if len(scopes) == 1:
            return one.role, scopes[0]
    raise AccessDenied(say("you are known, and no role here is meant for you; ask the ministry's administrator"))


def _values(claim: object) -> list[str]:
    """Return a claim as texts: providers send one or a list."""
    found = claim if isinstance(claim, list) else [claim]
    return [one for one in found if isinstance(one, str)]


def _secret(settings: OidcSettings) -> str | None:
    if settings.client_secret_file is None:
        return None
    try:
        return Path(settings.client_secret_file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"[oidc] client_secret_file: cannot read {settings.client_secret_file}: {error}") from error


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError as error:
        raise OidcError(f"{address!r} is no address") from error
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)):
        raise OidcError(f"{address!r} is not https")
