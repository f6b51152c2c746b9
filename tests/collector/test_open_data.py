import csv
import hashlib
import importlib
import io
import json
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from psycopg.types.json import Jsonb

from agent.contract.errors import SettingsError
from collector import ingest, opendata, periods
from collector.errors import NotFound
from collector.opendata import giga, schools
from collector.settings import OpenDataSettings
from collector.store.database import MINISTRY
from collector.store.open_data import SingleTest, single_tests
from tests.fakes.computer import paced, throughput, wire_link

parquet = importlib.import_module("pyarrow.parquet")
ZONE = ZoneInfo("Asia/Almaty")
PERIOD = periods.parse("2026-Q4", ZONE)
SETTINGS = OpenDataSettings(licence="CC-BY-4.0", licence_url="https://example/by", publisher="Ministry")
FILES = ["schools.csv", "schools.json", "schools.parquet", "regions.csv", "regions.json", "regions.parquet"]


@pytest.fixture
def judged(database):
    """Write a row of school_period as the rollup would."""

    def write(school_id, **changes):
        values = {
            "school_id": school_id,
            "period": "2026-Q4",
            "operator": "",
            "region_id": "KZ-75",
            "synthetic": False,
            "pupils": 432,
            "tests": 50,
            "computers": 5,
            "days": 20,
            "slots": 40,
            "slots_met": 30,
            "slots_missed": 6,
            "share": 0.83333333,
            "share_low": 0.7,
            "share_high": 0.91,
            "download_p25_bps": 20e6,
            "download_bps": 31_234_567.0,
            "download_p95_bps": 40e6,
            "upload_bps": 7e6,
            "required_download_bps": 21.6e6,
            "required_upload_bps": 5e6,
            "meets": True,
            "state": "ready",
            "reason": "because",
        } | changes
        with database.owning() as connection:
            present = {
                row[0]: row[1]
                for row in connection.execute(
                    "select column_name, data_type from information_schema.columns where table_name = 'school_period'"
                    " and is_nullable = 'NO' and column_default is null"
                )
            }
            fill = {"text": "any", "jsonb": Jsonb({}), "boolean": False, "bytea": b""}
            values = {name: fill.get(kind, 0) for name, kind in present.items()} | values
            names, marks = ", ".join(values), ", ".join(["%s"] * len(values))
            connection.execute(f"insert into school_period ({names}) values ({marks})", list(values.values()))  # noqa: S608 - our own names

    return write


@pytest.fixture
def extract(database):
    """Return the public rows."""

    def rows(settings=SETTINGS):
        with database.reading(MINISTRY) as connection:
            return opendata.extract(connection, PERIOD, settings)

    return rows


@pytest.fixture
def export(database, tmp_path):
    """Write the extract and return the folder."""

    def write(name="open"):
        with database.reading(MINISTRY) as connection:
            opendata.export(connection, PERIOD, SETTINGS, tmp_path / name)
        return tmp_path / name

    return write


def test_a_school_is_told_with_rounded_figures(add_school, judged, extract):
    """Place, pupils and needed speed are coarse, rates are of a tenth of a Mbit/s."""
    add_school("0001", latitude=43.25671, longitude=76.94519, pupils=432, connectivity_type="fibre", district="D")
    judged("0001")
    (row,), (region,) = extract()
    assert (row.latitude, row.longitude, row.pupils) == (43.26, 76.95, "401-800")
    assert (row.download_bps, row.required_download_bps, row.share) == (31_200_000.0, 25_000_000.0, 0.833)
    assert (row.state, row.meets, row.withheld, row.slots) == ("ready", True, False, 40)
    assert (region.region_id, region.schools, region.judged, region.ready) == ("KZ-75", 1, 1, 1)
    assert region.ready_share == 1.0


@pytest.mark.parametrize(("computers", "withheld"), [(0, False), (1, True), (2, True), (3, False)])
def test_figures_of_few_computers_are_withheld_and_the_answer_is_not(add_school, judged, extract, computers, withheld):
    """What one computer saw is its user's business; whether the line is fit for lessons is everybody's."""
    add_school("0001")
    judged("0001", computers=computers)
    (row,), (region,) = extract()
    measured = [name for name in row.__struct_fields__ if name.endswith("_bps") and not name.startswith("required")]
    measured += ["days", "slots", "slots_met", "slots_missed", "share", "share_low", "share_high"]
    assert row.withheld is withheld
    assert any(getattr(row, name) is not None for name in measured) is (computers >= 3)
    assert row.meets is True
    assert (region.download_bps is not None) is (computers >= 3)


def test_nothing_private_is_in_it(database, add_school, enrolled, judged, export):
    """No operator, contract, note, device, server or address of what is stored appears in any file."""
    add_school(
        "0001", operator="Secret Operator", download_contracted_bps=77_777_777, extra={"director": "A Person, phone"}
    )
    computer = enrolled("0001")
    with database.ingesting() as connection:
        ingest.accept(
            connection, [computer.report(wire_link(address="192.168.7.7"), throughput(30e6, 6e6))], PERIOD.start
        )
    judged("0001")
    folder = export()
    everything = b"".join(file.read_bytes() for file in folder.iterdir() if file.suffix != ".parquet")
    everything += str([parquet.read_table(file).to_pylist() for file in folder.glob("*.parquet")]).encode()
    for secret in ("Secret", "77777777", "Person", computer.id, "192.168.7.7", "ws://", "eth0", "432"):
        assert secret.encode() not in everything, secret


def test_synthetic_and_closed_schools_are_no_data_of_a_period(add_school, extract):
    """Invented schools never, closed ones not after their end; without any real school there is no extract."""
    add_school("SYN-1", synthetic=True)
    with pytest.raises(NotFound, match="synthetic"):
        extract()
    add_school("0001", closed_on=date(2026, 9, 30))
    add_school("0002", closed_on=date(2026, 10, 2))
    add_school("0003", connected=False)
    rows, _ = extract()
    assert [(row.school_id, row.state) for row in rows] == [("0002", "not enough data"), ("0003", "not connected")]


def test_the_three_forms_hold_the_same_and_the_package_describes_them(add_school, judged, export):
    """Every file has its true hash and size in datapackage.json, and every column its meaning."""
    add_school("0001", name='=cmd|" №1', latitude=43.2)
    add_school("0002")
    judged("0001")
    folder = export()
    package = json.loads((folder / "datapackage.json").read_bytes())
    assert [one["path"] for one in package["resources"]] == FILES
    for one in package["resources"]:
        content = (folder / one["path"]).read_bytes()
        assert one["hash"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
        assert one["bytes"] == len(content)
        assert all(field["description"] for field in one["schema"]["fields"])
    units = {field["name"]: field.get("unit") for field in package["resources"][0]["schema"]["fields"]}
    assert all(units[name] == "bit/s" for name in units if name.endswith("_bps"))
    assert package["licenses"] == [{"name": "CC-BY-4.0", "path": "https://example/by"}]
    as_json = json.loads((folder / "schools.json").read_bytes())
    assert parquet.read_table(folder / "schools.parquet").to_pylist() == as_json
    as_csv = list(csv.DictReader(io.StringIO((folder / "schools.csv").read_text(encoding="utf-8"))))
    assert list(as_csv[0]) == list(as_json[0]) == list(units)
    assert as_csv[0]["name"].startswith("'=")  # no spreadsheet program runs it


def test_the_same_data_gives_the_same_bytes(add_school, judged, export):
    """Whoever keeps two extracts sees by their hashes whether anything changed; empty columns keep their type."""
    add_school("0001")
    judged("0001")
    first, second = export("one"), export("two")
    for name in [*FILES, "datapackage.json"]:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    schema = parquet.read_schema(first / "schools.parquet")
    assert str(schema.field("latitude").type) == "double"


@pytest.mark.parametrize(
    ("pupils", "name"), [(None, None), (0, "0-100"), (100, "0-100"), (101, "101-400"), (1501, "over 1500")]
)
def test_pupils_are_told_in_classes(pupils, name):
    """Null stays unknown."""
    assert schools.pupils_class(pupils) == name


def test_a_folder_that_cannot_be_written_is_told(tmp_path, add_school, judged, database):
    """The sentence names it."""
    add_school("0001")
    (tmp_path / "file").write_text("x")
    with database.reading(MINISTRY) as connection, pytest.raises(SettingsError, match="cannot write"):
        opendata.export(connection, PERIOD, SETTINGS, tmp_path / "file")


@pytest.fixture
def tests_sent(database, add_school, enrolled):
    """Deliver three sessions: a usual one, a disturbed one, and one of which only lower bounds are known."""
    add_school("0001", extra={"school_id_giga": "7C32006A-c3d1"})
    computer = enrolled("0001")
    at = datetime(2026, 11, 3, 5, 0, tzinfo=UTC)
    sent = [
        computer.report(throughput(30e6, 6e6, rtt_idle_ms=12.6), at=at),
        computer.report(throughput(20e6, 4e6, tainted=("cross_traffic",)), at=at, trigger="manual"),
        computer.report(throughput(1, 1, download=paced(20e6), upload=paced(5e6)), at=at),
    ]
    with database.ingesting() as connection:
        assert {one.answer for one in ingest.accept(connection, sent, at)} == {"stored"}
    return computer


def test_tests_go_out_under_gigas_names_and_in_its_units(database, tests_sent, tmp_path):
    """One row a test: kbit/s of the application's bytes, whole milliseconds, nothing of a person or a device."""
    with database.reading(MINISTRY) as connection:
        assert giga.write(single_tests(connection, PERIOD), "KZ", tmp_path / "tests.csv") == 2
    usual, disturbed = csv.DictReader(io.StringIO((tmp_path / "tests.csv").read_text(encoding="utf-8")))
    assert tuple(usual) == giga.COLUMNS
    assert (float(usual["download"]), float(usual["upload"]), usual["latency"]) == (28_950.0, 5_790.0, "13")
    assert (usual["school_id"], usual["giga_id_school"], usual["notes"]) == ("0001", "7c32006a-c3d1", "daily")
    assert usual["timestamp"] == "2026-11-03T05:00:00.000Z"
    assert json.loads(usual["server_info"]) == {"FQDN": "127.0.0.1"}
    assert (disturbed["annotation"], disturbed["notes"]) == ("cross_traffic", "manual")
    assert usual["uuid"] != disturbed["uuid"]
    private = ("browser_id", "ip_address", "device_hardware_id", "windows_username", "installed_path", "client_info")
    assert all(not usual[name] for name in (*private, "wifi_connections", "device_type", "results"))
    assert tests_sent.id not in (tmp_path / "tests.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("server", ["ws://[", "ws://a]b", "wss://\u2100.x"])
def test_a_server_that_is_no_address(server):
    """What a computer calls its server keeps no other test from being given away."""
    at = datetime(2026, 11, 3, 5, tzinfo=UTC)
    known = {"measured_at": at, "received_at": at, "school_id": "1", "payload_sha256": b"", "trigger": "once"}
    known |= {"software": "x", "position": 0, "giga_id_school": None, "engine": "msak", "rtt_idle_ms": None}
    known |= {"download_bps": 1e6, "upload_bps": None, "data_downloaded": None, "data_uploaded": None}
    found = giga.row(SingleTest(server=server, tainted=[], **known), "KZ")
    assert (found["server_info"], found["download"]) == (None, 1000.0)


def test_json_lines_hold_the_same(database, tests_sent, tmp_path):
    """A file called .jsonl has one object a line, null where nothing is told; the same tests, the same bytes."""
    for name in ("one.jsonl", "two.jsonl"):
        with database.reading(MINISTRY) as connection:
            giga.write(single_tests(connection, PERIOD), "KZ", tmp_path / name)
    rows = [json.loads(line) for line in (tmp_path / "one.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["download"] for row in rows] == [28_950.0, 19_300.0]
    assert rows[0]["browser_id"] is None
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()
