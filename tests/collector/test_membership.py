import itertools
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import cli, periods, rankings, registry
from collector.errors import RegistryError
from collector.registry import membership
from collector.store import history, schools
from collector.store.database import MINISTRY
from collector.store.history import Told

HEADER = registry.template().strip()
ROW = "{id},{name},{region},Район,,,{pupils},fibre,{operator},20,5"
EARLY, LATE = date(2025, 9, 1), date(2026, 9, 1)


def line(school_id="0001", name="One", region="KZ-75", pupils=300, operator="A", **more) -> str:
    return ",".join(
        [ROW.format(id=school_id, name=name, region=region, pupils=pupils, operator=operator), *more.values()]
    )


@pytest.fixture
def read(tmp_path):
    """Read a registry of these lines, of a date."""

    def of(as_of, *lines, more="", form="netready", header=HEADER):
        file = tmp_path / "schools.csv"
        file.write_text("\n".join([header + more, *lines, ""]), encoding="utf-8")
        return registry.read(file, as_of, form)

    return of


@pytest.fixture
def bring(database, read):
    """Import a registry of these lines, of a date."""

    def of(as_of, *lines, **how):
        with database.owning() as connection:
            return registry.take(connection, read(as_of, *lines, **how))

    return of


@pytest.fixture
def ask(database):
    """Read as the ministry."""

    def question(words, *values):
        with database.reading(MINISTRY) as connection:
            return connection.execute(words, values).fetchall()

    return question


def test_every_word_of_the_registry_is_kept_with_its_dates(bring, ask):
    """A school that was renamed and moved keeps what it was, until the day on which it was something else."""
    bring(EARLY, line(name="Old", region="KZ-63"))
    bring(date(2026, 1, 1), line(name="Old", region="KZ-63"))
    taken = bring(LATE, line(name="New", region="KZ-10"))
    assert ask("select valid_from, valid_to, name, region_id from school_history order by valid_from") == [
        (EARLY, LATE, "Old", "KZ-63"),
        (LATE, None, "New", "KZ-10"),
    ]
    assert taken.changes == {"renamed": 1, "moved to another region": 1}
    assert (taken.added, taken.renewed) == (0, 1)


def test_an_older_registry_is_put_in_its_place_and_changes_nothing_else(bring, ask, database):
    """What a school is now is what the newest registry says, whenever an older one is imported."""
    bring(LATE, line(name="Now", pupils=500))
    taken = bring(EARLY, line(name="Then", pupils=100))
    assert taken.history_only == 1
    assert ask("select name, pupils from school") == [("Now", 500)]
    with database.reading(MINISTRY) as connection:
        on = [history.schools_on(connection, ["0001"], day)["0001"].name for day in (date(2020, 1, 1), EARLY, LATE)]
    assert on == ["Then", "Then", "Now"]


def test_the_same_day_again_corrects_what_was_said(bring, ask):
    """A mistake in a file is mended by the mended file with the same date."""
    bring(LATE, line(pupils=30))
    bring(LATE, line(pupils=300))
    assert ask("select valid_from, pupils from school_history") == [(LATE, 300)]


def test_a_closed_school_keeps_its_past_and_is_closed_once(bring, ask):
    """Giga's word for it closes a school on the file's date; later files do not close it anew; an open one opens it."""
    bring(EARLY, line())
    assert bring(LATE, line(open="No"), more=",is_school_open").changes == {"closed": 1}
    bring(date(2026, 10, 1), line(open="no"), more=",is_school_open")
    bring(date(2026, 10, 2), line(open=""), more=",is_school_open")
    bring(date(2026, 10, 3), line())
    assert ask("select closed_on from school") == [(LATE,)]
    assert bring(date(2026, 10, 4), line(open="Yes"), more=",is_school_open").changes == {"open again": 1}
    assert ask("select closed_on from school") == [(None,)]


def test_a_merged_school_stays_itself_and_names_the_other(bring, ask, database):
    """The id it was merged into is kept and shown; it closes on that day unless another is given."""
    ends = ",closed_on,merged_into"
    bring(EARLY, line(), line("0002"))
    taken = bring(LATE, line(closed="01.06.2026", into="0002"), line("0002", closed="", into=""), more=ends)
    assert taken.changes == {"closed": 1, "merged into another": 1}
    with database.reading(MINISTRY) as connection:
        found = schools.visible_school(connection, "0001")
    assert (found.closed_on, found.merged_into) == (date(2026, 6, 1), "0002")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([line(into="0009")], "0001 is merged into 0009, which is not known"),
        ([line(into="0002"), line("0002", into="0001")], "0001 is merged into 0002, in a circle"),
    ],
)
def test_a_merger_into_nothing_or_in_a_circle_is_refused_whole(bring, ask, lines, told):
    """Nothing is imported where the file cannot be right."""
    with pytest.raises(RegistryError, match=told):
        bring(LATE, *lines, more=",merged_into")
    assert ask("select count(*) from school") == [(0,)]


@pytest.mark.parametrize(
    ("more", "cells", "told"),
    [
        (",is_school_open", {"a": "perhaps"}, "neither yes nor no"),
        (",closed_on", {"a": "31.02.2026"}, "is no date"),
        (",closed_on", {"a": "soon"}, "is no date"),
        (",merged_into", {"a": "0001"}, "merged into itself"),
        (",is_school_open,closed_on", {"a": "yes", "b": "2026-01-01"}, "open and that it has ended"),
    ],
)
def test_an_ending_that_cannot_be_right_names_its_line(read, more, cells, told):
    """Mistakes about closing are found like all others."""
    with pytest.raises(RegistryError, match=f"line 2.*{told}"):
        read(LATE, line(**cells), more=more)


def test_what_is_missing_is_listed_and_never_deleted(bring, ask):
    """Open real schools that a file lacks are named; closed and synthetic ones are not missed."""
    bring(EARLY, line(open=""), line("0002", name="Two", open=""), line("0003", open="no"), more=",is_school_open")
    assert bring(LATE, line()).missing == (("0002", "Two"),)
    assert ask("select count(*) from school") == [(3,)]


def test_an_old_registry_is_understood_by_the_regions_of_its_day(bring, ask, read):
    """Before the splits of 2018 and 2022 a region's name meant a larger area; it is kept so, with a warning."""
    before = read(date(2017, 9, 1), line(region="Южно-Казахстанская область"), line("0002", region="KZ-YUZ"))
    assert [row.region_id for row in before.rows] == ["KZ-YUZ", "KZ-YUZ"]
    assert "which ended on 2018-06-19" in before.warnings[0]
    assert "KZ-61 (Turkistan Region), KZ-79 (Shymkent)" in before.warnings[0]
    bring(date(2021, 9, 1), line(region="Восточно-Казахстанская область"))
    bring(LATE, line(region="Восточно-Казахстанская область"))
    assert ask("select valid_from, region_id from school_history order by 1") == [
        (date(2021, 9, 1), "KZ-VOS"),
        (LATE, "KZ-63"),
    ]
    assert ask("select name_en from region where region_id = 'KZ-VOS'") == [("East Kazakhstan Region",)]


def test_todays_codes_mean_todays_areas_whatever_the_date(read):
    """An old table that someone gave today's codes is taken at its word, with a warning where borders are younger."""
    found = read(date(2021, 9, 1), line(region="KZ-10"), line("0002", region="KZ-75"))
    assert [row.region_id for row in found.rows] == ["KZ-10", "KZ-75"]
    assert len(found.warnings) == 1
    assert "'KZ-10' has these borders since 2022-06-08" in found.warnings[0]


def test_an_ambiguous_name_stays_ambiguous_in_the_past(read):
    """The word "Алматы" was the city or the larger region then, too."""
    with pytest.raises(RegistryError, match=r"KZ-ALM \(Almaty Region\), KZ-75"):
        read(date(2021, 9, 1), line(region="Алматы"))


def test_changes_mark_the_days_that_are_judged_anew(bring, database, ask):
    """Days from the change on, and the newest before; none where only the name is another."""
    bring(EARLY, line(), line("0002"))
    days = [date(2026, 8, 30), date(2026, 8, 31), date(2026, 9, 1), date(2026, 9, 2)]
    with database.owning() as connection:
        columns = [
            (row[0], row[1])
            for row in connection.execute(
                "select column_name, data_type from information_schema.columns where table_name = 'school_day'"
                " and is_nullable = 'NO' and column_name not in ('school_id', 'day')"
            )
        ]
        fill = {"text": "''", "jsonb": "'{}'", "boolean": "false", "bytea": "''"}
        values = ["'any'" if name == "voice" else fill.get(kind, "0") for name, kind in columns]
        for school_id in ("0001", "0002"):
            for day in days:
                connection.execute(
                    f"insert into school_day (school_id, day, {', '.join(name for name, _ in columns)})"  # noqa: S608 - names of our own table
                    f" values (%s, %s, {', '.join(values)})",
                    (school_id, day),
                )
    bring(LATE, line(pupils=900), line("0002", name="Other name"))
    with database.owning() as connection:
        found = connection.execute("select school_id, day from dirty_day order by 2").fetchall()
    assert found == [("0001", day) for day in days[1:]]


POINTS = st.dictionaries(st.dates(date(2020, 1, 1), date(2020, 1, 9)), st.sampled_from("ABC"), min_size=1)


@given(POINTS, st.dates(date(2020, 1, 1), date(2020, 1, 9)), st.sampled_from("ABC"))
def test_a_timeline_has_no_gap_and_no_change_that_changes_nothing(points, day, name):
    """Spans follow each other without gaps, neighbours differ, and a word holds from its day until another is said."""
    told = {at: Told(name=word, region_id="KZ-75") for at, word in {**points, day: name}.items()}
    rows = membership.timeline("1", told)
    assert [row.valid_to for row in rows] == [*(row.valid_from for row in rows[1:]), None]
    assert all(one.name != other.name for one, other in itertools.pairwise(rows))
    assert next(row.name for row in reversed(rows) if row.valid_from <= day) == name
    assert rows[0].valid_from == min(told)


def test_an_import_before_there_was_a_history_begins_one(database, add_school, bring, ask):
    """A school of an older version's database keeps what it was when it was imported."""
    add_school("0001", name="Before")
    with database.owning() as connection:
        connection.execute("update school set updated_at = %s", (datetime(2026, 3, 3, 12, tzinfo=UTC),))
    bring(LATE, line(name="After"))
    assert ask("select valid_from, name from school_history order by 1") == [
        (date(2026, 3, 3), "Before"),
        (LATE, "After"),
    ]


GIGA = (
    "school_id_giga,school_id_govt,school_name,admin1,admin2,latitude,longitude,education_level,num_students,"
    "connectivity,connectivity_govt,connectivity_type,connectivity_type_govt,download_speed_contracted,contact_name,"
    "contact_email,is_school_open,deleted_at"
)


def giga(**changes) -> str:
    cells = {
        "school_id_giga": "7c32006a-c3d1-3798-9082-be9b8222d872",
        "school_id_govt": "0001",
        "school_name": "One",
        "admin1": "Алматы қаласы",
        "admin2": "Бостандық",
        "latitude": "43.2567000000000012345",
        "longitude": "76.9",
        "education_level": "Secondary",
        "num_students": "420.0",
        "connectivity": "Yes",
        "connectivity_type": "fiber",
        "download_speed_contracted": "100.0",
        "contact_name": "A Person",
        "is_school_open": "Yes",
    } | changes
    return ",".join(cells.get(name, "") for name in GIGA.split(","))


def test_gigas_school_master_arrives_with_its_meaning(read):
    """Its columns become ours, its unknowns stay unknown, people are left out, and what is more is kept."""
    found = read(LATE, giga(), header=GIGA, form="giga")
    (school,) = found.rows
    assert (school.school_id, school.region_id, school.district) == ("0001", "KZ-75", "Бостандық")
    assert (school.latitude, school.pupils) == (43.2567, 420)
    assert (school.connectivity_type, school.connected) == ("fibre", True)
    assert school.download_contracted_bps == 100_000_000
    assert school.extra["school_id_giga"] == "7c32006a-c3d1-3798-9082-be9b8222d872"
    assert not any(name.startswith("contact") for name in school.extra)
    assert set(found.silent_on) == {"operator", "upload_contracted_bps"}
    assert found.warnings == ("personal data is not kept: contact_email, contact_name",)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"connectivity": "No", "connectivity_type": "unknown"}, ("none", False)),
        ({"connectivity": "", "connectivity_govt": "No", "connectivity_type": ""}, ("none", False)),
        ({"connectivity_type": "", "connectivity_type_govt": "satellite"}, ("satellite", True)),
        ({"connectivity_type": "NaN"}, (None, None)),
    ],
)
def test_gigas_words_for_a_line(read, changes, expected):
    """Its yes, no and unknown, and the government's where its own are empty."""
    (school,) = read(LATE, giga(download_speed_contracted="0", **changes), header=GIGA, form="giga").rows
    assert (school.connectivity_type, school.connected) == expected
    assert school.download_contracted_bps is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"school_id_govt": ""}, "no government id"), ({"school_id_govt": "12345.0"}, "took for a number")],
)
def test_giga_rows_that_nobody_can_match_are_refused(read, changes, told):
    """Without the ministry's own id a row belongs to no school."""
    with pytest.raises(RegistryError, match=f"line 2, column school_id_govt: .*{told}"):
        read(LATE, giga(**changes), header=GIGA, form="giga")


def test_schools_that_giga_deleted_are_left_out(read):
    """They are told, and are no schools."""
    found = read(LATE, giga(), giga(school_id_govt="0002", deleted_at="2026-01-01"), header=GIGA, form="giga")
    assert len(found.rows) == 1
    assert "Giga has deleted" in found.warnings[-1]


def test_gigas_file_leaves_alone_what_it_does_not_know(bring, ask):
    """The ministry's operator and upload contract stay when Giga's file is imported over them."""
    bring(EARLY, line(operator="Operator A"))
    bring(LATE, giga(), header=GIGA, form="giga")
    assert ask("select operator, upload_contracted_bps, download_contracted_bps, pupils from school") == [
        ("Operator A", 5_000_000, 100_000_000, 420)
    ]


def test_the_command_tells_what_changed(tmp_path, capsys):
    """`schools import` says what happened to schools, and with --complete which are missing."""
    data = ["--data", str(tmp_path / "data")]
    file = tmp_path / "schools.csv"
    file.write_text(f"{HEADER}\n{line()}\n{line('0002', name='Two')}\n", encoding="utf-8")
    assert cli.main(["schools", "import", str(file), "--as-of", "2025-09-01", *data]) == 0
    file.write_text(f"{HEADER}\n{line(name='Renamed')}\n", encoding="utf-8")
    capsys.readouterr()
    assert cli.main(["schools", "import", str(file), "--as-of", "2026-09-01", "--complete", *data]) == 0
    said = capsys.readouterr().err
    assert "renamed: 1" in said
    assert "not in this file: 1" in said
    assert "0002 Two" in said
    assert cli.main(["schools", "import", str(file), "--as-of", "2999-01-01", *data]) == 2


def test_a_closed_school_ranks_until_it_closed_and_not_after(bring, database):
    """The period in which it closed still counts it; later ones do not, and what was measured stays."""
    zone = ZoneInfo("Asia/Almaty")
    bring(EARLY, line(), line("0002"))
    bring(LATE, line(closed="2026-06-01"), line("0002", closed=""), more=",closed_on")
    ranked = {}
    with database.reading(MINISTRY) as connection:
        for label in ("2026-Q2", "2026-Q3"):
            window = rankings.Window(periods.parse(label, zone))
            ranked[label] = [row.id for row in rankings.get("schools").ranked(connection, window).rows]
    assert ranked == {"2026-Q2": ["0001", "0002"], "2026-Q3": ["0002"]}
