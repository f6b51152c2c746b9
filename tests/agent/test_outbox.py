import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import msgspec
import pytest
from nacl.signing import SigningKey

from agent.contract import report, signing, wire
from agent.contract.errors import MalformedError
from agent.errors import StateError
from agent.outbox import KEPT_REFUSALS, KEPT_SESSIONS, RESERVED_AHEAD, Outbox, Waiting
from tests.agent.conftest import agent_of, report_maker

URL = "http://collector"

APPENDER = """
    import sys
    from pathlib import Path
    from nacl.signing import SigningKey
    from agent.outbox import Outbox
    from tests.agent.conftest import agent_of, report_maker
    key = SigningKey(bytes.fromhex(sys.argv[2]))
    outbox = Outbox(Path(sys.argv[1]), max_bytes=2**30, max_age_days=90)
    while True:
        envelope = outbox.append(agent_of(key), "http://collector", report_maker(key))
        print(envelope.payload.decode(), flush=True)
"""


def payloads(outbox: Outbox) -> list[bytes]:
    """Return the payloads that wait, oldest first."""
    return [msgspec.json.decode(one.envelope, type=signing.Envelope).payload for one in outbox.oldest(URL, 10**6)]


def assert_chain(chain: list[bytes], first: int = 1) -> None:
    """Check that numbers follow each other and every report names the one before."""
    reports = [report.decode(payload) for payload in chain]
    assert [one.sequence for one in reports] == list(range(first, first + len(chain)))
    for before, after in zip(chain, reports[1:], strict=False):
        assert after.previous == report.sha256_hex(before)


def test_reports_form_a_chain(outbox, key, make_report):
    """Numbers start at 1, follow each other, and each report names the hash of the one before."""
    for _ in range(5):
        outbox.append(agent_of(key), URL, make_report)
    chain = payloads(outbox)
    assert report.decode(chain[0]).previous is None
    assert_chain(chain)


def test_the_chain_goes_on_when_its_reports_are_gone(state, outbox, key, make_report):
    """Sent reports leave; the next one still gets the next number and the right hash, in a new process too."""
    first = outbox.append(agent_of(key), URL, make_report)
    waiting = outbox.oldest(URL, 1)[0]
    outbox.settle([(waiting, wire.Receipt(answer="stored"))])
    again = Outbox(state, max_bytes=2**26, max_age_days=90)
    second = report.decode(again.append(agent_of(key), URL, make_report).payload)
    assert (second.sequence, second.previous) == (2, report.sha256_hex(first.payload))


def test_a_report_that_cannot_be_made_takes_no_number(outbox, key, make_report):
    """Nothing half done: when making fails, the number is still free."""

    def fail(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        outbox.append(agent_of(key), URL, fail)
    with pytest.raises(MalformedError):
        outbox.append(agent_of(key), URL, lambda _: signing.sign("x", b"{}", key))
    assert report.decode(outbox.append(agent_of(key), URL, make_report).payload).sequence == 1


def test_the_oldest_make_room_and_are_counted(state, key, make_report):
    """Over the size bound the oldest go, never the newest, and later reports say how many went."""
    small = Outbox(state, max_bytes=3000, max_age_days=90)
    for _ in range(20):
        small.append(agent_of(key), URL, make_report)
    chain = payloads(small)
    contents = small.contents()
    assert contents.bytes <= 3000
    assert contents.dropped + contents.reports == 20
    assert report.decode(chain[-1]).sequence == 20
    last = report.decode(small.append(agent_of(key), URL, make_report).payload)
    assert last.dropped == contents.dropped > 0


def test_one_report_larger_than_the_bound_is_kept(state, key):
    """The newest fact is never lost to the bound, whatever its size."""
    tiny = Outbox(state, max_bytes=1, max_age_days=90)
    for _ in range(3):
        tiny.append(agent_of(key), URL, report_maker(key, room="r" * 128))
    assert [report.decode(one).sequence for one in payloads(tiny)] == [3]


def test_old_reports_are_dropped_and_counted(state, key, make_report):
    """Past the age bound a report is history that nobody waits for."""
    now = [1_000_000.0]
    outbox = Outbox(state, max_bytes=2**26, max_age_days=1, clock=lambda: now[0])
    for _ in range(4):
        outbox.append(agent_of(key), URL, make_report)
        now[0] += 36_000
    assert [report.decode(one).sequence for one in payloads(outbox)] == [2, 3, 4]
    assert outbox.contents().dropped == 1


@pytest.mark.parametrize("first_s", [1_230_768_000.0, 1_800_000_000.0, 4_000_000_000.0])
def test_a_jump_of_the_clock_drops_nothing(state, key, make_report, first_s):
    """A clock years behind or ahead, and put right again, costs no report that was not sent."""
    now = [first_s]
    outbox = Outbox(state, max_bytes=2**26, max_age_days=90, clock=lambda: now[0])
    for moment in (first_s, 1_800_000_000.0, 1_830_000_000.0, 4_000_000_000.0, 1_800_000_500.0):
        now[0] = moment
        outbox.append(agent_of(key), URL, make_report)
    assert [report.decode(one).sequence for one in payloads(outbox)] == [1, 2, 3, 4, 5]
    assert outbox.contents().dropped == 0


def test_refused_reports_are_kept_aside_within_bounds(outbox, key, make_report):
    """A refusal is remembered with its reason, goes no more to the collector, and does not pile up for ever."""
    for _ in range(KEPT_REFUSALS + 5):
        outbox.append(agent_of(key), URL, make_report)
    no = wire.Receipt(answer="refused", reason="wrong_school", detail="not yours")
    outbox.settle([(one, no) for one in outbox.oldest(URL, 10**6)])
    assert outbox.collectors() == []
    assert outbox.contents().refused == KEPT_REFUSALS
    newest = outbox.refusals(1)[0]
    assert (newest.sequence, newest.reason, newest.detail) == (KEPT_REFUSALS + 5, "wrong_school", "not yours")


def test_a_revoked_agent_keeps_its_reports_until_it_is_welcome_again(outbox, key, make_report):
    """Revoked: nothing is sent and nothing is lost; enrolled again, everything goes to the new address."""
    outbox.append(agent_of(key), URL, make_report)
    outbox.settle([(outbox.oldest(URL, 1)[0], wire.Receipt(answer="revoked", detail="sold"))])
    assert outbox.revoked(agent_of(key)) == "sold"
    assert outbox.collectors() == []
    assert outbox.contents().reports == 1
    outbox.welcome(agent_of(key), "http://new")
    assert outbox.revoked(agent_of(key)) is None
    assert outbox.collectors() == ["http://new"]


def test_each_identity_has_its_own_chain_and_collector(outbox, key, make_report):
    """Reports of an identity that was given up still go to the collector that knows its key."""
    other = SigningKey.generate()
    outbox.append(agent_of(key), URL, make_report)
    outbox.append(agent_of(other), "http://other", report_maker(other))
    assert outbox.collectors() == [URL, "http://other"]
    assert [one.agent for one in outbox.oldest("http://other", 10)] == [agent_of(other)]
    assert [one.sequence for one in outbox.oldest("http://other", 10)] == [1]


def test_the_last_results_stay_for_status(outbox, key, make_report):
    """What was measured last can be shown after it was sent."""
    outbox.append(agent_of(key), URL, make_report)
    outbox.append(agent_of(key), URL, make_report)
    outbox.settle([(one, wire.Receipt(answer="stored")) for one in outbox.oldest(URL, 9)])
    assert [one.sequence for one in outbox.latest()] == [2]


def test_notes_outlive_the_process(state, outbox):
    """What must be remembered over a restart is."""
    assert outbox.note("pause") is None
    outbox.write_note("pause", "a")
    outbox.write_note("pause", "b")
    assert Outbox(state, max_bytes=2**26, max_age_days=90).note("pause") == "b"


@pytest.mark.timeout(120)
def test_killed_at_any_moment_no_report_is_lost_and_no_number_used_twice(state: Path, key: SigningKey):
    """Killed with -9 at random moments: all that append returned is there, numbers go on, the chain holds."""
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    returned: list[bytes] = []
    command = [sys.executable, "-c", textwrap.dedent(APPENDER), str(state), bytes(key).hex()]
    for _ in range(6):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            returned.append(child.stdout.readline())
            time.sleep(chance.uniform(0.0, 0.15))
            child.send_signal(signal.SIGKILL)
            returned += [line for line in child.stdout if line.endswith(b"\n")]
    chain = payloads(Outbox(state, max_bytes=2**30, max_age_days=90))
    assert_chain(chain)
    kept = set(chain)
    assert all(line.rstrip(b"\n") in kept for line in returned)


@pytest.mark.parametrize("harm", [b"this is no database " * 400, None], ids=["overwritten", "torn"])
def test_a_damaged_outbox_is_moved_aside_and_no_number_used_twice(state, outbox, key, make_report, harm, caplog):
    """Damage costs what was in the file and nothing else; the file is kept, the loss is told, numbers jump ahead."""
    for _ in range(40):
        outbox.append(agent_of(key), URL, report_maker(key, room="r" * 128))
    whole = outbox.file.read_bytes()
    outbox.file.write_bytes(harm or whole[: len(whole) // 2 - 1000] + bytes(2000))
    again = Outbox(state, max_bytes=2**26, max_age_days=90)
    made = report.decode(again.append(agent_of(key), URL, make_report).payload)
    assert (made.sequence, made.previous) == (RESERVED_AHEAD + 1, None)
    assert len(list(state.glob("outbox.damaged-*.sqlite3"))) == 1
    assert "was damaged" in caplog.text
    assert "was damaged" in (again.note("damaged") or "")


def test_damage_while_running_costs_no_report(state, outbox, key, make_report):
    """Damage that is met in the middle of the work is dealt with there, and the report at hand is kept."""
    outbox.append(agent_of(key), URL, make_report)
    outbox.file.write_bytes(b"x" * 8192)
    assert report.decode(outbox.append(agent_of(key), URL, make_report).payload).sequence == RESERVED_AHEAD + 1


def test_a_lost_outbox_file_does_not_restart_the_numbers(state, outbox, key, make_report):
    """Somebody deletes the file: numbers go on above everything that was ever reserved."""
    for _ in range(RESERVED_AHEAD // 200):
        outbox.append(agent_of(key), URL, make_report)
    outbox.file.unlink()
    assert report.decode(outbox.append(agent_of(key), URL, make_report).payload).sequence == RESERVED_AHEAD + 1
    outbox.file.unlink()
    assert report.decode(outbox.append(agent_of(key), URL, make_report).payload).sequence == 2 * RESERVED_AHEAD + 1


def test_a_damaged_record_of_numbers_is_written_anew(state, outbox, key, make_report):
    """Either of the two files may be lost: the other one knows which numbers were used."""
    outbox.append(agent_of(key), URL, make_report)
    (state / "outbox.numbers.json").write_text("?")
    assert report.decode(outbox.append(agent_of(key), URL, make_report).payload).sequence == 2
    outbox.file.unlink()
    assert report.decode(outbox.append(agent_of(key), URL, make_report).payload).sequence == RESERVED_AHEAD + 2


def test_without_either_record_no_number_is_given_out(state, outbox, key, make_report):
    """With both files lost a number might be used twice: nothing is signed, and the sentence says what to do."""
    outbox.append(agent_of(key), URL, make_report)
    outbox.file.unlink()
    (state / "outbox.numbers.json").write_text("?")
    with pytest.raises(StateError, match="enrol again"):
        outbox.append(agent_of(key), URL, make_report)


def test_an_outbox_of_a_newer_version_is_left_alone(state, outbox):
    """A downgrade does not destroy what a newer version wrote."""
    connection = sqlite3.connect(outbox.file)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StateError, match="newer netready"):
        outbox.contents()


def test_two_processes_share_an_outbox(state, key):
    """The service and a manual check may append at once: one chain, no number twice."""
    command = [sys.executable, "-c", textwrap.dedent(APPENDER), str(state), bytes(key).hex()]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    for child in children:
        assert child.stdout is not None
        for _ in range(5):
            child.stdout.readline()
    for child in children:
        child.kill()
        child.communicate()
    assert_chain(payloads(Outbox(state, max_bytes=2**30, max_age_days=90)))


@pytest.mark.root
@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path, key: SigningKey):
    """On a full disk append says what to do; with space again the chain goes on where it stood."""
    script = textwrap.dedent("""
        import sys
        from pathlib import Path
        from nacl.signing import SigningKey
        from agent.errors import StateError
        from agent.outbox import Outbox
        from tests.agent.conftest import agent_of, report_maker
        folder, key = Path(sys.argv[1]), SigningKey.generate()
        (folder / "ballast").write_bytes(bytes(150_000))
        outbox = Outbox(folder, max_bytes=2**30, max_age_days=90)
        made = 0
        try:
            while made < 10_000:
                outbox.append(agent_of(key), "u", report_maker(key, room="r" * 128))
                made += 1
        except StateError as error:
            print(error)
        (folder / "ballast").unlink()
        outbox.append(agent_of(key), "u", report_maker(key))
        print(made + 1 == len(outbox.oldest("u", 10**6)) == outbox.oldest("u", 10**6)[-1].sequence)
    """)
    mounted = 'mount -t tmpfs -o size=400k none "$1" && exec "$2" -c "$3" "$1"'
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", mounted, "sh", str(tmp_path), sys.executable, script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip(f"no mount namespace here: {done.stderr.strip()}")
    sentence, intact = done.stdout.splitlines()
    assert "the disk is full; free some space" in sentence
    assert intact == "True"


def test_settling_twice_changes_nothing(outbox, key, make_report):
    """An answer for a report that has gone meanwhile is no error."""
    outbox.append(agent_of(key), URL, make_report)
    waiting = outbox.oldest(URL, 1)[0]
    for _ in range(2):
        outbox.settle([(waiting, wire.Receipt(answer="duplicate"))])
    ghost = Waiting(row=99, agent="a", sequence=9, sha256="", envelope=b"")
    outbox.settle([(ghost, wire.Receipt(answer="refused"))])
    assert outbox.contents().reports == outbox.contents().refused == 0


def test_the_last_sessions_stay_when_they_are_sent(state, outbox, key):
    """This computer's own diagnosis needs what was sent too: the last sessions without the light ones, in order."""
    for number in range(KEPT_SESSIONS + 6):
        trigger = "light" if number % 10 == 9 else "scheduled"
        outbox.append(agent_of(key), URL, report_maker(key, trigger=trigger))
    sent = outbox.oldest(URL, 100)
    outbox.settle([(one, wire.Receipt(answer="stored")) for one in sent])
    recent = outbox.recent(agent_of(key))
    assert outbox.contents().reports == 0
    assert len(recent) == KEPT_SESSIONS
    assert {one.trigger for one in recent} == {"scheduled"}
    assert [one.sequence for one in recent] == sorted(one.sequence for one in recent)
    assert recent[-1].sequence == KEPT_SESSIONS + 6 - (1 if (KEPT_SESSIONS + 6) % 10 == 0 else 0)
    assert outbox.recent("0" * 32) == []
