import pytest

from agent import enrollment, identity
from agent.contract.errors import SettingsError
from agent.enrollment import application
from agent.errors import EnrollmentError, UplinkError
from agent.settings import Settings
from agent.uplink import Uplink
from tests.agent.conftest import OTHER_SCHOOL, SCHOOL, agent_of, report_maker
from tests.fakes.collector import running


@pytest.fixture
def join(state, outbox, collector):
    """Enrol this computer with a token, nobody being asked unless ``confirm`` is given."""

    def run(token="token", confirm=None, url=collector.url, room=None):
        return enrollment.join(state, Uplink(Settings()), outbox, application(url, token, room), confirm)

    return run


def test_a_computer_joins_its_school(state, join, collector):
    """Afterwards it knows its school and policy, and the collector knows its key."""
    joined = join(room=" Room  5 ")
    assert joined.left is None
    loaded = identity.load(state)
    assert loaded.identity == joined.identity
    assert (joined.identity.school, joined.identity.room) == (SCHOOL, "Room 5")
    assert joined.identity.agent in collector.keys
    assert identity.load_policy(state) == collector.policy


def test_a_person_confirms_and_may_say_no(state, join, collector):
    """Shown the school, a person says no: nothing is bound and nothing is stored."""
    shown = []
    assert join(confirm=lambda school: shown.append(school) or False) is None
    assert shown == [SCHOOL]
    assert collector.keys == {}
    assert identity.load(state) is None
    assert join(confirm=lambda _: True).identity.school == SCHOOL


def test_a_lost_reply_is_asked_for_again_with_the_same_key(state, join, collector):
    """The collector bound the key, the reply was lost: running it again gives the same computer, not a second."""
    collector.lose_replies = 1
    with pytest.raises(UplinkError):
        join()
    assert identity.load(state) is None
    joined = join()
    assert list(collector.keys) == [joined.identity.agent]


def test_a_clear_no_frees_the_key(join, collector):
    """A key that was bound to another school by a lost reply is given up after the refusal, and a new one works."""
    collector.lose_replies = 1
    with pytest.raises(UplinkError):
        join()
    with pytest.raises(EnrollmentError, match="another school"):
        join("other")
    assert join("other").identity.school == OTHER_SCHOOL


def test_the_same_school_again_refreshes(state, join, collector):
    """Enrolling twice keeps the key and the room, and brings what changed at the collector."""
    first = join(room="Room 5")
    collector.tokens["token"] = OTHER_SCHOOL.__class__(id=SCHOOL.id, name="New name")
    second = join()
    assert second.left is None
    assert second.identity.agent == first.identity.agent
    assert (second.identity.school.name, second.identity.room) == ("New name", "Room 5")
    assert len(collector.keys) == 1


def test_another_school_gets_a_new_key_and_the_old_reports_are_still_sent(state, join, collector, outbox):
    """A computer that moves leaves its old name behind; what it measured there still arrives under it."""
    first = join()
    old = identity.load(state).key
    outbox.append(first.identity.agent, collector.url, report_maker(old))
    second = join("other")
    assert second.left == first.identity
    new = identity.load(state)
    assert new.identity.school == OTHER_SCHOOL
    assert agent_of(new.key) == new.identity.agent != first.identity.agent
    outbox.append(new.identity.agent, collector.url, report_maker(new.key))
    assert Uplink(Settings()).drain(outbox).sent == 2
    assert collector.sequences(first.identity.agent) == [1]
    assert collector.sequences(new.identity.agent) == [1]


def test_another_collector_is_another_world(state, join, collector):
    """The same school id at another collector means a new key: the old one is unknown there."""
    first = join()
    with running() as elsewhere:
        elsewhere.tokens = {"token": SCHOOL}
        second = join(url=elsewhere.url)
    assert second.left == first.identity
    assert second.identity.agent != first.identity.agent


def test_a_revoked_computer_comes_back_with_a_new_key(state, join, collector, outbox):
    """Revoked and enrolled again: a new key, and the old identity's reports stay where they are."""
    first = join()
    collector.revoked.add(first.identity.agent)
    outbox.append(first.identity.agent, collector.url, report_maker(identity.load(state).key))
    with pytest.raises(UplinkError):
        Uplink(Settings()).drain(outbox)
    second = join()
    assert second.left == first.identity
    assert second.identity.agent != first.identity.agent
    assert outbox.contents().reports == 1


def test_slips_of_copying_are_forgiven():
    """Spaces and line breaks in a token, a slash at the end of the address, spaces around both."""
    made = application(" http://127.0.0.1:8000/ ", " ab cd\u00a0ef\n", "")
    assert (made.collector, made.token, made.room) == ("http://127.0.0.1:8000", "abcdef", None)


@pytest.mark.parametrize(
    ("collector", "token", "room", "words"),
    [
        ("school.example", "t", None, "is not a URL"),
        ("ftp://school.example", "t", None, "is not a URL"),
        ("https://school.example", "  ", None, "no enrolment token"),
        ("https://school.example", "t" * 129, None, "no enrolment token"),
        ("https://school.example", "t", "r" * 129, "room's label"),
        ("https://school.example", "t", "a\x00b", "room's label"),
    ],
)
def test_wrong_words_are_told_before_anything_is_asked(collector, token, room, words):
    """What cannot be right is said at once, in a sentence."""
    with pytest.raises(SettingsError, match=words):
        application(collector, token, room)
