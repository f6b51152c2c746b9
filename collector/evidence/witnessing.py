"""A witness at work: asks a collector for its newest checkpoint, checks that the log only grew, cosigns, sends it back.

Runs with the base install, on any computer but the collector's. What it keeps in its folder is all that it knows: its
key, and of each log the last checkpoint that it cosigned. The rule itself stands in collector.evidence.witness.
"""

import hashlib
import socket
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Struct
from nacl.signing import SigningKey

from agent.contract.errors import InsecureUrlError, SettingsError
from agent.contract.values import stays_inside
from collector.evidence import note, safekeeping, witness
from collector.evidence.errors import EvidenceError, ForkError
from collector.evidence.note import Checkpoint, Key, Note

KEY = "witness.key"
_PATH = "/api/v1/evidence"
_TIMEOUT_S = 30.0
_MOST_BYTES = 256 * 1024


class Setup(Struct, frozen=True, kw_only=True):
    """Whom a witness watches: the collector, the log's key known from elsewhere, and the witness's own folder and key.

    ``token``: an API token of the collector's; null where it asks for none (on its own computer).
    """

    url: str
    log: Key
    state: Path
    key_file: Path
    name: str | None = None
    token: str | None = None


class Seen(Struct, frozen=True):
    """What was cosigned, and whether it is more than the last time."""

    checkpoint: Checkpoint
    is_new: bool


class Fork(ForkError):  # noqa: N818 - the name is the condition itself
    """Two histories of one log; both notes are kept in these files."""

    def __init__(self, message: str, kept: Note, shown: Note, files: tuple[Path, Path]) -> None:
        super().__init__(message)
        self.kept, self.shown, self.files = kept, shown, files


class _Proof(Struct, frozen=True):
    proof: tuple[bytes, ...]


def own_key(file: Path, name: str | None) -> tuple[Key, SigningKey]:
    """Return the witness's key, made if there is none, and its name too. Raises KeepingError, NoteError."""
    secret = safekeeping.made_key(file)
    public = bytes(secret.verify_key)
    return note.key(name or f"witness-{hashlib.sha256(public).hexdigest()[:8]}", "witness", public), secret


def observe(setup: Setup, now: datetime) -> Seen:
    """Look once; cosign what continues the log.

    Raises:
        Fork: the log shows another history than it did.
        EvidenceError: the collector cannot be asked, or what it answers is no checkpoint of this log.
        InsecureUrlError, SettingsError: the address cannot be used.
    """
    _check_address(setup.url)
    own, secret = own_key(setup.key_file, setup.name)
    with safekeeping.alone(setup.state / "lock"), _client(setup) as client:
        file = setup.state / f"log-{hashlib.sha256(setup.log.name.encode()).hexdigest()[:12]}.checkpoint"
        text = safekeeping.text_in(file)
        kept = None if text is None else note.read(text)
        shown = note.read(_ask(client, "GET", "/checkpoint"))
        said = _continued(setup, client, kept, shown, now)
        cosigned = Note(shown.body, (*shown.lines, note.cosign(shown.body, own.name, secret, now)))
        # First kept, then shown: whatever happens in between, this witness never puts its name under two histories.
        safekeeping.keep(file, cosigned.text)
        _ask(client, "POST", "/cosignature", content=Note(shown.body, cosigned.lines[-1:]).text)
    return Seen(said, kept is None or note.checkpoint_of(kept).size < said.size)


def _continued(setup: Setup, client: httpx.Client, kept: Note | None, shown: Note, now: datetime) -> Checkpoint:
    before = None if kept is None else note.checkpoint_of(kept)
    said = note.checkpoint_of(shown)
    proof: tuple[bytes, ...] = ()
    if before is not None and 0 < before.size < said.size and said.origin == before.origin:
        answer = _ask(client, "GET", "/consistency", params={"from": before.size, "to": said.size})
        try:
            proof = msgspec.json.decode(answer, type=_Proof).proof
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise EvidenceError(f"the collector's proof of consistency cannot be read: {error}") from error
    try:
        return witness.continued(before, shown, setup.log, proof)
    except ForkError as error:
        if kept is None:
            raise
        files = tuple(setup.state / f"fork-{now:%Y%m%dT%H%M%SZ}-{word}.note" for word in ("kept", "shown"))
        for file, one in zip(files, (kept, shown), strict=True):
            safekeeping.keep(file, one.text)
        raise Fork(str(error), kept, shown, (files[0], files[1])) from error


def _client(setup: Setup) -> httpx.Client:
    if setup.token and not (setup.token.isascii() and setup.token.isprintable()):
        raise SettingsError("the token holds characters that no token has; copy it again")
    headers = {"authorization": f"Bearer {setup.token}"} if setup.token else {}
    base = setup.url.rstrip("/") + _PATH
    return httpx.Client(base_url=base, headers=headers, timeout=_TIMEOUT_S, follow_redirects=False)


def _ask(
    client: httpx.Client,
    method: str,
    path: str,
    *,
    params: dict[str, int] | None = None,
    content: str | None = None,
) -> str:
    try:
        with client.stream(method, path, params=params, content=content) as answer:
            body = b""
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise EvidenceError(f"the collector's answer to {path} is longer than any can be")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EvidenceError(
            f"the collector does not answer ({str(error) or type(error).__name__}); try again later"
        ) from error
    text = body.decode(errors="replace")
    if answer.status_code != 200:
        raise EvidenceError(f"the collector answers {answer.status_code} to {path}: {_detail(text)}")
    return text


def _detail(text: str) -> str:
    try:
        found = msgspec.json.decode(text, type=dict[str, object]).get("detail", "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = "no reason that could be read"
    return "".join(letter for letter in str(found)[:500] if letter.isprintable())


def _check_address(url: str) -> None:
    """Refuse what would show the token to others: plain http beyond this computer and private networks."""
    try:
        parts = urlsplit(url)
        port = parts.port or 80
    except ValueError as error:
        raise SettingsError(f"{url!r} is not a URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{url!r} is not a URL that can be used here; expected for example https://host.example")
    if parts.scheme == "https":
        return
    try:
        found = {str(one[4][0]) for one in socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)}
    except OSError as error:
        raise EvidenceError(f"{parts.hostname} cannot be found: {error}") from error
    if not all(map(stays_inside, found)):
        raise InsecureUrlError(f"{url} is not encrypted and {parts.hostname} is a public address; use https:// there")
