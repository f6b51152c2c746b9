import json
import os
import shutil
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from agent import cli, doctor, identity, service
from agent.contract.wire import Policy, Receipt
from agent.doctor import examining, work
from agent.doctor.finding import well
from agent.doctor.installation import read
from agent.doctor.veil import Veil
from agent.host import files, machine
from agent.host.clock import Clock

ROOT = Path(__file__).parents[2]
NEVER = Policy(capacity_sessions_per_day=0)
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts take root")


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    """The machine's own settings stay out of the tests."""
    for name in ("NETREADY_STATE", "NETREADY_CONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def station(station, state):
    """An enrolled computer, its folder with the rights that enrolling gives it."""
    state.chmod(0o700)
    (state / "key").chmod(0o600)
    return station


def examined(state, *, config=None, offline=True, clock=None):
    """Return what the doctor found, by the check's name."""
    place = doctor.Place(state=state, config=config, environment={}, clock=clock or Clock())
    seen = doctor.examine(place, offline=offline)
    assert seen.faults == sum(one.result == "fault" for one in seen.findings)
    return {one.name: one for one in seen.findings}


def told(command, *, prefix=()):
    """Run the doctor in another process and return what it found."""
    done = subprocess.run(
        [*prefix, sys.executable, "-m", "agent", "doctor", "--json", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {0, 1}, done.stderr
    seen = json.loads(done.stdout)
    assert done.returncode == (1 if seen["faults"] else 0)
    return {one["name"]: one for one in seen["findings"]}


def test_a_computer_without_a_school_is_told_how_to_join_one(state, capsys):
    """One fault, exit code 1, the command to type; nothing is made, and what needs a school is left out by name."""
    assert cli.main(["doctor", "--state", str(state), "--offline"]) == 1
    page = capsys.readouterr().out
    assert "FAULT: School" in page
    assert "netready-agent enroll --collector URL" in page
    assert page.count("FAULT") == 1
    assert "Tests: not asked before it belongs to a school" in " ".join(page.split())
    assert not state.exists()


def test_a_healthy_computer_has_no_fault(station, state, capsys, tmp_path):
    """Everything is looked at, exit code 0; the page fits a window of 80 columns and is written for support."""
    station.measure(("link",), "once", lambda _: None)
    station.send()
    with files.exclusive(state / "service.lock"):
        assert cli.main(["doctor", "--state", str(state), "--write", str(tmp_path / "page.txt")]) == 0
    told = capsys.readouterr()
    assert "No fault was found" in told.out
    assert all(len(line) < 80 or str(state) in line for line in told.out.splitlines())  # a path is never cut
    assert (tmp_path / "page.txt").read_text("utf-8") == told.out
    assert f"it runs as process {os.getpid()}" in told.out
    assert "knows this computer and answered in" in told.out
    assert "1 of 1 can be reached" in told.out
    assert "№12 мектеп-гимназия" in told.out
    assert cli.main(["doctor", "--state", str(state), "--write", str(tmp_path / "page.txt"), "--offline"]) == 2
    assert "is there already" in capsys.readouterr().err


def test_the_json_says_the_same_and_why(station, state, capsys):
    """Each check by name with its result, what was seen, why it matters and what to do; what was left out as well."""
    cli.main(["doctor", "--state", str(state), "--json", "--offline"])
    seen = json.loads(capsys.readouterr().out)
    by_name = {one["name"]: one for one in seen["findings"]}
    assert set(by_name["service"]) == {"name", "title", "result", "seen", "why", "advice"}
    assert by_name["service"]["result"] == "fault"
    assert all(one["why"].endswith(".") for one in seen["findings"])
    assert all(one["advice"] for one in seen["findings"] if one["result"] in {"fault", "warning"})
    left_out = {one["name"]: one["reason"] for one in seen["left_out"]}
    assert left_out == dict.fromkeys(("route", "ip", "names", "proxy", "tls", "collector", "servers"), "offline")


def test_nothing_is_changed(station, state):
    """The state folder is as it was, to the byte and the time: the doctor's own file is gone."""

    def picture():
        return {one.name: (one.read_bytes(), one.stat().st_mtime_ns) for one in state.iterdir()}

    before = picture()
    examined(state)
    assert picture() == before


def test_wrong_settings_are_a_finding_not_an_end(state, tmp_path):
    """A settings file that stops every other command is named with its key; the other checks go on."""
    config = tmp_path / "agent.toml"
    config.write_text("[uplink]\ntimeout_s = -1\n")
    found = examined(state, config=config)
    assert found["settings"].result == "fault"
    assert "uplink.timeout_s" in found["settings"].seen
    assert found["state"].result == "ok"
    assert "no settings file" in examined(state, config=tmp_path / "none.toml")["settings"].seen


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_a_state_that_may_not_be_read(station, state):
    """A folder of somebody else: said with what to do, and nothing else breaks (root, too, obeys modes here)."""
    prefix = ()
    if os.geteuid() == 0:
        drop = "-dac_override,-dac_read_search"
        prefix = ("setpriv", "--inh-caps", drop, "--bounding-set", drop)
    state.chmod(0)
    try:
        found = told(["--state", str(state), "--offline"], prefix=prefix)
    finally:
        state.chmod(0o700)
    assert found["state"]["result"] == "fault"
    assert "Permission denied" in found["state"]["seen"]
    assert "root" in found["state"]["advice"]
    assert found["enrolment"]["result"] == "fault"
    assert found["service"]["result"] == "unknown"
    assert found["software"]["result"] == "ok"


@as_root
@pytest.mark.parametrize(
    ("mount", "words", "advice"),
    [
        ("mount -t tmpfs -o size=300k none {0} && cp -a {1}/. {0} && mount -o remount,ro {0}", "Read-only", "disk"),
        (
            "mount -t tmpfs -o size=300k none {0} && cp -a {1}/. {0} && (cat /dev/zero > {0}/ballast || true)",
            "No space left",
            "Free some disk space",
        ),
    ],
    ids=["read-only", "full"],
)
def test_a_disk_that_takes_nothing(station, state, tmp_path, mount, words, advice):
    """A read-only and a full disk, both real: the outbox is read all the same, and each is told apart."""
    station.measure(("link",), "once", lambda _: None)
    disk = tmp_path / "disk"
    disk.mkdir()
    script = mount.format(disk, state) + ' 2>/dev/null; exec "$@"'
    prefix = ("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh")
    found = told(["--state", str(disk), "--offline"], prefix=prefix)
    assert found["state"]["result"] == "fault"
    assert words in found["state"]["seen"]
    assert advice in found["state"]["advice"]
    assert "1 report waiting" in found["outbox"]["seen"]
    assert found["enrolment"]["result"] == "ok"


def test_a_folder_that_others_may_look_into(station, state):
    """Modes that are too wide are warned of, with the command that narrows them; so is a key that others may read."""
    state.chmod(0o755)
    (state / "key").chmod(0o644)
    found = examined(state)
    assert found["state"].result == "warning"
    assert "chmod 700" in found["state"].advice
    assert found["enrolment"].result == "warning"
    assert "chmod 600" in found["enrolment"].advice


def test_a_lost_or_damaged_key(station, state):
    """Without its key a computer is nobody: the collector is looked at all the same."""
    (state / "key").write_text("no key at all")
    found = examined(state, offline=False)
    assert "is damaged" in found["enrolment"].seen
    assert found["collector"].result == "warning"
    (state / "key").unlink()
    assert "is missing" in examined(state)["enrolment"].seen


def test_a_revoked_key(station, state, collector):
    """The collector's own words, from what it answered before and when it is asked now."""
    station.measure(("link",), "once", lambda _: None)
    collector.revoked.add(station.enrolled.identity.agent)
    with pytest.raises(service.RevokedError):
        station.send()
    found = examined(state)
    assert found["enrolment"].result == "fault"
    assert "taken out of service" in found["enrolment"].seen
    assert "1 of them are not sent" in found["outbox"].seen


def test_what_waits_and_why(station, state, closed_port):
    """Reports that wait are told with their age, the last trouble and the next try; a refusal by its words."""
    station.measure(("link",), "once", lambda _: None)
    station.measure(("link",), "once", lambda _: None)
    waiting = station.outbox.oldest(station.enrolled.identity.collector, 1)
    station.outbox.welcome(station.enrolled.identity.agent, f"http://127.0.0.1:{closed_port}")
    with pytest.raises(service.UplinkError):
        station.send()
    seen = examined(state)["outbox"]
    assert seen.result == "warning"
    assert "2 reports waiting" in seen.seen
    assert "seconds ago" in seen.seen or "second ago" in seen.seen
    assert "cannot be reached" in seen.seen
    assert "next try" in seen.seen
    station.outbox.settle([(waiting[0], Receipt(answer="refused", reason="malformed", detail="no good"))])
    assert "1 refused" in (after := examined(state)["outbox"].seen)
    assert "malformed: no good" in after


def test_a_copied_image_shows_in_the_refusals(station, state):
    """Two computers with one key number their reports alike: the collector's refusal tells."""
    station.measure(("link",), "once", lambda _: None)
    waiting = station.outbox.oldest(station.enrolled.identity.collector, 1)[0]
    assert examined(state)["clone"].result == "ok"
    station.outbox.settle([(waiting, Receipt(answer="refused", reason="sequence_conflict", detail="another"))])
    found = examined(state)["clone"]
    assert found.result == "fault"
    assert "copied disk image" in found.seen


def test_a_disk_in_another_machine(station, state):
    """The hints noted when the computer enrolled tell that this is another board; those of the same say nothing."""
    who = station.enrolled.identity
    same = machine.hints(who.school.id)
    other = tuple(f"{each.split(':')[0]}:{'0' * 64}" for each in same) or ("board:" + "0" * 64,)
    for noted, result in ((same, "ok"), (other, "fault" if same else "ok")):
        identity.save(state, msgspec.structs.replace(who, machine=noted), Policy())
        assert examined(state)["clone"].result == result


def test_a_damaged_outbox_is_said_and_left_alone(station, state):
    """The doctor neither repairs nor moves anything: the service does, when it starts."""
    file = state / "outbox.sqlite3"
    names = sorted(one.name for one in state.iterdir())
    file.write_bytes(b"SQLite format 3\0" + bytes(5000))
    found = examined(state)
    assert found["outbox"].result == "fault"
    assert file.stat().st_size == 5016
    assert found["sessions"].result == "unknown"
    assert sorted(one.name for one in state.iterdir()) == names


FILES = ("key", "key.new", "identity.json", "policy.json", "outbox.sqlite3", "outbox.numbers.json", "service.lock")


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 5000, b"{}", b"[" * 5000, "қате".encode("utf-16"), None],
    ids=["empty", "zeroes", "braces", "deep", "letters", "folder"],
)
def test_whatever_lies_in_the_state_folder(station, state, name, content):
    """A disk that failed may leave anything in any file, or a folder in its place: the page comes all the same."""
    (state / name).unlink(missing_ok=True)
    if content is None:
        (state / name).mkdir()
    else:
        (state / name).write_bytes(content)
    found = examined(state)
    assert not [one.seen for one in found.values() if "the check itself failed" in one.seen]
    assert found["state"].result in {"ok", "warning"}


def test_a_dead_service_and_a_stale_lock(station, state):
    """No lock: it does not run. A lock that nobody holds is told as what it is, and is no sign of life."""
    found = examined(state)
    assert found["service"].result == "fault"
    assert "it ran before" not in found["service"].seen
    (state / "service.lock").touch()
    found = examined(state)
    assert found["service"].result == "fault"
    assert "it ran before" in found["service"].seen
    assert "Start it" in found["service"].advice


@pytest.mark.skipif(sys.platform != "linux", reason="the list of locks is Linux'")
def test_a_service_that_is_alive(station, state):
    """Whoever holds the lock is named with the memory it has; looking does not take the lock away from it."""
    hold = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from agent.host import files
        with files.exclusive(Path(sys.argv[1])):
            print("held", flush=True)
            time.sleep(60)
    """)
    command = [sys.executable, "-c", hold, str(state / "service.lock")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as running:
        try:
            assert running.stdout.readline() == b"held\n"
            found = examined(state)
        finally:
            running.kill()
    assert found["service"].seen.startswith(f"it runs as process {running.pid}")
    assert " MiB, running since" in found["memory"].seen
    assert work.holder_of(state / "service.lock") is None


def test_what_systemd_says():
    """A unit's facts are read; a service that it does not know gives none."""
    text = (
        "Result=start-limit-hit\nNRestarts=5\nLoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=\n"
    )
    assert work.decode_unit(text)["NRestarts"] == "5"
    assert work.decode_unit("LoadState=not-found\nActiveState=inactive\n") == {}
    assert work.decode_unit("") == {}


@pytest.mark.parametrize(
    ("facts", "result", "words"),
    [
        ({"Result": "start-limit-hit", "ActiveState": "failed"}, "fault", "crashed again and again"),
        ({"UnitFileState": "disabled", "ActiveState": "inactive"}, "fault", "enable --now"),
        ({"LoadState": "masked", "ActiveState": "inactive"}, "fault", "unmask"),
    ],
)
def test_a_service_that_systemd_gave_up(station, state, facts, result, words):
    """A crash loop, a service that was switched off and one that was masked each have their own way back."""
    unit = dict.fromkeys(work._UNIT_FACTS, "") | {"LoadState": "loaded", "SubState": "dead"} | facts
    found = work.running(read(doctor.Place(state=state, config=None, environment={})), unit)
    assert found.result == result
    assert words in f"{found.seen} {found.advice}"


def test_a_crash_loop_that_still_runs(station, state):
    """A service that systemd starts again and again is warned of, though it runs just now."""
    unit = dict.fromkeys(work._UNIT_FACTS, "") | {"LoadState": "loaded", "ActiveState": "active", "NRestarts": "7"}
    with files.exclusive(state / "service.lock"):
        found = work.running(read(doctor.Place(state=state, config=None, environment={})), unit)
    assert found.result == "warning"
    assert "started again 7 times" in found.seen


def test_when_it_measured_last_and_will_next(station, state):
    """A computer that was on and did not measure for days is asked about; a pause and an empty plan are told."""
    assert "no full session so far; next 2" in examined(state)["sessions"].seen
    station.measure(("link",), "once", lambda _: None)
    assert "last full session" in (seen := examined(state)["sessions"]).seen
    assert "1 test came out" in seen.seen
    assert seen.result == "ok"
    later = Clock(wall_s=lambda: time.time() + 30 * 86_400)
    assert examined(state, clock=later)["sessions"].result == "warning"
    identity.save_policy(state, NEVER)
    assert "no next one is planned" in examined(state)["sessions"].seen
    identity.save_policy(state, Policy(paused=True))
    assert "tests are paused" in examined(state)["sessions"].seen


def test_a_version_that_the_service_does_not_run_yet(station, state):
    """After an update the service may still run the old version: the last report says which made it."""
    station.measure(("link",), "once", lambda _: None)
    with closing(sqlite3.connect(state / "outbox.sqlite3")) as connection, connection:
        (payload,) = connection.execute("SELECT payload FROM latest").fetchone()
        older = msgspec.json.encode(msgspec.json.decode(payload) | {"software": "netready-agent 0.0.9"})
        connection.execute("UPDATE latest SET payload = ?", (older,))
    found = examined(state)["software"]
    assert found.result == "warning"
    assert "netready-agent 0.0.9" in found.seen


def test_a_clock_before_the_enrolment(station, state):
    """Without any network a clock that fell back is found by what happened before it."""
    found = examined(state, clock=Clock(wall_s=lambda: time.time() - 3 * 86_400))["clock"]
    assert found.result == "fault"
    assert "before the last report" in found.seen


def test_a_check_that_fails_or_hangs_is_a_finding():
    """Whatever a check does, the page comes, and in time; a bug of ours is told as one."""

    def broken():
        raise KeyError("x")

    checks = [
        examining.Check(name="slow", title="Slow", why="w.", work=lambda: time.sleep(5) or well(""), within_s=0.2),
        examining.Check(name="broken", title="Broken", why="w.", work=broken),
        examining.Check(name="fine", title="Fine", why="w.", work=lambda: well("yes")),
    ]
    began = time.monotonic()
    found = examining._made(checks, Veil())
    assert time.monotonic() - began < 3
    assert [one.result for one in found] == ["unknown", "unknown", "ok"]
    assert "within 0 s" in found[0].seen
    assert "KeyError" in found[1].seen


@as_root
def test_a_home_folder_and_a_host_name_in_kazakh_letters(station, state, tmp_path):
    """Names of people and computers in any letters: nothing breaks, and none of them is shown."""
    home = tmp_path / "Қанат Әлішерұлы"
    own = home / "күй"
    home.mkdir()
    shutil.copytree(state, own)
    setter = "import socket, os, sys; socket.sethostname('Ғылым-Мектеп-12'); os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run(
        [
            *("unshare", "--uts", sys.executable, "-c", setter, sys.executable, "-m", "agent", "doctor"),
            *("--offline", "--state", str(own), "--config", str(own / "Ғылым-Мектеп-12.toml")),
        ],
        cwd=ROOT,
        env=dict(os.environ) | {"HOME": str(home), "USER": "Қанат", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "~/күй, owned by" in " ".join(done.stdout.split())
    assert "there is no settings file ~/күй/[hidden].toml" in " ".join(done.stdout.split())
    for word in ("Қанат", "Әлішерұлы", "Ғылым"):
        assert word not in done.stdout
    assert "№12 мектеп-гимназия" in done.stdout


def test_moments_and_spans_are_said_as_people_say_them():
    """One day, two days; a moment that lies ahead is told as such."""
    from agent.doctor import words

    assert [words.span(each) for each in (0.2, 1, 59, 3600, 7200, -86_400 * 3)] == [
        *("0 seconds", "1 second", "59 seconds", "1 hour", "2 hours", "3 days")
    ]
    now = datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert words.ago(now + timedelta(hours=3), now).endswith("(3 hours ahead of now)")
    assert words.ago(now - timedelta(minutes=1), now).endswith("(1 minute ago)")
    assert [words.count(each, "report") for each in (0, 1, 2)] == ["no report", "1 report", "2 reports"]
