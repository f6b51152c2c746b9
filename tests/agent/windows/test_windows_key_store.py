"""The key at rest under a crypt32 of our own: nothing here has run on Windows."""

import ctypes

import pytest

from agent import identity
from agent.errors import StateError
from agent.host import key_store
from tests.fakes.windows import FakeProtection


def test_the_structure_is_as_long_as_windows_own() -> None:
    """DATA_BLOB has 16 bytes on x64."""
    assert ctypes.sizeof(key_store.Blob) == 16


def test_sealed_and_opened() -> None:
    """What is sealed reads back on this machine only, does not show the key, and nothing lent is kept."""
    windows = FakeProtection()
    sealed = key_store.seal(b"0123", (windows, windows))
    assert sealed.startswith(key_store.MARK)
    assert b"0123" not in bytes.fromhex(sealed.removeprefix(key_store.MARK).decode())
    assert key_store.unseal(sealed, (windows, windows)) == b"0123"
    assert windows.lent == {}
    other = FakeProtection(b"other")
    with pytest.raises(ValueError, match="another machine"):
        key_store.unseal(sealed, (other, other))


def test_a_key_from_before_is_read() -> None:
    """A key that was written before sealing is read as it is, on Windows too."""
    windows = FakeProtection()
    assert key_store.unseal(b"00ff", (windows, windows)) == b"00ff"


def test_elsewhere_nothing_changes() -> None:
    """On other systems the file's mode guards the key, and its text is what it was."""
    assert key_store.seal(b"00ff") == b"00ff"


def test_windows_refuses() -> None:
    """A key that cannot be sealed is not written in the open."""
    windows = FakeProtection()
    windows.CryptProtectData = lambda *_: 0
    with pytest.raises(StateError, match="nothing was written"):
        key_store.seal(b"00ff", (windows, windows))


def test_the_identity_seals_its_key(tmp_path, monkeypatch) -> None:
    """The key of an enrolment is sealed in its file and read back from it; a foreign one is said to be damaged."""
    windows = FakeProtection()
    monkeypatch.setattr(key_store, "_libraries", lambda: (windows, windows))
    key = identity.key_to_enroll_with(tmp_path)
    written = (tmp_path / "key.new").read_bytes()
    assert written.startswith(key_store.MARK)
    assert bytes(key).hex().encode() not in written
    assert bytes(identity.key_to_enroll_with(tmp_path)) == bytes(key)
    windows.machine = b"other"
    with pytest.raises(StateError, match="is damaged"):
        identity.key_to_enroll_with(tmp_path)
