"""An OpenID Connect provider on loopback: real keys, real signed tokens, PKCE checked, each code good once."""

import base64
import contextlib
import functools
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey


@functools.cache
def _usual_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


class OidcProvider:
    """What a test says about the next token stands in ``claims`` and ``spoilt``."""

    def __init__(self, address: str) -> None:
        self.issuer = address
        self.key = self.signs_with = _usual_key()
        self.algorithm = "RS256"
        self.secret: str | None = None
        self.claims: dict[str, object] = {"sub": "person-1", "name": "Айгүл Н.", "groups": ["edu-almaty"]}
        self.spoilt: dict[str, object] = {}
        self.metadata: dict[str, object] = {}
        self._codes: dict[str, dict[str, str]] = {}

    def authorize(self, address: str) -> dict[str, str]:
        """Do what a person's browser and the provider's own login do; return the parameters sent back."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}

    def token(self, form: dict[str, str], authorization: str) -> dict[str, object] | None:
        """Answer the token endpoint; null refuses."""
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or form.get("redirect_uri") != asked["redirect_uri"]:
            return None
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if challenge.decode().rstrip("=") != asked["code_challenge"]:
            return None
        if self.secret is not None:
            expected = base64.b64encode(f"{asked['client_id']}:{self.secret}".encode()).decode()
            if authorization != f"Basic {expected}":
                return None
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": asked["client_id"], "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims |= self.claims | self.spoilt
        claims = {key: value for key, value in claims.items() if value is not None}
        header = {"alg": self.algorithm, "kid": self.signs_with.kid or "one"}
        signed = jwt.encode(header, claims, self.signs_with, algorithms=[self.algorithm])
        return {"access_token": secrets.token_urlsafe(8), "token_type": "Bearer", "id_token": signed}

    def document(self, path: str) -> dict[str, object] | None:
        """Answer what the provider says of itself."""
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            } | self.metadata
        if path == "/keys":
            return {"keys": [self.key.as_dict(private=False)]}
        return None


@contextlib.contextmanager
def running():
    """Run a provider on a free port of loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    provider = OidcProvider(f"http://127.0.0.1:{server.server_address[1]}")
    server.provider = provider  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(self.server.provider.document(self.path))  # type: ignore[attr-defined]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        form = {key: values[0] for key, values in parse_qs(body).items()}
        self._answer(self.server.provider.token(form, self.headers.get("authorization", "")))  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Keep quiet."""

    def _answer(self, document: dict[str, object] | None) -> None:
        body = json.dumps(document if document is not None else {"error": "invalid_grant"}).encode()
        self.send_response(200 if document is not None else 400)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
