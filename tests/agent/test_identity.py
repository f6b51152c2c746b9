import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from agent import identity
from agent.contract.wire import Policy
from agent.errors import NotEnrolledError, StateError
from agent.identity import Identity
from tests.agent.conftest import SCHOOL, agent_of


def saved(state: Path, key: SigningKey) -> Identity:
    """Save an identity of this key and return it."""
    who = Identity(agent=agent_of(key), school=SCHOOL, collector="http://127.0.0.1", enrolled_at=datetime.now(UTC))
    identity.save(state, who, Policy())
    return who


def test_a_key_is_on_disk_before_it_is_used(state: Path):
    """A lost reply can be asked for again with the same key, whose file only its owner can read."""
    key = identity.key_to_enroll_with(state)
    assert bytes(identity.key_to_enroll_with(state)) == bytes(key)
    if sys.platform != "win32":
        assert stat.S_IMODE((state / "key.new").stat().st_mode) == 0o600
        assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_what_was_saved_is_loaded(state: Path):
    """An enrolment survives the process."""
    assert identity.load(state) is None
    key = identity.key_to_enroll_with(state)
    who = saved(state, key)
    loaded = identity.load(state)
    assert loaded is not None
    assert loaded.identity == who
    assert bytes(loaded.key) == bytes(key)
    assert not (state / "key.new").exists()


def test_a_power_cut_between_the_files_loses_no_key(state: Path):
    """The identity decides which key file counts, so a rename that never happened is made up for later."""
    key = identity.key_to_enroll_with(state)
    saved(state, key)
    (state / "key").rename(state / "key.new")
    (state / "key").write_text(bytes(SigningKey.generate()).hex())
    loaded = identity.load(state)
    assert loaded is not None
    assert bytes(loaded.key) == bytes(key)
    assert bytes(identity.key_to_enroll_with(state)) != bytes(key)
    again = identity.load(state)
    assert again is not None
    assert bytes(again.key) == bytes(key)


def test_no_school_says_how_to_get_one(state: Path):
    """Whoever runs the service first learns the command that is missing."""
    with pytest.raises(NotEnrolledError, match="netready-agent enroll --collector URL --token TOKEN"):
        identity.require(state)


@pytest.mark.parametrize("name", ["identity.json", "key"])
def test_a_damaged_file_is_named(state: Path, name: str):
    """Damage is never overlooked: the sentence names the file and what to do."""
    saved(state, identity.key_to_enroll_with(state))
    (state / name).write_text("{")
    with pytest.raises(StateError, match=rf"{name} is damaged.*enrol again"):
        identity.load(state)


def test_a_missing_key_is_named(state: Path):
    """An identity without its key cannot sign; the sentence says so."""
    saved(state, identity.key_to_enroll_with(state))
    (state / "key").unlink()
    with pytest.raises(StateError, match="the key of this computer is missing"):
        identity.load(state)


def test_a_damaged_policy_is_no_reason_to_stop(state: Path):
    """The policy can be fetched again; meanwhile the default one holds."""
    saved(state, identity.key_to_enroll_with(state))
    (state / "policy.json").write_text("[]")
    assert identity.load_policy(state) == Policy()


def test_a_state_folder_that_cannot_be_made_is_named(tmp_path: Path):
    """A file in the way of the folder gives a sentence, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match="cannot make the folder"):
        identity.key_to_enroll_with(tmp_path / "file" / "state")


def test_this_computer_can_be_described():
    """Boot id, boot clock and time zone are real and fit the report."""
    assert identity.boot_id() == identity.boot_id() != ""
    assert identity.boot_clock_s() > 0
    assert identity.time_zone()
