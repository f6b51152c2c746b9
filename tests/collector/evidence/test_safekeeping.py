"""Keys are made once and files are whole, whoever else is at it and whatever is in the way."""

import threading

import pytest

from collector.evidence import safekeeping
from collector.evidence.errors import KeepingError


def test_a_key_is_made_once(tmp_path) -> None:
    """Several who need it at once get the same one; it is for its owner alone."""
    file, found = tmp_path / "new" / "a.key", []
    threads = [threading.Thread(target=lambda: found.append(bytes(safekeeping.made_key(file)))) for _ in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert len(found) == 8
    assert set(found) == {bytes(safekeeping.key_in(file))}
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["a.key"]


@pytest.mark.parametrize("text", ["", "not base64!", "c2hvcnQ=\n", "\0" * 44])
def test_a_damaged_key_is_never_replaced(tmp_path, text) -> None:
    """A file that holds no key is named, and left as it is."""
    file = tmp_path / "a.key"
    file.write_text(text)
    with pytest.raises(KeepingError, match="holds no key"):
        safekeeping.made_key(file)
    assert file.read_text() == text


def test_files_that_cannot_be_read(tmp_path) -> None:
    """Too long, no text, a folder: each is said; none at all is null."""
    long, strange = tmp_path / "long", tmp_path / "strange"
    long.write_bytes(b"x" * 1_100_000)
    strange.write_bytes(b"\xff\xfe")
    for file in (long, strange, tmp_path):
        with pytest.raises(KeepingError):
            safekeeping.text_in(file)
    assert safekeeping.text_in(tmp_path / "none") is None


def test_what_is_kept_replaces_what_was(tmp_path) -> None:
    """The old text or the new one, and nothing beside it; a place that cannot be written is said."""
    file = tmp_path / "a"
    for text in ("one", "two"):
        safekeeping.keep(file, text)
        assert safekeeping.text_in(file) == text
    assert list(tmp_path.iterdir()) == [file]
    with pytest.raises(KeepingError, match="cannot be written"):
        safekeeping.keep(file / "below", "three")


def test_one_at_a_time(tmp_path) -> None:
    """A second one is told that another is in; afterwards it may."""
    with (
        safekeeping.alone(tmp_path / "lock"),
        pytest.raises(KeepingError, match="another process"),
        safekeeping.alone(tmp_path / "lock"),
    ):
        pass
    with safekeeping.alone(tmp_path / "lock"):
        pass
