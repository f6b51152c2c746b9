"""What a mirror can do: withhold. Every other thing that it tries is refused, with real metadata."""

import json
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from agent.errors import StateError, UpdateError
from agent.updates import trust
from agent.updates.trust import Repository, Way
from tests.agent.updates.conftest import PLATFORM, Versions, repository
from tests.fakes.bad_server import BadServer


@pytest.fixture
def fetch(tmp_path, versions):
    """Fetch a version as one agent does, which remembers what it saw."""

    def one(version="0.2.0", mirrors=None, root=None, platform=PLATFORM):
        mirrors = [versions.mirror] if mirrors is None else mirrors
        known = Repository(root or versions.root, tmp_path / "agent", mirrors, Way(None, "direct"))
        return known.package(version, platform, tmp_path / "agent" / "packages" / version).read_bytes()

    return one


def rewritten(file, change) -> None:
    """Change a file of metadata and leave its signatures as they were."""
    whole = json.loads(file.read_text())
    change(whole["signed"])
    file.write_text(json.dumps(whole))


def test_a_version_that_was_signed_for(fetch) -> None:
    """It is fetched; a second time nothing but its bytes on disk is looked at."""
    assert fetch() == b"program 0.2.0"
    assert fetch() == b"program 0.2.0"


def test_what_lies_on_disk_is_verified_again(tmp_path, fetch) -> None:
    """Whoever changed the package on disk is not served by it."""
    fetch()
    (tmp_path / "agent" / "packages" / "0.2.0").write_bytes(b"something else")
    assert fetch() == b"program 0.2.0"


@pytest.mark.parametrize("role", ["timestamp.json", "2.targets.json", "3.targets.json", "3.snapshot.json"])
def test_a_bad_signature_is_refused(versions, fetch, role) -> None:
    """One byte of what was signed is another: not trusted, whichever file it is."""
    rewritten(versions.metadata(role), lambda signed: signed.update(expires="2099-01-01T00:00:00Z"))
    if role == "2.targets.json":  # no longer the newest: nobody reads it
        assert fetch() == b"program 0.2.0"
        return
    with pytest.raises(UpdateError, match="not to be trusted"):
        fetch()


def test_a_key_of_ours_is_not_a_key_for_everything(tmp_path, versions, fetch) -> None:
    """Who has the online keys can make a mirror look fresh, and can sign for no version."""
    for name in versions.keys.glob("targets-*.key"):
        shutil.copyfile(next(versions.keys.glob("timestamp-*.key")), name)
    with pytest.raises(repository.SettingsError, match="0 keys of targets"):
        versions.add("0.3.0")
    forged = Versions.__new__(Versions)
    forged.__dict__.update(versions.__dict__)
    other = tmp_path / "other"
    other.mkdir()
    theirs = Versions(other)
    theirs.add("0.3.0")
    with pytest.raises(UpdateError, match="not to be trusted"):
        fetch("0.3.0", mirrors=[theirs.mirror])


def test_an_older_version_of_the_metadata_is_refused(tmp_path, versions, fetch) -> None:
    """What was seen once cannot be taken back: a mirror that goes back to an old, well signed state is refused."""
    old = tmp_path / "old"
    shutil.copytree(versions.folder, old)
    versions.add("0.3.0")
    assert fetch("0.3.0") == b"program 0.3.0"
    with pytest.raises(UpdateError, match="not to be trusted"):
        fetch("0.2.0", mirrors=[f"file://{old}"])


def test_a_frozen_mirror_is_refused(tmp_path, fetch) -> None:
    """It shows for ever what was true once; its timestamp is good for a week."""
    folder = tmp_path / "frozen"
    folder.mkdir()
    frozen = Versions(folder)
    long_ago = datetime.now(UTC) - timedelta(days=8)
    frozen.add("0.2.0", now=long_ago)
    with pytest.raises(UpdateError, match=r"out of date.*stands still, or this computer's clock is wrong"):
        fetch(mirrors=[frozen.mirror], root=frozen.root)
    repository.freshen(frozen.folder, frozen.keys, datetime.now(UTC))
    assert fetch(mirrors=[frozen.mirror], root=frozen.root) == b"program 0.2.0"


def test_a_mixed_set_is_refused(versions, fetch) -> None:
    """New targets under an old snapshot, each well signed, were never given out together."""
    shutil.copyfile(versions.metadata("3.targets.json"), versions.metadata("2.targets.json"))
    rewritten_snapshot = versions.metadata("2.snapshot.json").read_bytes()
    versions.metadata("3.snapshot.json").write_bytes(rewritten_snapshot)
    with pytest.raises(UpdateError, match="not to be trusted"):
        fetch()


@pytest.mark.parametrize("content", [b"program 0.2.1", b"", b"program 0.2.0" + bytes(10_000_000)])
def test_another_package_is_refused(tmp_path, versions, fetch, content) -> None:
    """Other bytes, none, or an endless file: nothing of it reaches the disk as a package."""
    package = next((versions.folder / "targets" / "0.2.0").iterdir())
    package.write_bytes(content)
    with pytest.raises(UpdateError, match=r"not to be trusted|cannot be reached"):
        fetch()
    assert not (tmp_path / "agent" / "packages" / "0.2.0").exists()


def test_endless_metadata_is_cut(tmp_path, fetch) -> None:
    """A mirror that never stops is left after some kilobytes."""
    sent = []

    def pour(sock) -> None:
        sock.recv(4096)
        sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while len(sent) < 10_000:
            sock.sendall(b"1000\r\n" + bytes(4096) + b"\r\n")
            sent.append(4096)

    with BadServer(pour) as server, pytest.raises(UpdateError):
        fetch(mirrors=[f"http://{server.server}"])
    assert len(sent) < 10_000


@pytest.mark.parametrize(
    "mirror", ["ftp://127.0.0.1/x", "http://127.0.0.1:1", "https://127.0.0.1:1", "file:///nowhere", "nonsense", ""]
)
def test_the_next_mirror_is_asked(versions, fetch, mirror) -> None:
    """One that is away or no mirror at all is named, and passed over where there is another."""
    assert fetch(mirrors=[mirror, versions.mirror]) == b"program 0.2.0"
    with pytest.raises(UpdateError) as caught:
        fetch("0.9.0", mirrors=[mirror])
    assert str(caught.value).startswith(f"{mirror}: ")


def test_what_is_not_there_is_said(fetch) -> None:
    """A version nobody signed, a kind of computer it was not made for, no mirror."""
    with pytest.raises(UpdateError, match=r"there is no 0\.9\.0/linux-x86_64 there"):
        fetch("0.9.0")
    with pytest.raises(UpdateError, match=r"there is no 0\.2\.0/msi-x64 there"):
        fetch(platform="msi-x64")
    with pytest.raises(UpdateError, match="no mirror is known"):
        fetch(mirrors=[])


def test_a_full_disk_is_nobodys_lie(monkeypatch, fetch) -> None:
    """It is said as what it is, and no mirror is blamed."""
    monkeypatch.setattr(trust.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 90, 10))
    with pytest.raises(StateError, match="too little room"):
        fetch()


@pytest.mark.parametrize("role", ["root", "targets", "snapshot", "timestamp"])
def test_a_role_gets_a_new_key(versions, fetch, role) -> None:
    """Agents that were installed with the first root follow over any number of steps; the old key is worth nothing."""
    assert fetch() == b"program 0.2.0"
    for _ in range(2):
        repository.rotate(versions.folder, versions.keys, role, datetime.now(UTC))
    versions.add("0.3.0")
    assert fetch("0.3.0") == b"program 0.3.0"


def test_a_root_signed_by_too_few_is_refused(versions, fetch) -> None:
    """Two of three have to sign: one that was stolen does not do."""
    repository.rotate(versions.folder, versions.keys, "timestamp", datetime.now(UTC))
    file = versions.metadata("2.root.json")
    whole = json.loads(file.read_text())
    whole["signatures"] = whole["signatures"][:1]
    file.write_text(json.dumps(whole))
    with pytest.raises(UpdateError, match="not to be trusted"):
        fetch()


def test_what_was_given_out_is_never_replaced(versions) -> None:
    """The same version with other bytes would be two versions of one name."""
    with pytest.raises(repository.SettingsError, match="never replaced"):
        versions.add("0.2.0", b"other")
