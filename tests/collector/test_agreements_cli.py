"""Contracts from files, whole or not at all; exclusions and disputes at the command line."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from collector.agreements import disputes, reading
from collector.cli import main
from collector.errors import RegistryError
from collector.settings import PolicySettings
from collector.store.audit import Who
from collector.store.database import Viewer

HEADER = "school_id_govt,contract_id,operator,valid_from,contract_down,contract_up,networks,price_per_month,currency"
ROW = "0101,A-1,Alpha,2026-09-01,20,5,,45000.00,KZT"
REGISTRY = (
    "school_id_govt,school_name,admin1,admin2,latitude,longitude,num_students,connectivity_type,operator,"
    "download_speed_contracted,upload_speed_contracted,contract_id,valid_from,sla_rule"
)
VERDICT = """
insert into verdict (
    school_id, line, month, operator, version, region_id, synthetic, state, is_recurring, judged_at, body, sha256, facts
)
values ('0101', '1', '2026-10', 'Alpha', 1, 'KZ-75', false, 'breach', false, now(), '', '', '')
"""


@pytest.fixture
def command(database_url, add_school, capsys, monkeypatch):
    """Run a command against the database; return its status and what it printed."""
    add_school("0101")
    add_school("0102")
    where = conninfo_to_dict(database_url)
    host, port = quote(str(where["host"]), safe=""), where.get("port", "5432")
    url = f"postgresql://{where['user']}@/{where['dbname']}?host={host}&port={port}"
    monkeypatch.setenv("COLUMNS", "250")

    def run(*arguments: str) -> tuple[int, str, str]:
        status = main([*arguments, "--database", url])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run


@pytest.fixture
def table(tmp_path):
    """Write a file of contracts."""

    def write(*rows: str, header: str = HEADER) -> str:
        file = tmp_path / "contracts.csv"
        file.write_text("\n".join((header, *rows)) + "\n", encoding="utf-8")
        return str(file)

    return write


def test_contracts_are_imported_once(command, table):
    """The same file again says nothing new; a changed row is an amendment."""
    status, _, said = command("contracts", "import", table(ROW, "0102;B".replace(";", ",") + ",Beta,01.10.2026,50,,,,"))
    assert (status, "contracts recorded: 2, back-dated: 2, nothing new in: 0" in said) == (0, True)
    assert "recorded: 0, back-dated: 0, nothing new in: 1" in command("contracts", "import", table(ROW))[2]
    changed = ROW.replace("2026-09-01,20", "2026-10-01,100")
    assert "recorded: 1" in command("contracts", "import", table(changed))[2]
    found = json.loads(command("contracts", "list", "--school", "0101", "--format", "json")[1])
    assert [(one["terms"]["number"], one["state"]) for one in found["items"]] == [(1, "amended"), (2, "holds")]
    assert found["items"][1]["terms"]["download_bps"] == 100_000_000


def test_a_file_with_mistakes_changes_nothing(command, table):
    """Each is named with line and column, those of the file and those that only the register knows."""
    rows = [
        ROW,
        "0199,C,Alpha,2026-09-01,20,,,,",
        "0102,B,Beta,2026-09-31,20,,,,",
    ]
    status, _, said = command("contracts", "import", table(*rows))
    assert (status, "line 4, column valid_from" in said) == (1, True)
    rows[2] = "0102,B,Beta,2026-09-01,20,,203.0.113.1/29,,"
    rows.append("0101,Z,Omega,2027-01-01,20,,,,")
    status, _, said = command("contracts", "import", table(*rows))
    assert status == 1
    for named in (
        "3 problems, nothing was imported",
        "line 3, column school_id_govt: there is no school '0199'",
        "line 4, column networks: '203.0.113.1/29'",
        "line 5, column contract_id: line 1 of school 0101 is Alpha's by contract A-1",
    ):
        assert named in said
    assert json.loads(command("contracts", "list", "--operator", "Alpha", "--format", "json")[1])["total"] == 0


@pytest.mark.parametrize(
    ("row", "named"),
    [
        (",A-1,Alpha,2026-09-01,20,5,,,", "column school_id_govt"),
        ("0101,,Alpha,2026-09-01,20,5,,,", "column contract_id: empty"),
        ("0101,A-1,,2026-09-01,20,5,,,", "column operator: empty"),
        ("0101,A-1,Alpha,,20,5,,,", "column valid_from: empty"),
        ("0101,A-1,Alpha,2026-09-01,fast,5,,,", "column contract_down"),
        ("0101,A-1,Alpha,2026-09-01,20,-5,,,", "column contract_up"),
        ("0101,A-1,Alpha,2026-09-01,20,5,,dear,KZT", "column price_per_month"),
        ("0101,A-1,Alpha,2026-09-01,20,5,,45000,tenge", "column currency"),
        ("0101," + "A" * 129 + ",Alpha,2026-09-01,20,5,,,", "column contract_id"),
    ],
)
def test_a_mistake_in_a_row_is_named(table, tmp_path, row, named):
    """Line and column, before anything is looked up."""
    with pytest.raises(RegistryError, match=f"line 2, {named}"):
        reading.read(tmp_path / table(row))


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (HEADER.replace("valid_from", "since"), "column valid_from: the column is missing"),
        (HEADER.replace("networks", "network"), "column network: there is no such column"),
        (HEADER.replace("contract_up", "contract_down"), "column contract_down: there are several columns"),
    ],
)
def test_a_mistake_in_the_header_is_named(table, tmp_path, header, named):
    """A column that nobody reads would look as if it was agreed."""
    with pytest.raises(RegistryError, match=f"line 1, {named}"):
        reading.read(tmp_path / table(ROW, header=header))


def test_two_lines_in_one_file(command, table):
    """Both are read before it is asked whether their tests can be told apart."""
    header = HEADER.replace("networks", "line,networks")
    rows = ["0101,A,Alpha,2026-09-01,20,5,{},{},,", "0101,B,Beta,2026-09-01,20,5,{},{},,"]
    named = [rows[0].format("1", "203.0.113.0/29 2001:db8::/48"), rows[1].format("2", "198.51.100.0/24")]
    nameless = [rows[0].format("1", ""), rows[1].format("2", "")]
    assert (
        "line 3, column networks: school 0101 has the lines 1 and 2"
        in command("contracts", "import", table(*nameless, header=header))[2]
    )
    assert "recorded: 2" in command("contracts", "import", table(*named, header=header))[2]


def test_the_registry_brings_contracts_along(command, table):
    """Where a row names one; speeds are the registry's own columns where the contract has none of its own."""
    rows = [
        "0103,School,KZ-75,,43.2,76.9,300,fibre,Alpha,20,5,A-3,2026-09-01,german-99-2021",
        "0104,School,KZ-75,,43.2,76.9,300,fibre,Alpha,20,5,,,",
    ]
    status, _, said = command("schools", "import", table(*rows, header=REGISTRY))
    assert (status, "contracts recorded: 1" in said) == (0, True)
    found = json.loads(command("contracts", "list", "--format", "json", "--day", "2026-09-01")[1])["items"]
    assert [(one["school"], one["state"]) for one in found] == [
        ("0101", "no contract"),
        ("0102", "no contract"),
        ("0103", "holds"),
        ("0104", "no contract"),
    ]
    terms = found[2]["terms"]
    assert (terms["download_bps"], terms["upload_bps"], terms["rule"]) == (20_000_000, 5_000_000, "german-99-2021")
    rows[0] = rows[0].replace("german-99-2021", "70-70").replace("School", "Renamed")
    status, _, said = command("schools", "import", table(*rows, header=REGISTRY))
    assert (status, "line 2, column sla_rule: there is no rule '70-70'" in said) == (1, True)
    with_registry = json.loads(command("contracts", "list", "--format", "json", "--missing")[1])
    assert with_registry["total"] == 3


def test_tables_for_people(command, table, database_url):
    """Contracts, exclusions and disputes as tables; whatever was written into them colours nothing."""
    command("contracts", "import", table(ROW.replace("Alpha", "[red]Alpha")))
    printed = command("contracts", "list")[1]
    assert "no contract" in printed
    assert "[red]" in printed.replace("\n", "")
    begins = datetime.now(UTC) - timedelta(days=2)
    asked = ("--kind", "force_majeure", "--school", "0101", "--reason", "a flood")
    status, named, _ = command(
        "exclusions", "add", *asked, "--begins", begins.isoformat(), "--ends", datetime.now(UTC).isoformat()
    )
    assert status == 0
    assert named.strip() in command("exclusions", "list", "--school", "0101")[1]
    assert "refused from now on" in command("exclusions", "refuse", named.strip(), "--reason", "it was not")[2]
    assert command("exclusions", "refuse", named.strip())[0] == 1
    assert command("exclusions", "add", *asked, "--begins", "today", "--ends", "tomorrow")[0] == 2
    assert "0 in all" in command("disputes", "list")[1]


def test_a_dispute_is_decided_at_the_command_line(command, table, database, database_url):
    """With what follows from it, in local time."""
    command("contracts", "import", table(ROW))
    with psycopg.connect(database_url) as connection:
        connection.execute(VERDICT)
    said = disputes.Objection(school="0101", month="2026-10", version=1, claim="without power")
    on = disputes.Occasion(
        Who("Alpha", "operator", "Alpha"), datetime.now(UTC), disputes.working_days(PolicySettings())
    )
    with database.reading(Viewer("operator", "Alpha")) as connection:
        found = disputes.judged(connection, said, Viewer("operator", "Alpha"))
    with database.ingesting() as connection:
        opened = disputes.open_one(connection, said, found, on)
    with database.ingesting() as connection:
        piece = disputes.Piece(name="a.txt", content=b"on", text="a log")
        known = disputes.attach(connection, opened.id, piece, on)
    assert "waits for evidence" in " ".join(command("disputes", "list")[1].split())
    sha256 = known.steps[1].attached.sha256
    assert command("disputes", "file", opened.id, sha256)[1] == "on"
    decide = ("disputes", "decide", opened.id, "--outcome", "upheld", "--reason", "so it was")
    assert command(*decide, "--exclude", "bad_luck,2026-10-05T08:00,2026-10-05T18:00")[0] == 2
    status, _, told = command(*decide, "--exclude", "power_cut,2026-10-05T08:00,2026-10-05T18:00")
    assert (status, "is decided: upheld; 2026-10 is judged again" in told) == (0, True)
    shown = json.loads(command("disputes", "show", opened.id)[1])
    (excluded,) = json.loads(command("exclusions", "list", "--format", "json")[1])["items"]
    assert shown["dispute"]["exclusions"] == [excluded["id"]]
    assert (excluded["begins"], excluded["operator"]) == ("2026-10-05T03:00:00Z", "Alpha")
