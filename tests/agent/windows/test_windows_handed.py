"""From the installer's properties to an enrolment: nothing here has run on Windows."""

import pytest

from agent import enrollment
from agent.windows import handed
from tests.fakes.windows import FakeRegistry


def registry(**texts):
    return FakeRegistry({name: (f"text:{text}", 1) for name, text in texts.items()})


@pytest.mark.parametrize(
    "room",
    ['12 "А"', "#5", "C:\\new", "[~]a", 'x"\ntoken = "other', "Қ 3\t", "'''", "\ud83d", "\x7f", "\U0001f600"],
)
def test_quotes_are_harmless(tmp_path, room) -> None:
    """Whatever stands in a property stays in it: the file reads back as what was given, and says nothing else."""
    given = registry(collector="https://c.example", token="T-1", room=room, school="007")
    assert handed.take(tmp_path, given)
    filed = enrollment.read_file(tmp_path / enrollment.FILE_NAME)
    assert (filed.collector, filed.token, filed.school) == ("https://c.example", "T-1", "007")
    assert filed.room == room.strip().replace("\ud83d", "\ufffd")


def test_a_token_is_taken_once(tmp_path) -> None:
    """The token leaves the registry for the file, and a second start finds nothing."""
    given = registry(collector="https://c.example", token="T-1", room="")
    assert handed.take(tmp_path, given)
    assert "token" not in given.values
    (tmp_path / handed.FILE_NAME).unlink()
    assert not handed.take(tmp_path, given)
    assert not (tmp_path / handed.FILE_NAME).exists()


@pytest.mark.parametrize("values", [None, {}, {"token": ("text:", 1)}, {"token": (5, 4)}, {"token": ("bare", 1)}])
def test_nothing_was_given(tmp_path, values) -> None:
    """Without a key, a token or the installer's mark there is no file: the service waits for a person."""
    assert not handed.take(tmp_path, FakeRegistry(values))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_token(tmp_path) -> None:
    """Where the file cannot be written the registry still has the token for the next start."""
    given = registry(token="T-1")
    with pytest.raises(handed.files.StateError):
        handed.take(tmp_path / "nowhere", given)
    assert "token" in given.values


def test_one_name_of_the_file() -> None:
    """What is written here is what an enrolment looks for."""
    assert handed.FILE_NAME == enrollment.FILE_NAME
