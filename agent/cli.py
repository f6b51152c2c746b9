"""The commands of netready-agent. Every expected error ends as one sentence on stderr; scripts get the exit code."""

import argparse
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

import agent
from agent import pasting
from agent import settings as settings_of
from agent.contract import measurement, standards
from agent.contract.errors import InsecureUrlError, NetreadyError, SettingsError
from agent.contract.measurement import Measurement, Skipped
from agent.contract.standards import Target
from agent.contract.wire import Policy, SchoolCard
from agent.errors import CaptureError, NotEnrolledError, ProbeUnavailable, RevokedError, StateError, UplinkError
from agent.host import rights
from agent.settings import Settings

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from agent import enrollment
    from agent.contract.causes import Contract
    from agent.contract.wire import SchoolsReply
    from agent.service import Station

DEFAULT_LISTEN = "0.0.0.0:8870"
PAGE_LISTEN = "127.0.0.1:8873"
MAX_PUPILS = 100_000
MAX_PROCESSES = 64
_WRONG_USE = (SettingsError, InsecureUrlError, NotEnrolledError, CaptureError)
_EPILOG = """exit codes:
  0  done; check: the target is met (PASS)
  1  it failed, or not everything was sent; check: FAIL; doctor: there is a fault
  2  wrong use, wrong settings, or this computer belongs to no school yet
  3  probe, survey: this computer cannot do that (survey: it has no Wi-Fi)
  4  check: UNDECIDED, or it could not be done
"""


def main(words: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A school's name must never end a program, whatever the console's alphabet.
        getattr(stream, "reconfigure", lambda **_: None)(errors="replace")
    arguments = _parser().parse_args(words)
    _log_to_stderr(arguments.command)
    try:
        return int(arguments.work(arguments))
    except NetreadyError as error:
        print(f"netready-agent: {error}", file=sys.stderr)
        if isinstance(error, _WRONG_USE):
            return 2
        return 4 if arguments.command == "check" else 1  # check's 1 is a verdict, and there is none
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not try to flush it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("netready-agent: stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="netready-agent",
        description="Measures whether this school's network is fit for lessons, and what to fix if it is not.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"netready-agent {agent.__version__}")
    everywhere = argparse.ArgumentParser(add_help=False)
    everywhere.add_argument("--state", metavar="DIR", help="the state folder (or NETREADY_STATE)")
    everywhere.add_argument("--config", metavar="FILE", help="the settings file (or NETREADY_CONFIG)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, work: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, parents=[everywhere], help=summary, description=summary)
        made.set_defaults(work=work)
        return made

    check = command("check", _check, "measure now: is the network fit for lessons, and what is to be fixed?")
    check.add_argument("--server", metavar="URL", help="measure against this server; the result stays on this computer")
    check.add_argument("--pupils", metavar="N", type=_pupils, help="number of pupils, for how much the school needs")
    check.add_argument(
        "--capacity", action="store_true", help="ask how fast the line is even where it is paid for by volume"
    )
    check.add_argument("--json", action="store_true", help="print the report and the verdict as JSON")
    probe = command("probe", _probe, "run one probe and print one JSON object")
    probe.add_argument("name", metavar="NAME", help="for example link, latency, msak")
    probe.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], help="a setting of the probe")
    probe.add_argument("--deadline", metavar="S", type=_seconds, help="give up after so many seconds")
    decode = command("decode", _decode, "read captured Wi-Fi frames or another program's list of networks, offline")
    decode.add_argument("format", metavar="FORMAT", help="for example pcap, iw-scan, nmcli, netsh, macos")
    decode.add_argument("file", metavar="FILE", type=Path, help="the captured file")
    reflect = command("reflect", _reflect, "be the far end of other computers' tests")
    reflect.add_argument(
        "--listen", metavar="HOST:PORT", type=_address, default=DEFAULT_LISTEN, help=f"usually {DEFAULT_LISTEN}"
    )
    reflect.add_argument("--udp", metavar="PORT", type=_port, help="the UDP echo's port; usually that of --listen")
    reflect.add_argument("--tls-cert", metavar="FILE", help="certificate chain (PEM), to speak https and wss")
    reflect.add_argument("--tls-key", metavar="FILE", help="its private key (PEM)")
    _admission_words(reflect)
    enroll = command("enroll", _enroll, "let this computer join a school")
    _enroll_words(enroll)
    command("leave", _leave, "send what waits, then let this computer leave its school")
    command(
        "recovery-code", _recovery_code, "print the code with which this computer keeps its history after a re-image"
    )
    run = command("run", _run, "measure and report from now on, at the times the collector's policy gives")
    run.add_argument("--once", action="store_true", help="measure once now, send everything, and end")
    export = command("export", _export, "write what waits to a file, to be carried to the collector by hand")
    export.add_argument("file", metavar="FILE", type=Path, help="a new file, or a folder such as a memory stick")
    receipts = command("import-receipts", _import_receipts, "forget the reports that the collector's receipts name")
    receipts.add_argument("file", metavar="FILE", type=Path, help="what 'netready-collector reports import' wrote")
    diagnose = command("diagnose", _diagnose, "say where the bottleneck is, by this computer's last sessions, and why")
    diagnose.add_argument("--json", action="store_true", help="as JSON")
    survey = command("survey", _survey, "one stop of the walk through the school: the Wi-Fi in this room")
    survey.add_argument("--room", metavar="LABEL", required=True, help="the room you stand in, as its door shows it")
    survey.add_argument("--floor", metavar="F", help="the floor it is on")
    survey.add_argument("--peer", action="store_true", help="measure to another computer of the school too")
    survey.add_argument("--json", action="store_true", help="print the report and the result as JSON")
    _page_words(command("page", _page, "this computer's own page: a check button, the verdict and the history"))
    _doctor_words(command("doctor", _doctor, "find out what is wrong with this installation, and what to do about it"))
    _update_words(command("update", _update, "look for a new version, and change to it where and when it is wanted"))
    status = command("status", _status, "show the school, the last results, what waits and the next test")
    status.add_argument("--json", action="store_true", help="as JSON")
    return parser


def _enroll_words(enroll: argparse.ArgumentParser) -> None:
    enroll.add_argument(
        "pasted", nargs="*", metavar="TEXT", help="the token, line or address that you were given, pasted whole"
    )
    enroll.add_argument("--collector", metavar="URL", help="the collector's address")
    enroll.add_argument("--token", help="the enrolment token of the school or of its region")
    enroll.add_argument("--room", metavar="LABEL", help="where this computer stands")
    enroll.add_argument("--school", metavar="ID", help="which school of a region's token, zeros in front included")
    enroll.add_argument("--recover", metavar="CODE", help="the recovery code that this computer had before a re-image")
    enroll.add_argument("--new-key", action="store_true", help="this disk is a copy: give this computer its own key")
    enroll.add_argument("--file", metavar="FILE", type=Path, help="an enroll.toml; its token is removed afterwards")


def _page_words(page: argparse.ArgumentParser) -> None:
    page.add_argument(
        "--listen",
        metavar="127.0.0.1:PORT",
        type=_address,
        default=PAGE_LISTEN,
        help=f"an address of this computer; usually {PAGE_LISTEN}",
    )
    page.add_argument("--open", action="store_true", help="open it in the browser")
    page.add_argument("--server", metavar="URL", help="measure against this server; the results stay on this computer")
    page.add_argument("--pupils", metavar="N", type=_pupils, help="number of pupils, for how much the school needs")


def _update_words(update: argparse.ArgumentParser) -> None:
    update.add_argument("--check", action="store_true", help="only say what would be done")


def _doctor_words(doctor: argparse.ArgumentParser) -> None:
    doctor.add_argument("--json", action="store_true", help="as JSON")
    doctor.add_argument("--write", metavar="FILE", type=Path, help="write it to a new file too, to be sent to support")
    doctor.add_argument("--offline", action="store_true", help="leave out what needs the network")


def _check(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from agent import budget, check, diagnosis, identity, planning, service, session
    from agent.contract import rules
    from agent.status import encode, school_words

    state, settings = _home(arguments)
    enrolled = None if arguments.server else identity.load(state)
    if enrolled is None and not arguments.server:
        raise NotEnrolledError(
            "there is nothing to measure against: this computer belongs to no school yet. Name a server "
            "(netready-agent check --server ws://HOST:PORT), or let it join its school: "
            "netready-agent enroll --collector URL --token TOKEN"
        )
    if arguments.server:
        session.check_server(arguments.server)
    policy = identity.load_policy(state) if enrolled else Policy()
    target, notes = _target(arguments.pupils, policy)
    is_metered = not arguments.capacity and budget.is_metered(settings.agent.metered)
    settings = msgspec.structs.replace(settings, agent=msgspec.structs.replace(settings.agent, metered=is_metered))
    console = Console(stderr=arguments.json)
    report = here = None
    names = planning.names_by_hand(settings, policy)
    with check.live(console) as announce:
        if enrolled is None:
            seen = session.run(names, planning.by_hand(settings, Policy(servers=(arguments.server,)), target), announce)
            _count(state, settings, seen.measurements)
        else:
            here = service.station(state, settings)
            seen, report = here.measure(names, "manual", announce, target=target)
    if here is not None:
        notes.append(_sent(here))
    finding = diagnosis.find(seen.measurements, target)
    zone = _zone(policy) if enrolled else None
    cause = diagnosis.diagnose([seen.measurements], _contract(policy), rules.shipped_rules(), target, zone)
    if arguments.json:
        print(encode(check.document(seen, report, finding, target, cause)))
    else:
        school = school_words(enrolled.identity.school) if enrolled else None
        page = check.Page(
            school=school,
            session=seen,
            target=target,
            finding=finding,
            notes=tuple(notes),
            is_metered=is_metered,
            diagnosis=cause,
        )
        check.show(console, page)
    return check.EXIT_CODES[finding.verdict.outcome]


def _target(pupils: int | None, policy: Policy) -> tuple[Target, list[str]]:
    """Return what the school needs: by --pupils, else by the policy, else the floor, saying so."""
    if pupils is not None:
        return standards.target_for(pupils), []
    if policy.target is not None:
        return policy.target, []
    target = standards.target_for(None)
    note = "Judged by the least that any school needs. With more than 400 pupils it needs more: give --pupils."
    return msgspec.structs.replace(target, download_bps=target.download_floor_bps), [note]


def _sent(here: "Station") -> str:
    try:
        here.send()
    except NetreadyError as error:
        return f"The result is kept on this computer and will be sent later: {error}"
    return "The result was sent to the collector."


def _probe(arguments: argparse.Namespace) -> int:
    from agent import planning, session

    state, settings = _home(arguments)
    given = {}
    for pair in arguments.set:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise SettingsError(f"--set {pair}: expected KEY=VALUE, for example --set server=ws://HOST:PORT")
        given[key.strip()] = value
    table = settings.probes.get(arguments.name, {}) | given
    plan = msgspec.structs.replace(planning.plan(settings, Policy()), probes={arguments.name: table})
    seen = session.measure(arguments.name, plan, None, arguments.deadline)
    print(measurement.encode(seen).decode(), flush=True)
    _count(state, settings, (seen,))
    if isinstance(seen, Skipped):
        print(f"netready-agent: {seen.reason}", file=sys.stderr)
        return 3
    return 0


def _count(state: Path, settings: Settings, seen: Sequence[Measurement]) -> None:
    """Count what a test by hand took against the data budget, where this computer has one; it is never refused."""
    from agent import identity, service

    try:
        if identity.load(state) is not None:
            service.station(state, settings).planner().count(seen, datetime.now(UTC))
    except StateError as error:
        print(f"netready-agent: not counted against the month's data budget: {error}", file=sys.stderr)


def _decode(arguments: argparse.Namespace) -> int:
    from agent.host.wifi import decode

    decoded = decode.decode(arguments.format, arguments.file)
    for note in decoded.notes:
        print(f"netready-agent: {arguments.file}: {note}", file=sys.stderr)
    # Escaped, so that no console's alphabet can change a network's name.
    print(json.dumps({"networks": msgspec.to_builtins(decoded.networks)}))
    return 0


def _reflect(arguments: argparse.Namespace) -> int:
    from agent import reflecting
    from agent.reflector.gate import Limits

    if bool(arguments.tls_cert) != bool(arguments.tls_key):
        raise SettingsError("--tls-cert and --tls-key belong together: give both or neither")
    tls = (arguments.tls_cert, arguments.tls_key) if arguments.tls_cert else None
    records = None
    if arguments.state is not None:  # NETREADY_STATE names the folder of the computer's own agent
        records = reflecting.Records(
            state=Path(arguments.state),
            collector=arguments.collector,
            name=arguments.name,
            settings=settings_of.load(_config_file(arguments)),
        )
    elif arguments.collector or arguments.name:
        raise SettingsError("--collector and --name are for records of tests, which need a folder: give --state DIR")
    usual = Limits()
    admission = reflecting.Admission(
        limits=Limits(
            connections=arguments.connections or usual.connections,
            tests=usual.tests if arguments.tests_per_hour is None else arguments.tests_per_hour,
            bytes=usual.bytes if arguments.bytes_per_hour is None else arguments.bytes_per_hour,
        ),
        lease_keys=arguments.require_lease,
        servers=tuple(arguments.url),
        metrics_port=arguments.metrics,
    )
    place = reflecting.Place(address=arguments.listen, udp_port=arguments.udp, tls=tls, processes=arguments.processes)
    reflecting.run(place, records, admission, lambda line: print(line, flush=True))
    return 0


def _admission_words(reflect: argparse.ArgumentParser) -> None:
    """Add the options that say what is recorded, who may test, and how much."""
    reflect.add_argument(
        "--collector", metavar="URL", help="send this collector a signed record of each test; needs --state"
    )
    reflect.add_argument("--name", metavar="NAME", help="what this server is called in its records; usually its host's")
    reflect.add_argument(
        "--require-lease",
        metavar="FILE",
        type=Path,
        help="take only tests under a collector's lease; FILE has what 'netready-collector servers lease-key' prints",
    )
    reflect.add_argument(
        "--url",
        metavar="URL",
        action="append",
        default=[],
        help="with --require-lease: as computers are told of this server (wss://test.example:4443); may be repeated",
    )
    network = "one network (an IPv4 address or an IPv6 /64)"
    reflect.add_argument("--connections", metavar="N", type=_amount, help=f"open connections of {network}; usually 48")
    reflect.add_argument(
        "--tests-per-hour", metavar="N", type=_amount, help=f"tests of {network}; usually 600, 0: no limit"
    )
    reflect.add_argument(
        "--bytes-per-hour", metavar="N", type=_amount, help=f"bytes of {network}; usually 500 GB, 0: no limit"
    )
    reflect.add_argument(
        "--processes",
        metavar="N",
        type=_processes,
        default=1,
        help="so many processes share the port, for a server with several processors (Linux)",
    )
    reflect.add_argument("--metrics", metavar="PORT", type=_port, help="serve Prometheus metrics on this loopback port")


def _enroll(arguments: argparse.Namespace) -> int:
    from agent import enrollment, identity, service
    from agent.status import school_words
    from agent.uplink import Uplink

    state, settings = _home(arguments)
    uplink, outbox = Uplink(settings), service.outbox(state, settings)
    if arguments.file is not None:
        if arguments.pasted or arguments.token or arguments.collector:
            raise SettingsError("--file says all there is to say: give it alone, or leave it out")
        room = arguments.room or settings.agent.room
        joined: enrollment.Joined | None = enrollment.from_file(arguments.file, state, uplink, outbox, room)
    else:
        is_asked = sys.stdin.isatty() and sys.stdout.isatty()
        wanted = _application(arguments, state, settings, is_asked=is_asked)
        if is_asked and wanted.school is None:
            chosen = _chosen_school(lambda search: enrollment.choices(uplink, wanted, search))
            wanted = msgspec.structs.replace(wanted, school=chosen)
        joined = enrollment.join(state, uplink, outbox, wanted, _is_your_school if is_asked else None)
    if joined is None:
        print("Nothing was changed. Ask whoever gave you the token for your school's own.")
        return 1
    if joined.left is not None:
        print(
            f"This computer belonged to {school_words(joined.left.school)} before: it has a new key now. "
            "Reports from before that still wait are sent for that school.",
            file=sys.stderr,
        )
        moved = (joined.left.school.id, joined.left.collector) != (joined.identity.school.id, joined.identity.collector)
        if moved and not joined.left_told:
            print("netready-agent: that school still lists it; ask its region to mark it as left", file=sys.stderr)
    room = f", room {joined.identity.room}" if joined.identity.room else ""
    print(f"Enrolled: {school_words(joined.identity.school)}{room}")
    print(f"Computer: {joined.identity.agent}")
    if joined.succeeds is not None:
        print(f"Its history goes on: it takes the place of {joined.succeeds}")
    enrolled = identity.require(state)
    if joined.is_new and enrolled.identity.recovery_kept:
        print(f"Recovery code: {identity.recovery_code(enrolled.key)}")
        print("Write it down: after a re-image, 'netready-agent enroll ... --recover CODE' keeps this history.")
    return 0


def _application(
    arguments: argparse.Namespace, state: Path, settings: Settings, *, is_asked: bool
) -> "enrollment.Application":
    from agent import enrollment, identity

    pasted = " ".join(word for word in arguments.pasted if word.lower() not in {"sudo", "netready-agent", "enroll"})
    if pasted and arguments.token:
        raise SettingsError("a token was given twice: paste it, or give --token")
    text = pasted or arguments.token
    if text is None or not text.strip():
        if not is_asked:
            raise SettingsError("which token? Give --token TOKEN, or paste the whole line that you were given")
        print("Paste the token, or the whole line or address that you were given: ", end="", flush=True)
        text = sys.stdin.readline()
    known = identity.load(state)
    collector = arguments.collector
    if collector is None and pasting.read(text).collector is None and known is not None:
        collector = known.identity.collector
    room = arguments.room or pasting.read(text).room or settings.agent.room
    made = enrollment.application(collector, text, room, arguments.school, arguments.recover)
    return msgspec.structs.replace(made, new_key=arguments.new_key)


def _chosen_school(choices: "Callable[[str], SchoolsReply | None]") -> str | None:
    """Let a person pick a school of a region's token; None where the token is a school's own."""
    from agent.status import school_words

    if choices("") is None:
        return None
    while True:
        print("Which school? A part of its name, district or id: ", end="", flush=True)
        search = sys.stdin.readline()
        if not search:
            raise SettingsError("no school was chosen; name it with --school ID")
        found = choices(search) if search.strip() else None
        if found is None or not found.schools:
            print("No school of this region has that in its name, district or id.")
            continue
        for number, school in enumerate(found.schools, 1):
            print(f"{number:3}  {school_words(school)}")
        if found.more:
            print(f"     and {found.more} more: write more of the name")
        print("Its number (nothing: search again): ", end="", flush=True)
        picked = sys.stdin.readline().strip()
        if picked.isascii() and picked.isdecimal() and len(picked) <= 3 and 1 <= int(picked) <= len(found.schools):
            return found.schools[int(picked) - 1].id


def _leave(arguments: argparse.Namespace) -> int:
    from agent import enrollment, service
    from agent.status import school_words
    from agent.uplink import Uplink

    state, settings = _home(arguments)
    left = enrollment.leave(state, Uplink(settings), service.outbox(state, settings))
    print(f"This computer has left {school_words(left.school)}; what it reported stays there.")
    return 0


def _recovery_code(arguments: argparse.Namespace) -> int:
    from agent import identity

    enrolled = identity.require(_state(arguments))
    print(identity.recovery_code(enrolled.key))
    if not enrolled.identity.recovery_kept:
        print(
            "netready-agent: the collector does not know this code yet, so it recovers nothing: enrol this computer"
            " again with a token of its school (netready-agent enroll)",
            file=sys.stderr,
        )
        return 1
    return 0


def _is_your_school(school: SchoolCard) -> bool:
    from agent.status import school_words

    print(school_words(school))
    while True:
        print("Is this your school? [y/n] ", end="", flush=True)
        answer = sys.stdin.readline()
        if answer.strip().lower() in {"y", "yes", "д", "да", "и", "иә"}:
            return True
        # Without even a line break the terminal was closed: nobody answered.
        if not answer or answer.strip().lower() in {"n", "no", "н", "нет", "ж", "жоқ"}:
            return False


_TROUBLE_S = 900.0


def _run(arguments: argparse.Namespace) -> int:
    """Work; what a service cannot begin with (settings, a disk) is tried again some times an hour, not every minute."""
    from agent import service
    from agent.host import supervisor

    try:
        return _worked(arguments)
    except NotEnrolledError:
        raise
    except NetreadyError as error:
        if arguments.once or not supervisor.is_there():
            raise
        print(f"netready-agent: {error}", file=sys.stderr, flush=True)
        supervisor.ready(f"cannot work, trying again in {_TROUBLE_S / 60:.0f} min: {error}")
        service.wait(_TROUBLE_S)
        return 1


def _worked(arguments: argparse.Namespace) -> int:
    from agent import enrollment, planning, service, session
    from agent.uplink import Uplink

    state, settings = _home(arguments)
    files = enrollment.places(state, _config_file(arguments))
    outbox = service.outbox(state, settings)
    enrollment.unattended(files, state, Uplink(settings), outbox, settings.agent.room, once=arguments.once)
    here = service.station(state, settings)
    session.check_settings(planning.plan(settings, Policy()), str(_config_file(arguments)))
    if not arguments.once:
        service.work(state, settings)
        return 0
    guard = threading.Timer(service.ONCE_S - 5, _give_up)
    guard.daemon = True
    guard.start()
    try:
        drained = service.once(here)
    except RevokedError:
        raise
    except UplinkError as error:
        raise UplinkError(f"measured and kept on this computer, but not everything was sent: {error}") from error
    guard.cancel()
    if drained.refused:
        newest = here.outbox.refusals(1)[0]
        raise StateError(
            f"the collector refused {drained.refused} reports, the last because: {newest.reason}: {newest.detail}"
        )
    print(f"measured; reports sent: {drained.sent}")
    return 0


def _give_up() -> None:
    """End a ``run --once`` that hangs on a line that drips; everything that counts is on disk."""
    print("netready-agent: not everything was sent in time; it stays in the outbox", file=sys.stderr, flush=True)
    os._exit(1)


def _export(arguments: argparse.Namespace) -> int:
    from agent import carrying, service, session

    state, settings = _home(arguments)
    outbox = service.outbox(state, settings)
    done = carrying.export(outbox, arguments.file, session.software(), datetime.now(UTC))
    if done is None:
        print("Nothing waits to be carried; no file was written.")
        return 0
    print(f"{done.file}: {done.reports} reports, {done.bytes} bytes. They also stay here until a receipt comes back.")
    return 0


def _import_receipts(arguments: argparse.Namespace) -> int:
    from agent import carrying, identity, service

    state, settings = _home(arguments)
    school_key = identity.load_policy(state).inside.peer_key
    settled = carrying.take_receipts(service.outbox(state, settings), arguments.file, school_key)
    print(
        f"reports that arrived and leave this computer: {settled.forgotten}, refused and put aside: {settled.refused}"
    )
    for note in settled.notes:
        print(f"netready-agent: {note}", file=sys.stderr)
    if settled.others and not settled.forgotten + settled.refused:
        print("netready-agent: none of the receipts is for a report that waits here", file=sys.stderr)
    return 1 if settled.notes else 0


def _contract(policy: Policy) -> "Contract":
    """Return what the school's line was promised to carry, as far as the collector told."""
    from agent.contract.causes import Contract

    inside = policy.inside
    return Contract(download_bps=inside.contracted_download_bps, upload_bps=inside.contracted_upload_bps)


def _zone(policy: Policy) -> "ZoneInfo | None":
    """Return the school's time zone; None, for this computer's own, where this computer has no data of that zone."""
    from agent import schedule

    try:
        return schedule.zone_of(policy.hours)
    except SettingsError:
        return None


def _diagnose(arguments: argparse.Namespace) -> int:
    from agent import diagnosis, identity, service
    from agent.contract import rules
    from agent.status import encode

    state, settings = _home(arguments)
    enrolled = identity.load(state)
    if enrolled is None:
        raise NotEnrolledError(
            "this computer belongs to no school yet, so no results of it are kept: measure now with netready-agent "
            "check --server URL, or let it join its school with netready-agent enroll --collector URL --token TOKEN"
        )
    policy = identity.load_policy(state)
    reports = service.outbox(state, settings).recent(enrolled.identity.agent)
    sessions = [report.read_measurements() for report in reports]
    cause = diagnosis.diagnose(sessions, _contract(policy), rules.shipped_rules(), policy.target, _zone(policy))
    print(encode(cause) if arguments.json else "\n".join(diagnosis.lines(cause)))
    return 0


def _survey(arguments: argparse.Namespace) -> int:
    from rich.console import Console

    from agent import service, survey
    from agent.status import encode

    state, settings = _home(arguments)
    stop = survey.stop_of(arguments.room, arguments.floor)
    here = service.station(state, settings)
    console = Console(stderr=arguments.json, highlight=False)
    try:
        with survey.live(console) as announce:
            report, seen = survey.walk(here, stop, announce, peer=arguments.peer)
    except ProbeUnavailable as reason:
        print(f"netready-agent: {reason}", file=sys.stderr)
        return 3
    result = survey.finish(here, stop, seen)
    if arguments.json:
        print(encode(survey.document(result, report, seen)))
    else:
        survey.show(console, result, seen)
    return 0


def _page(arguments: argparse.Namespace) -> int:
    from agent import page, session

    address = page.loopback(*arguments.listen)
    state, settings = _home(arguments)
    if arguments.server:
        session.check_server(arguments.server)

    def target(policy: Policy) -> tuple[Target, bool]:
        chosen, notes = _target(arguments.pupils, policy)
        return chosen, bool(notes)

    def ready(url: str) -> None:
        print(f"The page is at {url} (Ctrl-C ends it)", flush=True)
        if arguments.open:
            import webbrowser

            webbrowser.open(url)

    judges = page.Judges(target=target, contract=_contract, zone=_zone)
    page.run(address, page.Home(state=state, settings=settings, judges=judges, server=arguments.server), ready)
    return 0


def _update(arguments: argparse.Namespace) -> int:
    from agent.updates import installers, run

    state, settings = _home(arguments)
    kind = installers.platform(installers.home())
    installer = installers.installer(kind, Path(sys.executable), settings.updates.restart)
    place = run.Place(state=state, settings=settings, platform=kind, installer=installer)
    return 0 if run.look(place, print, only_say=arguments.check) else 1


def _status(arguments: argparse.Namespace) -> int:
    from agent import status

    state, settings = _home(arguments)
    seen = status.gather(state, settings, datetime.now(UTC))
    if arguments.json:
        print(status.encode(seen))
    else:
        print("\n".join(status.lines(seen)))
    return 0


def _doctor(arguments: argparse.Namespace) -> int:
    from agent import doctor
    from agent.status import encode

    place = doctor.Place(state=_state(arguments), config=_config_file(arguments), environment=os.environ)
    root, level = logging.getLogger(), logging.getLogger().level
    root.setLevel(logging.ERROR)  # what would be warned of is on the page
    try:
        seen = doctor.examine(place, offline=arguments.offline)
    finally:
        root.setLevel(level)
    text = encode(seen) if arguments.json else "\n".join(doctor.lines(seen))
    print(text)
    if arguments.write is not None:
        _write_page(arguments.write, text)
    return 1 if seen.faults else 0


def _write_page(file: Path, text: str) -> None:
    """Write a new file for support; raises SettingsError saying how else to get one."""
    try:
        with file.open("x", encoding="utf-8") as written:
            written.write(f"{text}\n")
    except FileExistsError as error:
        raise SettingsError(f"{file} is there already; name a new file") from error
    except OSError as error:
        raise SettingsError(
            f"cannot write {file}: {error.strerror}; name a file in a folder of this user's own, or write "
            "netready-agent doctor > FILE"
        ) from error
    print(f"netready-agent: written to {file}", file=sys.stderr)


def _home(arguments: argparse.Namespace) -> tuple[Path, Settings]:
    return _state(arguments), settings_of.load(_config_file(arguments))


def _state(arguments: argparse.Namespace) -> Path:
    is_root = rights.is_administrator()
    return settings_of.state_folder(arguments.state, os.environ, sys.platform, is_root=is_root)


def _config_file(arguments: argparse.Namespace) -> Path | None:
    return settings_of.config_file(arguments.config, os.environ)


def _log_to_stderr(command: str) -> None:
    service = command in {"run", "reflect"}
    log_format = "%(asctime)s %(levelname)s %(message)s" if service else "netready-agent: %(message)s"
    logging.basicConfig(level=logging.INFO if service else logging.WARNING, format=log_format, stream=sys.stderr)
    for chatty in ("apscheduler", "httpx", "httpcore", "tzlocal"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _amount(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _processes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_PROCESSES):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of processes (1 to {MAX_PROCESSES})")
    return int(text)


def _pupils(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= MAX_PUPILS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of pupils (0 to {MAX_PUPILS})")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds (more than 0, at most 3600)")
    return seconds


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:9]) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, for example {DEFAULT_LISTEN}")
    return host.strip("[]"), _port(port)
