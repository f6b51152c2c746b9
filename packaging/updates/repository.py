"""Make and keep the repository of versions that agents update from (TUF 1.0), for whoever signs versions.

    python packaging/updates/repository.py FOLDER init --keys KEYS [--signers N --threshold M]
    python packaging/updates/repository.py FOLDER add --keys KEYS --version 0.2.0 PLATFORM=FILE...
    python packaging/updates/repository.py FOLDER freshen --keys KEYS
    python packaging/updates/repository.py FOLDER rotate --keys KEYS ROLE

KEYS is a folder with a file for each key. Those of ``root`` and ``targets`` belong on sticks in a safe, apart from each
other; ``snapshot`` and ``timestamp`` may stay on the machine that freshens every day. FOLDER is what mirrors copy, and
FOLDER/metadata/1.root.json is what agents are installed with. README.md tells the days on which what is done.
"""

import argparse
import hashlib
import secrets
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self, TypeVar

from nacl.signing import SigningKey
from securesystemslib.signer import Key, SecretsHandler, Signature, Signer
from tuf.api.metadata import Metadata, MetaFile, Role, Root, Snapshot, TargetFile, Targets, Timestamp

from agent.contract import releases
from agent.contract.errors import NetreadyError, SettingsError
from agent.updates.trust import Ed25519Key

# Long enough for people who are on holiday, short enough that a mirror that stands still is noticed.
LASTS = {
    "root": timedelta(days=730),
    "targets": timedelta(days=365),
    "snapshot": timedelta(days=30),
    "timestamp": timedelta(days=7),
}
_TARGETS = "targets"
_Signed = TypeVar("_Signed", Root, Snapshot, Targets)


class Pen(Signer):
    """Signs with an Ed25519 key of a file."""

    def __init__(self, seed: bytes) -> None:
        self._key = SigningKey(seed)
        public = bytes(self._key.verify_key).hex()
        name = hashlib.sha256(public.encode()).hexdigest()
        self._public = Ed25519Key(name, "ed25519", "ed25519", {"public": public})

    @property
    def public_key(self) -> Key:
        """The half that everybody may know."""
        return self._public

    @classmethod
    def from_priv_key_uri(
        cls,
        priv_key_uri: str,
        public_key: Key,  # noqa: ARG003 - as securesystemslib asks
        secrets_handler: SecretsHandler | None = None,  # noqa: ARG003
    ) -> Self:
        """Read ``file:PATH``."""
        return cls(bytes.fromhex(Path(priv_key_uri.removeprefix("file:")).read_text("ascii").strip()))

    def sign(self, payload: bytes) -> Signature:
        """Sign (RFC 8032)."""
        return Signature(self.public_key.keyid, self._key.sign(payload).signature.hex())


def init(folder: Path, keys: Path, *, signers: int, threshold: int, now: datetime) -> None:
    """Make keys and an empty repository.

    Args:
        folder: the repository, which must not be there.
        keys: where the keys go.
        signers: how many keys root has.
        threshold: how many of them have to sign.
        now: when.

    Raises:
        SettingsError: there is a repository already, or the numbers do not go together.
    """
    if folder.exists() and any(folder.iterdir()):
        raise SettingsError(f"{folder} is not empty; a repository is made once, and then added to")
    if not 1 <= threshold <= signers:
        raise SettingsError(f"{threshold} of {signers} keys cannot sign")
    root = Root(version=1, expires=_until("root", now), consistent_snapshot=True)
    for role in LASTS:
        for number in range(signers if role == "root" else 1):
            root.add_key(_new_key(keys, role, number).public_key, role)
    root.roles["root"] = Role(root.roles["root"].keyids, threshold)
    _write(folder, "root", Metadata(root), _pens(keys, "root", root))
    _publish(folder, keys, Targets(version=1, expires=_until(_TARGETS, now)), now)


def add(folder: Path, keys: Path, version: str, packages: Iterable[tuple[str, Path]], now: datetime) -> list[str]:
    """Add the packages of a version, by platform, and return their names; needs the targets key."""
    releases.number_of(version)
    targets = _newest(folder, _TARGETS, Targets)
    targets.version += 1
    names = []
    for platform, file in packages:
        name = f"{version}/{platform}"
        if name in targets.targets:
            raise SettingsError(
                f"{name} is there already: what was once given out is never replaced; make a new version"
            )
        info = TargetFile.from_file(name, str(file), ["sha256"])
        stored = folder / "targets" / version / f"{info.hashes['sha256']}.{platform}"
        stored.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, stored)
        targets.targets[name] = info
        names.append(name)
    _publish(folder, keys, targets, now)
    return names


def freshen(folder: Path, keys: Path, now: datetime) -> None:
    """Sign snapshot and timestamp anew, so that agents see that the repository is looked after."""
    _publish(folder, keys, None, now)


def rotate(folder: Path, keys: Path, role: str, now: datetime) -> None:
    """Give a role a new key in place of all it had; needs the root keys of before and, for root, those of after."""
    if role not in LASTS:
        raise SettingsError(f"there is no role {role!r}; there are {', '.join(LASTS)}")
    root = _newest(folder, "root", Root)
    before = _pens(keys, "root", root)
    for keyid in list(root.roles[role].keyids):
        root.revoke_key(keyid, role)
    root.add_key(_new_key(keys, role, None).public_key, role)
    root.roles[role] = Role(root.roles[role].keyids, 1)
    root.version, root.expires = root.version + 1, _until("root", now)
    _write(folder, "root", Metadata(root), [*before, *_pens(keys, "root", root)])
    targets = _newest(folder, _TARGETS, Targets) if role == _TARGETS else None
    if targets is not None:
        targets.version += 1
    _publish(folder, keys, targets, now)


def _publish(folder: Path, keys: Path, targets: Targets | None, now: datetime) -> None:
    root = _newest(folder, "root", Root)
    if targets is not None:
        targets.expires = _until(_TARGETS, now)
        _write(folder, _TARGETS, Metadata(targets), _pens(keys, _TARGETS, root))
    newest = _newest(folder, _TARGETS, Targets).version
    version = 1 + (
        _newest(folder, "snapshot", Snapshot).version if (folder / "metadata/timestamp.json").exists() else 0
    )
    listed = {"targets.json": MetaFile(newest)}
    snapshot = Snapshot(version=version, expires=_until("snapshot", now), meta=listed)
    _write(folder, "snapshot", Metadata(snapshot), _pens(keys, "snapshot", root))
    timestamp = Timestamp(version=version, expires=_until("timestamp", now), snapshot_meta=MetaFile(version))
    _write(folder, "timestamp", Metadata(timestamp), _pens(keys, "timestamp", root))


def _newest(folder: Path, role: str, kind: type[_Signed]) -> _Signed:
    files = sorted((folder / "metadata").glob(f"*.{role}.json"), key=lambda one: int(one.name.partition(".")[0]))
    if not files:
        raise SettingsError(f"there is no repository in {folder}; make one with init")
    signed = Metadata[Any].from_file(str(files[-1])).signed
    if not isinstance(signed, kind):
        raise SettingsError(f"{files[-1]} is no {role} metadata")
    return signed


def _write(folder: Path, role: str, metadata: Metadata[Any], pens: Sequence[Pen]) -> None:
    metadata.signatures.clear()
    for pen in pens:
        metadata.sign(pen, append=True)
    (folder / "metadata").mkdir(parents=True, exist_ok=True)
    name = "timestamp.json" if role == "timestamp" else f"{metadata.signed.version}.{role}.json"
    metadata.to_file(str(folder / "metadata" / name))


def _new_key(keys: Path, role: str, number: int | None) -> Pen:
    keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    seed = secrets.token_bytes(32)
    name = f"{role}-{secrets.token_hex(4)}" if number is None else f"{role}-{number + 1}"
    file = keys / f"{name}.key"
    file.touch(0o600, exist_ok=False)
    file.write_text(seed.hex() + "\n", encoding="ascii")
    return Pen(seed)


def _pens(keys: Path, role: str, root: Root) -> list[Pen]:
    """Return the keys of a role that are in the folder; raises SettingsError where they are too few."""
    there = [Pen(bytes.fromhex(file.read_text("ascii").strip())) for file in sorted(keys.glob(f"{role}-*.key"))]
    pens = [pen for pen in there if pen.public_key.keyid in root.roles[role].keyids]
    if len(pens) < root.roles[role].threshold:
        raise SettingsError(f"{len(pens)} keys of {role} are in {keys}; {root.roles[role].threshold} have to sign")
    return pens


def _until(role: str, now: datetime) -> datetime:
    return (now + LASTS[role]).replace(microsecond=0)


def main(arguments: Sequence[str]) -> int:
    """Do one of the commands above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("init", "add", "freshen", "rotate"):
        commands.add_parser(name).add_argument("--keys", type=Path, required=True)
    commands.choices["init"].add_argument("--signers", type=int, default=3)
    commands.choices["init"].add_argument("--threshold", type=int, default=2)
    commands.choices["add"].add_argument("--version", required=True)
    commands.choices["add"].add_argument("packages", nargs="+", metavar="PLATFORM=FILE")
    commands.choices["rotate"].add_argument("role")
    told = parser.parse_args(arguments)
    now = datetime.now(UTC)
    try:
        if told.command == "init":
            init(told.folder, told.keys, signers=told.signers, threshold=told.threshold, now=now)
        elif told.command == "add":
            pairs = [(platform, Path(file)) for platform, _, file in (one.partition("=") for one in told.packages)]
            print("\n".join(add(told.folder, told.keys, told.version, pairs, now)))
        elif told.command == "freshen":
            freshen(told.folder, told.keys, now)
        else:
            rotate(told.folder, told.keys, told.role, now)
    except (NetreadyError, OSError) as error:
        print(f"repository: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
