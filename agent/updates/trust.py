"""Which versions there are, and their packages, by TUF metadata from any mirror: a mirror can withhold, never forge.

The metadata's rules are those of the specification (theupdateframework.github.io/specification/latest, section 5.3 to
5.7), kept by python-tuf's client. Keys are Ed25519 and verified by libsodium, which the agent has anyway.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import httpx
from nacl.exceptions import BadSignatureError
from nacl.signing import VerifyKey
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import KEY_FOR_TYPE_AND_SCHEME, Key, Signature
from tuf.api.exceptions import DownloadError, DownloadHTTPError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import TargetFile
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from agent.contract.errors import SettingsError
from agent.errors import StateError, UpdateError
from agent.exchange import printable
from agent.host import files, proxy, transport

MOST_BYTES = 200_000_000  # of one package
_FILE_WITHIN_S = 1800.0  # a package over a line of 1 Mbit/s
_SILENCE_S = 30.0
_SCHEMES = ("https", "http", "file")
# Far above what a repository of ours has, far below what would fill a small disk.
_LIMITS = UpdaterConfig(
    max_root_rotations=64,
    root_max_length=64_000,
    timestamp_max_length=16_000,
    snapshot_max_length=64_000,
    targets_max_length=2_000_000,
)

logging.getLogger("tuf").setLevel(logging.ERROR)


class Ed25519Key(Key):
    """An Ed25519 key of the metadata (RFC 8032), verified by libsodium."""

    @classmethod
    def from_dict(cls, keyid: str, key_dict: dict[str, Any]) -> Self:
        """Read a key as it stands in root.json."""
        keytype, scheme, keyval = cls._from_dict(key_dict)
        return cls(keyid, keytype, scheme, keyval, key_dict)

    def to_dict(self) -> dict[str, Any]:
        """Return it as it stands in root.json."""
        return self._to_dict()

    def verify_signature(self, signature: Signature, data: bytes) -> None:
        """Raise UnverifiedSignatureError where the signature is not this key's over these bytes."""
        try:
            public = VerifyKey(bytes.fromhex(self.keyval["public"]))
            public.verify(data, bytes.fromhex(signature.signature))
        except (BadSignatureError, ValueError, KeyError, TypeError) as error:
            raise UnverifiedSignatureError(f"the signature of key {self.keyid} is wrong") from error


# Only this kind of key: what a root with others said could not be checked without another library.
KEY_FOR_TYPE_AND_SCHEME.clear()
KEY_FOR_TYPE_AND_SCHEME["ed25519", "ed25519"] = Ed25519Key


class Way(FetcherInterface):
    """How files of a mirror are fetched: a folder (a memory stick, a share) or http(s) through the settings' proxy."""

    def __init__(self, ca_file: str | None, told_proxy: str | None) -> None:
        self._ca_file = ca_file
        self._told_proxy = told_proxy

    def _fetch(self, url: str) -> Iterator[bytes]:
        parts = urlsplit(url)
        from_folder = parts.scheme == "file"
        try:
            yield from self._from_folder(Path(unquote(parts.path))) if from_folder else self._from_web(url)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, SettingsError) as error:  # ssl's errors are OSErrors
            raise DownloadError(printable(str(error)) or type(error).__name__) from error

    def _from_folder(self, file: Path) -> Iterator[bytes]:
        try:
            with file.open("rb") as opened:
                while piece := opened.read(65_536):
                    yield piece
        except FileNotFoundError as error:
            raise DownloadHTTPError(f"there is no file {file}", 404) from error

    def _from_web(self, url: str) -> Iterator[bytes]:
        ends = time.monotonic() + _FILE_WITHIN_S
        through = proxy.of(transport.parse(url, ("http", "https")), self._told_proxy)
        context = transport.tls_context(self._ca_file)
        secured = context if through is not None and through.startswith("https:") else None
        via = None if through is None else httpx.Proxy(through, ssl_context=secured)
        client = httpx.Client(verify=context, timeout=_SILENCE_S, follow_redirects=False, proxy=via, trust_env=False)
        with client, client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
            if response.status_code != httpx.codes.OK:
                raise DownloadHTTPError(f"HTTP status {response.status_code}", response.status_code)
            for piece in response.iter_raw(65_536):
                if time.monotonic() > ends:
                    raise DownloadError(f"slower than {_FILE_WITHIN_S:.0f} s for one file")
                yield piece


class Repository:
    """The versions that were signed for, as the newest mirror that can be believed tells.

    Args:
        root: the first root metadata, which came with the program or from who installed it, never from a mirror.
        folder: where trusted metadata is kept: what was once seen cannot be taken back by showing older files.
        mirrors: base URLs, the first that works counts.
        way: how they are fetched.
    """

    def __init__(self, root: bytes, folder: Path, mirrors: Sequence[str], way: FetcherInterface) -> None:
        self._root = root
        self._folder = folder
        self._mirrors = mirrors
        self._way = way

    def package(self, version: str, platform: str, into: Path) -> Path:
        """Fetch and verify the package of a version for a platform; one that lies there already is verified again.

        Raises:
            UpdateError: says of each mirror why it was of no use.
            StateError: the disk does not take it.
        """
        name = f"{version}/{platform}"
        return self._try_each(lambda updater: self._fetched(updater, name, into))

    def _try_each(self, fetch: Callable[[Updater], Path]) -> Path:
        if not self._mirrors:
            raise UpdateError("no mirror is known: name one under [updates] mirrors in agent.toml, or in the policy")
        said = []
        for mirror in self._mirrors:
            try:
                return fetch(self._updater(mirror))
            except UpdateError as error:
                said.append(f"{mirror}: {error}")
            except (RepositoryError, DownloadError, SettingsError, ValueError) as error:
                said.append(f"{mirror}: {_sentence(error)}")
            except OSError as error:
                raise StateError(
                    f"the update cannot be kept in {self._folder} ({error.strerror or error}); is there disk space?"
                ) from error
        raise UpdateError("; ".join(said))

    def _updater(self, mirror: str) -> Updater:
        if urlsplit(mirror).scheme not in _SCHEMES:
            raise UpdateError("a mirror is https://..., http://... or file:///FOLDER")
        trusted = self._folder / "trusted"
        files.make_private_folder(trusted)
        base = mirror.rstrip("/")
        updater = Updater(
            str(trusted), f"{base}/metadata/", None, f"{base}/targets/", self._way, _LIMITS, bootstrap=self._root
        )
        updater.refresh()
        return updater

    def _fetched(self, updater: Updater, name: str, into: Path) -> Path:
        target = updater.get_targetinfo(name)
        if target is None:
            raise UpdateError(f"there is no {name} there")
        if target.length > MOST_BYTES:
            raise UpdateError(f"{name} has {target.length} bytes; {MOST_BYTES} are the most")
        if not _is_whole(target, into):
            if shutil.disk_usage(self._folder).free < 3 * target.length:
                raise StateError(f"{self._folder} has too little room for an update of {target.length} bytes")
            files.make_private_folder(into.parent)
            updater.download_target(target, str(into))
        return into


def _is_whole(target: TargetFile, file: Path) -> bool:
    try:
        target.verify_length_and_hashes(file.read_bytes())
    except (OSError, RepositoryError):
        return False
    return True


def _sentence(error: Exception) -> str:
    if isinstance(error, ExpiredMetadataError):
        return f"its metadata is out of date ({error}): the mirror stands still, or this computer's clock is wrong"
    if isinstance(error, DownloadHTTPError):
        return f"it does not give the file ({error})"
    if isinstance(error, DownloadError):
        return f"it cannot be reached ({error})"
    return f"what it gives is not to be trusted: {error}"
