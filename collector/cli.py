"""The command netready-collector."""

import argparse
import logging
import os
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from agent import __version__
from agent.contract.errors import NetreadyError, SettingsError
from collector import (
    access,
    enrollment,
    export,
    findings,
    logs,
    periods,
    policy,
    rankings,
    registry,
    rollup,
    serving,
)
from collector.agreements import cli as agreements
from collector.agreements import reading
from collector.bundles import cli as bundles
from collector.enrolling import cli as enrolling
from collector.errors import NotFound
from collector.judging import cli as judging
from collector.judging import distrusting
from collector.ledger import cli as ledger
from collector.ledger import ticketing
from collector.notices import cli as notices
from collector.opendata import cli as opendata
from collector.pack import cli as pack
from collector.pages import map_cli
from collector.people import cli as people
from collector.records import cli as records
from collector.settings import Settings, load
from collector.steering import cli as steering
from collector.store import agents, audit, rooms, schools, verdicts
from collector.store.database import MINISTRY, Connection, Database, open_database
from collector.upkeep import cli as upkeep

_EPILOG = """exit status: 0 done, 1 not done (the sentence says why), 2 wrong use.
Without --database the embedded PostgreSQL in --data (or NETREADY_DATA) is started or joined."""


def main(arguments: list[str] | None = None) -> int:
    """Run one command; print errors as a sentence, never as a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except SettingsError as error:
        print(f"netready-collector: {error}", file=sys.stderr)
        return 2
    except NetreadyError as error:
        print(f"netready-collector: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # Whoever read our output closed it (head, less): nothing is wrong. Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--config", metavar="FILE", help="settings (or NETREADY_COLLECTOR_CONFIG); see config/collector.toml"
    )
    common.add_argument("--data", metavar="DIR", help="where the embedded PostgreSQL lives (or NETREADY_DATA)")
    common.add_argument("--database", metavar="URL", help="a PostgreSQL 16 to 18 of your own: postgresql://...")
    parser = argparse.ArgumentParser(
        prog="netready-collector",
        description="Stores the reports of school computers, ranks schools, shows which lines are below contract.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"netready {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_serve(commands, common)
    _add_registry(commands, common)
    _add_tokens(commands, common)
    _add_answers(commands, common)
    opendata.add(commands, common, _settings, _open, _say)
    map_cli.add(commands, common, _settings, _open, _say)
    upkeep.add(commands, common, _settings, _open, _say)
    people.add(commands, common, lambda options: _open(_settings(options)))
    steering.add(commands, common, _settings, _open)
    agreements.add(commands, common, _settings, _open)
    judging.add(commands, common, _settings, _open)
    notices.add(commands, common, _settings, _open)
    proofs = ledger.add(commands, common, _settings, _open)
    bundles.add(proofs, common, _settings, _open)
    pack.add(proofs, common, _settings, _open)
    records.add(
        commands,
        common,
        lambda options: _open(_settings(options)),
        people.at_the_command_line,
        lambda options: ticketing.public_key(_settings(options)),
    )
    return parser


_Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns


def _add_serve(commands: "_Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    serve = commands.add_parser("serve", parents=[common], help="API, pages and jobs")
    serve.add_argument("--listen", metavar="HOST:PORT", help="127.0.0.1:8080 unless told otherwise")
    serve.add_argument(
        "--server", metavar="URL", action="append", help="a reflector that agents test against (ws:// or wss://)"
    )
    serve.add_argument(
        "--workers",
        type=_number(1, 64),
        metavar="N",
        help="processes that answer (1; one per processor with --database)",
    )
    serve.add_argument("--tls-cert", metavar="FILE")
    serve.add_argument("--tls-key", metavar="FILE")
    serve.set_defaults(command=_serve)
    demo = commands.add_parser("demo", help="everything on this computer, with a real measurement")
    demo.add_argument(
        "--schools", type=_number(200, 10_000), default=200, metavar="N", help="synthetic schools beside yours"
    )
    demo.set_defaults(command=_demo)


def _add_registry(commands: "_Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    actions = commands.add_parser("schools", help="the registry").add_subparsers(required=True, metavar="ACTION")
    imported = actions.add_parser("import", parents=[common], help="add and renew schools from a CSV or XLSX file")
    imported.add_argument("file", metavar="FILE", type=Path)
    imported.add_argument(
        "--format", choices=("netready", "giga"), default="netready", help="giga: its school master (CSV or XLSX)"
    )
    imported.add_argument("--as-of", metavar="DATE", type=_date, help="the day on which the file was true (today)")
    imported.add_argument("--complete", action="store_true", help="say which known schools are not in the file")
    imported.set_defaults(command=_import)
    actions = commands.add_parser("reports", help="reports carried by hand").add_subparsers(
        required=True, metavar="ACTION"
    )
    brought = actions.add_parser("import", parents=[common], help="store what 'netready-agent export' wrote")
    brought.add_argument("files", metavar="FILE", type=Path, nargs="+")
    brought.add_argument("--receipts", metavar="FILE", type=Path, help="write receipts, to be carried back")
    brought.set_defaults(command=_import_reports)
    actions = commands.add_parser("rooms", help="the schools' rooms").add_subparsers(required=True, metavar="ACTION")
    rooms_file = actions.add_parser("import", parents=[common], help="add and renew rooms from a CSV or XLSX file")
    rooms_file.add_argument("file", metavar="FILE", type=Path, help="columns school_id_govt,room,floor")
    rooms_file.set_defaults(command=_import_rooms)
    gone = actions.add_parser("remove", parents=[common], help="take a room out that is none; its measurements stay")
    gone.add_argument("--school", required=True, metavar="ID", type=str.strip)
    gone.add_argument("--room", required=True, metavar="LABEL")
    gone.set_defaults(command=_remove_room)
    simulate = commands.add_parser(
        "simulate", parents=[common], help="a synthetic country, marked as synthetic everywhere"
    )
    simulate.add_argument("--schools", type=_number(1, 20_000), required=True, metavar="N")
    simulate.add_argument("--days", type=_number(1, 400), required=True, metavar="D")
    simulate.add_argument("--seed", type=int, default=1, metavar="N", help="another seed makes another country")
    simulate.add_argument(
        "--bulk", action="store_true", help="only the figures that rankings read, in minutes; no computers, no reports"
    )
    simulate.set_defaults(command=_simulate)


def _add_tokens(commands: "_Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    actions = commands.add_parser("enrollment", help="tokens for computers").add_subparsers(
        required=True, metavar="ACTION"
    )
    token = actions.add_parser(
        "create", parents=[common], help="print a token that enrols computers of a school, or of a region's schools"
    )
    whose = token.add_mutually_exclusive_group(required=True)
    whose.add_argument("--school", metavar="ID", type=str.strip)
    whose.add_argument("--region", metavar="CODE", help="whoever enrols picks the school from a list, as KZ-75")
    token.add_argument(
        "--uses", type=_number(1, enrollment.MAX_USES), default=1, metavar="N", help="how many computers (1)"
    )
    token.add_argument(
        "--expires", type=_number(1, enrollment.MAX_DAYS), default=30, metavar="DAYS", help="days it is good for (30)"
    )
    token.set_defaults(command=_create_enrollment)
    enrolling.add(actions, common, lambda options: _open(_settings(options)))
    actions = commands.add_parser("access", help="tokens for people's programs").add_subparsers(
        required=True, metavar="ACTION"
    )
    make = actions.add_parser("create", parents=[common], help="print an API token")
    make.add_argument("--role", required=True, choices=access.ROLES)
    make.add_argument("--scope", metavar="VALUE", help="the region's code, the school's id or the operator's name")
    make.add_argument("--name", required=True, help="who holds it")
    make.add_argument(
        "--expires", type=_number(1, 3_650), metavar="DAYS", help="days it is good for (accounts.token_days)"
    )
    make.add_argument(
        "--rights",
        metavar="LIST",
        type=_rights,
        default=("read", "export"),
        help=f"with commas, of {', '.join(access.RIGHTS)} (read,export)",
    )
    make.set_defaults(command=_create_access)
    revoke = actions.add_parser("revoke", parents=[common], help="end every API token of a holder")
    revoke.add_argument("--name", required=True)
    revoke.set_defaults(command=_revoke_access)
    actions = commands.add_parser("agents", help="enrolled computers").add_subparsers(required=True, metavar="ACTION")
    enrolling.add_moves(actions, common, lambda options: _open(_settings(options)))
    out = actions.add_parser("revoke", parents=[common], help="take a computer out of service")
    out.add_argument("agent", metavar="AGENT", help="its id, as 'netready-agent status' shows it")
    out.set_defaults(command=_revoke_agent)
    stolen = actions.add_parser("distrust", parents=[common], help="a computer's key was stolen, or may have been")
    stolen.add_argument("agent", metavar="AGENT", help="its id")
    stolen.add_argument(
        "--from",
        dest="since",
        metavar="MOMENT",
        required=True,
        help="what came in since proves nothing, as 2026-10-05T14:00",
    )
    stolen.add_argument("--reason", metavar="TEXT", required=True, help="why, for both sides")
    stolen.set_defaults(command=_distrust_agent)


def _add_answers(commands: "_Commands[argparse.ArgumentParser]", common: argparse.ArgumentParser) -> None:
    ranking = commands.add_parser("ranking", parents=[common], help="print a ranking")
    ranking.add_argument("name", metavar="NAME", help=", ".join(rankings.names()))
    ranking.add_argument("--period", metavar="PERIOD", help="2026-Q4, 2026-11 or 2026; the current quarter if left out")
    ranking.add_argument("--region", metavar="CODE", help="one region, for example KZ-75")
    ranking.add_argument("--format", choices=("table", *export.FORMATS), default="table")
    ranking.add_argument("--output", metavar="FILE", type=Path, help="a file instead of standard output")
    ranking.set_defaults(command=_ranking)


def _number(least: int, most: int):  # type: ignore[no-untyped-def]  # noqa: ANN202 - argparse wants a plain callable
    def number(text: str) -> int:
        if not text.strip().isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} to {most}")
        return int(text)

    return number


def _rights(text: str) -> tuple[access.Right, ...]:
    known: dict[str, access.Right] = {right: right for right in access.RIGHTS}
    asked = [one.strip() for one in text.split(",")]
    if not all(one in known for one in asked):
        raise argparse.ArgumentTypeError(f"{text!r} names another right than {', '.join(access.RIGHTS)}")
    return tuple(known[one] for one in dict.fromkeys(asked))


def _note(connection: Connection, what: audit.What, about: str, **detail: object) -> None:
    """Write into the audit log what is done here, in the same transaction."""
    audit.note(connection, people.at_the_command_line(), what, about, now=_now(), detail=detail)


def _settings(options: argparse.Namespace) -> Settings:
    file = options.config or os.environ.get("NETREADY_COLLECTOR_CONFIG")
    settings = load(Path(file) if file else None)
    database = msgspec.structs.replace(
        settings.database,
        url=options.database or settings.database.url,
        data=options.data or os.environ.get("NETREADY_DATA") or settings.database.data,
    )
    if database.url is not None and not database.url.startswith(("postgresql://", "postgres://")):
        raise SettingsError(f"{database.url!r} is not a PostgreSQL URL; write postgresql://user@host/database")
    policy.zone_of(settings.policy)
    return msgspec.structs.replace(settings, database=database)


def _open(settings: Settings, *, make: bool = False) -> Database:
    return open_database(settings.database, progress=_say, make=make)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _serve(options: argparse.Namespace) -> int:
    settings = _settings(options)
    if (options.tls_cert is None) != (options.tls_key is None):
        raise SettingsError("--tls-cert and --tls-key belong together; give both")
    chosen = msgspec.structs.replace(
        settings.serve,
        listen=options.listen or settings.serve.listen,
        tls_cert=options.tls_cert or settings.serve.tls_cert,
        tls_key=options.tls_key or settings.serve.tls_key,
        workers=options.workers or settings.serve.workers,
    )
    servers = tuple(options.server) if options.server else settings.policy.servers
    settings = msgspec.structs.replace(
        settings, serve=chosen, policy=msgspec.structs.replace(settings.policy, servers=servers)
    )
    policy.check_servers(settings.policy)
    policy.check_places(settings.policy)
    policy.check_update(settings.policy)
    logs.configure(settings.log)
    listener = serving.bind(settings)
    with listener, _open(settings, make=True) as database:
        whole = serving.serve(database, settings, listener, lambda address: print(f"listening {address}", flush=True))
    if not whole:
        _say("not everything that was under way ended within serve.drain_s; what was answered is stored")
    return 0 if whole else 1


def _demo(options: argparse.Namespace) -> int:
    from collector import demo

    return demo.run(schools=options.schools)


def _import(options: argparse.Namespace) -> int:
    settings = _settings(options)
    today = _now().astimezone(policy.zone_of(settings.policy)).date()
    as_of = options.as_of or today
    if as_of > today:
        raise SettingsError(f"--as-of {as_of} lies ahead; import the registry when it holds")
    read = registry.read(options.file, as_of, options.format)
    promised = reading.read_registry(options.file) if options.format == "netready" else []
    for warning in read.warnings:
        _say(f"warning: {warning}")
    with _open(settings, make=True) as database, database.owning() as connection:
        taken = registry.take(connection, read)
        _note(connection, "changed", "registry", file=options.file.name, added=taken.added, renewed=taken.renewed)
        who, zone = people.at_the_command_line(), policy.zone_of(settings.policy)
        agreed = reading.take(connection, promised, options.file, who=who, now=_now(), zone=zone)
    _say(f"{options.file}: schools added: {taken.added}, renewed: {taken.renewed}")
    if promised:
        _say(f"  {agreed.sentence}")
    for word, count in taken.changes.items():
        _say(f"  {word}: {count}")
    if taken.history_only:
        _say(f"  known from a newer registry, only their history was changed: {taken.history_only}")
    if options.complete:
        _say(f"known and open, and not in this file: {len(taken.missing)}; they stay as they are")
        for school_id, name in taken.missing:
            _say(f"  {school_id} {name}")
    return 0


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no date; write it as 2026-09-01") from error


def _import_reports(options: argparse.Namespace) -> int:
    from collector import offline

    with _open(_settings(options)) as database:
        delivery = offline.import_files(database, options.files, _now)
        for finding in delivery.findings():
            _say(finding)
        _say(f"reports stored: {delivery.stored}, known already: {delivery.known}, refused: {delivery.refused}")
        with database.admitting() as connection:
            names = [file.name for file in options.files]
            _note(connection, "changed", "carried reports", files=names, stored=delivery.stored)
        if options.receipts is not None:
            written = offline.write_receipts(database, delivery, options.receipts, _now())
            _say(f"{options.receipts}: receipts for {written} reports; carry it back: netready-agent import-receipts")
    return 0 if delivery.is_whole else 1


def _import_rooms(options: argparse.Namespace) -> int:
    settings = _settings(options)
    with _open(settings) as database, database.owning() as connection:
        known = {school.school_id for school in schools.schools(connection)}
        told = registry.read_rooms(options.file, known)
        added, renewed = rooms.keep_rooms(connection, told)
        findings.mark_present(connection, {room.school_id for room in told}, _now(), policy.zone_of(settings.policy))
        _note(connection, "changed", "register of rooms", file=options.file.name, added=added, renewed=renewed)
    _say(f"{options.file}: rooms added: {added}, renewed: {renewed}")
    return 0


def _remove_room(options: argparse.Namespace) -> int:
    settings = _settings(options)
    with _open(settings) as database, database.owning() as connection:
        if not rooms.remove_room(connection, options.school, options.room):
            raise NotFound(f"school {options.school!r} has no room {options.room!r}")
        findings.mark_present(connection, {options.school}, _now(), policy.zone_of(settings.policy))
        _note(connection, "changed", f"school {options.school}", removed_room=options.room)
    _say(f"room {options.room} of school {options.school} is out of the register")
    return 0


def _simulate(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress

    from collector import simulate

    settings = _settings(options)
    calendars = rollup.calendars_of(settings.policy)
    with _open(settings, make=True) as database, Progress(console=Console(stderr=True)) as shown:
        task = shown.add_task("synthetic schools")

        def progress(done: int, total: int) -> None:
            shown.update(task, completed=done, total=total)

        plan = simulate.plan_until_yesterday(options.schools, options.days, options.seed, _now())
        if options.bulk:
            filled = simulate.fill(database, plan, calendars, progress)
            counted = (
                f"{filled.tests} tests on {filled.school_days} school days; signed reports and computers are left out"
            )
        else:
            sent = simulate.run(database, plan, _now(), calendars, progress)
            counted = f"{sent.agents} computers, {sent.stored} reports stored, {sent.duplicates} known"
    _say(f"{plan.schools} synthetic schools: {counted}")
    return 0


def _create_enrollment(options: argparse.Namespace) -> int:
    with _open(_settings(options)) as database, database.owning() as connection:
        many = {"uses": options.uses, "days": options.expires, "now": _now()}
        if options.region is not None:
            about = f"region {options.region}"
            token = enrollment.create_region_token(connection, options.region, **many)
        else:
            about = f"school {options.school}"
            token = enrollment.create_token(connection, options.school, **many)
        detail = {"token": enrollment.mark_of(token), "uses": options.uses, "days": options.expires}
        _note(connection, "changed", about, enrollment="token created", **detail)
    _say(f"{about}, uses: {options.uses}, days: {options.expires}; the token:")
    print(token)
    return 0


def _create_access(options: argparse.Namespace) -> int:
    settings = _settings(options)
    with _open(settings) as database, database.owning() as connection:
        token = access.create(
            connection,
            role=options.role,
            scope=options.scope,
            name=options.name,
            days=options.expires,
            now=_now(),
            rights=options.rights,
            settings=settings.accounts,
        )
        detail = {"role": options.role, "scope": options.scope, "rights": options.rights}
        _note(connection, "changed", f"token of {options.name}", done="created", **detail)
    _say("keep it safe: it is shown only now, and the collector keeps only its hash")
    print(token)
    return 0


def _revoke_access(options: argparse.Namespace) -> int:
    from collector.store import access as stored

    with _open(_settings(options)) as database, database.owning() as connection:
        ended = stored.revoke_access(connection, options.name)
        if not ended:
            raise NotFound(f"nobody called {options.name!r} holds an API token that still works")
        _note(connection, "changed", f"token of {options.name}", done="revoked", ended=ended)
    _say(f"tokens of {options.name} that ended: {ended}")
    return 0


def _revoke_agent(options: argparse.Namespace) -> int:
    with _open(_settings(options)) as database, database.owning() as connection:
        if not agents.revoke(connection, options.agent):
            raise NotFound(f"there is no computer {options.agent!r} in service")
        _note(connection, "changed", f"computer {options.agent}", service="ended")
    _say(f"computer {options.agent} is out of service; its reports so far stay")
    return 0


def _distrust_agent(options: argparse.Namespace) -> int:
    settings = _settings(options)
    record = verdicts.KeyRecord(
        agent=options.agent,
        distrusted_from=agreements.moment_of(options.since, policy.zone_of(settings.policy)),
        recorded_at=_now(),
        author=people.at_the_command_line().name,
        reason=options.reason,
    )
    with _open(settings) as database, database.owning() as connection:
        months = distrusting.distrust(connection, record)
        _note(connection, "changed", f"computer {options.agent}", distrusted_from=record.distrusted_from.isoformat())
    _say(f"computer {options.agent} is out of service; what came in since proves nothing: {months} months judged again")
    return 0


def _ranking(options: argparse.Namespace) -> int:
    settings = _settings(options)
    wanted = rankings.get(options.name)
    period = periods.chosen(options.period, _now(), policy.zone_of(settings.policy))
    if options.region is not None and options.region not in {region.region_id for region in registry.regions()}:
        raise NotFound(f"there is no region {options.region!r}; codes are ISO 3166-2, for example KZ-75")
    with _open(settings) as database:
        rollup.run(database, rollup.calendars_of(settings.policy))
        if wanted.rests_on_findings:
            findings.run(database, policy.zone_of(settings.policy), label=period.label)
        with database.reading(MINISTRY) as connection:
            rows = wanted.ranked(connection, rankings.Window(period, options.region)).rows
        if options.format != "table" or options.output is not None:
            with database.admitting() as connection:
                _note(connection, "exported", f"ranking {options.name}", period=period.label, rows=len(rows))
    if options.format == "table" and options.output is None:
        from collector.table import print_ranking

        print_ranking(wanted, rows, period.label)
        return 0
    kind = "csv" if options.format == "table" else options.format
    content = export.export(rows, wanted.row, kind)
    if options.output is None and kind in ("xlsx", "parquet") and sys.stdout.isatty():
        raise SettingsError(f"{kind} is not for a terminal; name a file with --output")
    if options.output is None:
        sys.stdout.buffer.write(content + (b"\n" if kind == "json" else b""))
        sys.stdout.buffer.flush()
    else:
        _write(options.output, content)
        _say(f"{options.output}: {len(rows)} rows")
    return 0


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise SettingsError(f"cannot write {file}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
