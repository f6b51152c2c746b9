"""The commands that need no database: they run wherever the base install is, on anybody's computer."""

import argparse
import os
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from agent.contract.errors import InsecureUrlError, NetreadyError, SettingsError
from collector.evidence import note, verifying, witnessing
from collector.evidence.errors import NoteError
from collector.evidence.witnessing import Fork, Setup

Actions = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for what add_subparsers returns
NAMES = ("verify", "witness")
"""What stands in this file; collector.__main__ runs these without asking for the collector's packages."""


def main(arguments: list[str]) -> int:
    """Run one of these commands; print errors as a sentence, never as a traceback."""
    parser = argparse.ArgumentParser(prog="netready-collector evidence")
    add(parser.add_subparsers(required=True, metavar="ACTION"))
    options = parser.parse_args(arguments)
    try:
        return int(options.command(options))
    except (SettingsError, InsecureUrlError) as error:
        print(f"netready-collector: {error}", file=sys.stderr)
        return 2
    except NetreadyError as error:
        print(f"netready-collector: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def add(actions: "Actions[argparse.ArgumentParser]") -> None:
    """Add the commands to those of ``evidence``."""
    one = actions.add_parser(
        "witness", help="check that the log only grew, and cosign its checkpoint; needs the base install only"
    )
    one.add_argument("--collector", metavar="URL", help="as https://netready.example")
    one.add_argument("--log-key", metavar="KEY", help="the log's key, from whoever runs the collector: NAME+ID+KEY")
    one.add_argument("--state", required=True, metavar="DIR", type=Path, help="the witness's own folder; keep it safe")
    one.add_argument("--key-file", metavar="FILE", type=Path, help=f"its key ({witnessing.KEY} in --state, made once)")
    one.add_argument("--name", metavar="NAME", help="what it signs as, without spaces; always the same")
    one.add_argument("--token", metavar="TOKEN", help="an API token of the collector's (or NETREADY_TOKEN)")
    one.add_argument("--every", metavar="SECONDS", type=_seconds, help="go on, and look so often; else once")
    one.add_argument("--show-key", action="store_true", help="print the witness's key, to be registered, and end")
    one.set_defaults(command=_witness)
    two = actions.add_parser(
        "verify", help="check all the evidence in a file, and judge again; needs neither database nor network"
    )
    two.add_argument("file", metavar="FILE", type=Path, help="as 'evidence export' made it, packed (.gz) or not")
    two.add_argument("--log-key", metavar="KEY", action="append", default=[], help="the log's key, from its owner")
    two.add_argument("--witness", metavar="KEY", action="append", default=[], help="the key of a witness you believe")
    two.add_argument(
        "--at-least", metavar="N", type=_count, help="so many of the witnesses must have seen everything (all)"
    )
    two.add_argument("--allow-pending", action="store_true", help="also what is not logged yet is no fault")
    two.add_argument("--json", action="store_true", help="print what was found out as JSON")
    two.set_defaults(command=_verify)


def _seconds(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 10 <= int(text) <= 86_400:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds from 10 to 86400")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 3:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of witnesses")
    return int(text)


def _verify(options: argparse.Namespace) -> int:
    trust = verifying.trust_of(options.log_key, options.witness, options.at_least)
    told = verifying.verify(options.file, trust, quiet=options.json)
    if options.json:
        print(verifying.as_json(told, allow_pending=options.allow_pending).decode())
    else:
        verifying.print_told(told, allow_pending=options.allow_pending)
    return 0 if told.holds(allow_pending=options.allow_pending) else 1


def _witness(options: argparse.Namespace) -> int:
    key_file = options.key_file or options.state / witnessing.KEY
    if options.show_key:
        print(witnessing.own_key(key_file, options.name)[0].text)
        return 0
    if options.collector is None or options.log_key is None:
        raise SettingsError("--collector and --log-key are needed: whom to watch, and the log's key from its owner")
    try:
        log = note.read_key(options.log_key)
    except NoteError as error:
        raise SettingsError(f"--log-key: {error}") from error
    if log.kind != "log":
        raise SettingsError("--log-key is the key of a witness; the log's is in 'netready-collector evidence key'")
    setup = Setup(
        url=options.collector,
        log=log,
        state=options.state,
        key_file=key_file,
        name=options.name,
        token=options.token or os.environ.get("NETREADY_TOKEN"),
    )
    if options.every is None:
        _look(setup)
        return 0
    while True:
        try:
            _look(setup)
        except Fork:
            raise
        except NetreadyError as error:
            print(f"netready-collector: {error}", file=sys.stderr, flush=True)
        time.sleep(options.every)


def _look(setup: Setup) -> None:
    try:
        seen = witnessing.observe(setup, datetime.now(UTC))
    except Fork as fork:
        for word, one, file in zip(("kept", "shown now"), (fork.kept, fork.shown), fork.files, strict=True):
            print(f"--- {word} ({file})\n{one.text}", file=sys.stderr)
        raise
    word = "cosigned" if seen.is_new else "cosigned again"
    print(f"{word}: {seen.checkpoint.origin}, {seen.checkpoint.size} entries", flush=True)
