import contextlib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import registry
from collector.errors import RegistryError
from collector.registry import cells
from collector.registry.findings import MAX_SHOWN

HEADER = registry.template().strip()
TODAY = date(2026, 11, 23)
ROW = "0012,Мектеп №1,KZ-75,Бостандық,43.2,76.9,420,fiber,Operator,20,5"


@pytest.fixture
def read(tmp_path):
    def _read(content, name="schools.csv"):
        file = tmp_path / name
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return registry.read(file, TODAY)

    return _read


@pytest.fixture
def problems_of(read):
    def _problems(*rows):
        with pytest.raises(RegistryError) as error:
            read("\n".join((HEADER, *rows, "")))
        return error.value.problems

    return _problems


def row(**cells_by_column):
    """Return a CSV row that is right but for the cells given."""
    values = dict(zip(HEADER.split(","), ROW.split(","), strict=True)) | cells_by_column
    return ",".join('"' + str(value).replace('"', '""') + '"' for value in values.values())


def test_a_right_file_is_read_whole(read):
    """Every column of the interface arrives with its meaning, and speeds become bit/s."""
    found = read(f"{HEADER}\n{ROW}\n")
    assert found.warnings == ()
    (school,) = found.rows
    assert school.school_id == "0012"
    assert (school.name, school.region_id, school.district) == ("Мектеп №1", "KZ-75", "Бостандық")
    assert (school.latitude, school.longitude, school.pupils) == (43.2, 76.9, 420)
    assert (school.connectivity_type, school.connected, school.operator) == ("fibre", True, "Operator")
    assert (school.download_contracted_bps, school.upload_contracted_bps) == (20_000_000, 5_000_000)
    assert not school.synthetic


def test_what_is_not_known_is_null_and_never_an_invented_zero(read):
    """Empty cells stay unknown."""
    (school,) = read(f"{HEADER}\n0012,Мектеп,KZ-75,,,,,,,,\n").rows
    nothing = (school.district, school.latitude, school.longitude, school.pupils, school.operator)
    assert nothing == (None,) * 5
    assert (school.connectivity_type, school.connected, school.download_contracted_bps) == (None, None, None)


@pytest.mark.parametrize("word", ["none", "No", "нет", "жоқ", "Нет"])
def test_a_school_without_a_line_is_not_connected(read, word):
    """Words for "no line" make a school not connected; a contract of 0 is then no contract."""
    (school,) = read(
        f"{HEADER}\n{row(connectivity_type=word, download_speed_contracted=0, upload_speed_contracted='')}"
    ).rows
    assert (school.connectivity_type, school.connected, school.download_contracted_bps) == ("none", False, None)


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("Fiber", "fibre"),
        ("ВОЛС", "fibre"),
        ("ADSL", "adsl"),
        ("VSAT", "satellite"),
        ("РРЛ", "microwave"),
        ("Pigeon", "pigeon"),
    ],
)
def test_usual_words_for_a_line_become_one(read, written, kind):
    """Rankings by technology need one word a technology; a word that is not known is kept in lower case."""
    assert read(f"{HEADER}\n{row(connectivity_type=written)}").rows[0].connectivity_type == kind


def test_an_unknown_line_is_unknown_and_not_missing(read):
    """The word "unknown" does not make a school connected or unconnected."""
    school = read(f"{HEADER}\n{row(connectivity_type='unknown')}").rows[0]
    assert (school.connectivity_type, school.connected) == (None, None)


def test_headers_match_whatever_their_case_and_spaces_and_order(read):
    """A header typed by a person is still the header; further columns are kept by their name."""
    header = (
        "Note, SCHOOL_NAME ,School ID Govt,admin1,admin2,latitude,longitude,Num Students,connectivity-type,operator"
    )
    found = read(
        f"\ufeff{header},download_speed_contracted,upload_speed_contracted\nнов ая,Мектеп,07,KZ-10,,,,12,,,,\n"
    )
    assert found.rows[0].school_id == "07"
    assert found.rows[0].extra == {"Note": "нов ая"}


@pytest.mark.parametrize("missing", HEADER.split(","))
def test_a_missing_column_is_named(read, missing):
    """Each column of the interface is missed by name on line 1."""
    header = HEADER.split(",")
    header[header.index(missing)] = "something_else"
    with pytest.raises(RegistryError, match=f"line 1, column {missing}: the column is missing"):
        read(f"{','.join(header)}\n{ROW}\n")


def test_a_column_twice_is_refused(read):
    """Two columns of one name leave open which counts."""
    with pytest.raises(RegistryError, match="line 1, column operator: there are 2 columns of this name"):
        read(f"{HEADER},Operator\n{ROW},x\n")


def test_leading_zeros_stay_and_stray_spaces_go(read):
    """Ids are text: zeros in front, spaces around, and invisible signs inside are handled as people mean them."""
    rows = [row(school_id_govt=" 0012 "), row(school_id_govt="00\u00a013\u200b")]
    found = read("\n".join((HEADER, *rows)))
    assert [school.school_id for school in found.rows] == ["0012", "0013"]


def test_names_lose_only_what_nobody_sees(read):
    """Line breaks, doubled and odd spaces in a name become one space; a soft hyphen goes."""
    found = read("\n".join((HEADER, row(school_name="  Мек\u00adтеп\u00a0 №1\nАлматы "))))
    assert found.rows[0].name == "Мектеп №1 Алматы"


def test_the_same_id_twice_names_both_lines(problems_of):
    """A duplicate id is refused, with spaces around it too, and line breaks in cells do not shift the lines."""
    (problem,) = problems_of(row(school_name="two\nlines"), row(school_id_govt="7"), row(school_id_govt=" 0012"))
    assert problem.startswith("line 5, column school_id_govt: '0012' is already on line 2")


def test_ids_that_differ_only_by_zeros_are_shown(read):
    """Whether "0012" and "12" are one school is for a person to say."""
    found = read(f"{HEADER}\n{ROW}\n{row(school_id_govt='12')}\n{row(school_id_govt='0013')}\n")
    assert len(found.rows) == 3
    assert any("line 3" in warning and "'12' is nearly '0012' of line 2" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("column", "value", "complaint"),
    [
        ("school_id_govt", "", "empty; write the school's id"),
        ("school_id_govt", "x" * 65, "65 characters"),
        ("school_id_govt", "1.23457E+11", "short form"),
        ("school_id_govt", "1\x012", "control character U+0001"),
        ("school_id_govt", "SYN-000001", "simulated school"),
        ("school_name", " \u200b ", "empty; write the school's name"),
        ("school_name", "x" * 301, "300 are allowed"),
        ("school_name", "bell\x07", "control character U+0007"),
        ("admin1", "", "empty; write the region's code"),
        ("admin1", "\u200b", "empty; write the region's code"),
        ("admin1", "KZ-99", "'KZ-99' is no region known here; write the code: KZ-10 (Abai Region)"),
        ("admin1", "Алматы", "may mean several regions; write the code: KZ-19 (Almaty Region), KZ-75 (Almaty city)"),
        ("latitude", "91", "91 is outside -90..90"),
        ("latitude", "43°15'", "is no number"),
        ("longitude", "-180.5", "outside -180..180"),
        ("num_students", "-3", "is no number of pupils"),
        ("num_students", "12.5", "is no number of pupils"),
        ("num_students", "???", "'???' is no number of pupils"),
        ("num_students", "20001", "at most 20000 are believed"),
        ("download_speed_contracted", "0", "above 0"),
        ("download_speed_contracted", "-20", "above 0"),
        ("download_speed_contracted", "20 Mbps", "is no number"),
        ("download_speed_contracted", "20000000", "is it in bit/s"),
        ("download_speed_contracted", "1,000", "may be 1000 or 1 Mbit/s"),
        ("upload_speed_contracted", "nan", "is no number"),
        ("upload_speed_contracted", "1e3", "is no number"),
        ("upload_speed_contracted", "١٢", "is no number"),
    ],
)
def test_a_wrong_cell_is_named_with_line_column_and_value(problems_of, column, value, complaint):
    """Each mistake has its sentence: where, what is wrong, what was found, what to do."""
    (problem,) = problems_of(row(school_id_govt="1"), row(**{column: value}))
    assert problem.startswith(f"line 3, column {column}: ")
    assert complaint in problem


def test_all_problems_come_at_once(problems_of):
    """A person corrects a file once, not once for each mistake."""
    problems = problems_of(row(school_name="", num_students="many"), row(school_id_govt="2", admin1="?"), "1,2,3")
    assert [problem.partition(":")[0] for problem in problems] == [
        "line 2, column school_name",
        "line 2, column num_students",
        "line 3, column admin1",
        "line 4",
    ]


def test_many_problems_are_cut_and_counted(problems_of):
    """A file that is wrong from top to bottom does not flood the screen."""
    problems = problems_of(*(row(school_id_govt=number, num_students="x") for number in range(MAX_SHOWN + 23)))
    assert len(problems) == MAX_SHOWN + 1
    assert problems[-1] == "and 23 more"


def test_numbers_may_have_a_decimal_comma_or_spaces_between_thousands(read):
    """Numbers as Russian and Kazakh Excel writes them are understood."""
    cells_ = row(
        latitude="43,25", num_students="1\u00a0250", download_speed_contracted="2,5", upload_speed_contracted="0.5"
    )
    school = read(f"{HEADER}\n{cells_}\n").rows[0]
    assert (school.latitude, school.pupils) == (43.25, 1250)
    assert (school.download_contracted_bps, school.upload_contracted_bps) == (2_500_000, 500_000)


@pytest.mark.parametrize("cells_", ["0013,x,KZ-10,,,,,,,", "0013,x,KZ-10,,,,,,,,,x"])
def test_a_row_with_too_few_or_too_many_cells_is_refused(problems_of, cells_):
    """Shifted cells would put a value under the wrong name."""
    (problem,) = problems_of(ROW, cells_)
    assert problem.startswith("line 3: 1")
    assert "cells where the header has 11" in problem


def test_empty_rows_and_empty_cells_at_the_end_are_no_mistakes(read):
    """What spreadsheets leave behind is passed over."""
    found = read(f"{HEADER},,\n{ROW},,\n\n,,,,,,,,,,,,\n{row(school_id_govt='2')},,\n\n")
    assert [school.school_id for school in found.rows] == ["0012", "2"]


def test_a_value_under_no_name_is_refused(read):
    """A cell whose column has no name cannot be kept."""
    with pytest.raises(RegistryError, match="line 2, column number 1: 'x' stands under no name"):
        read(f",{HEADER}\nx,{ROW}\n")


def test_doubtful_places_are_shown_and_imported(read):
    """A school plainly outside the country, or with coordinates swapped, is for a person to look at."""
    found = read(f"{HEADER}\n{row(latitude='76.9', longitude='43.2')}\n{row(school_id_govt=2, longitude='')}\n")
    assert len(found.rows) == 2
    assert "swapped" in found.warnings[0]
    assert "line 3" in found.warnings[1]


def test_a_former_name_of_a_region_is_accepted_with_one_warning(read):
    """ЮКО held Shymkent too: it is read as Turkistan, and that is said once."""
    found = read(f"{HEADER}\n{row(admin1='ЮКО')}\n{row(school_id_govt='0002', admin1='ЮКО')}\n")
    assert {school.region_id for school in found.rows} == {"KZ-61"}
    assert len(found.warnings) == 1
    assert "'ЮКО' is a former name" in found.warnings[0]


def test_no_line_but_a_contract_is_shown(read):
    """Two columns that contradict each other are for a person to look at."""
    (warning,) = read(f"{HEADER}\n{row(connectivity_type='нет')}\n").warnings
    assert "no line, but a contract of 20 Mbit/s" in warning


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        (HEADER, "no school below"),
        ("a,b\n1,2\n", "is no header of a registry"),
        ('"school_id_govt,school_name\n1,2\n', "line 1: a quotation mark opens here and is never closed"),
        (f'{HEADER}\n1,"a" b,KZ-10,,,,,,,,\n', "line 2: a cell begins with a quotation mark"),
        (f'{HEADER}\n{ROW}\n1,"open,KZ-10\n2,\n', "line 3: a quotation mark opens here and is never closed"),
        (f"{HEADER}\n{'x' * 200_000}\n", "line 2: this row cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_with_the_reason(read, content, complaint):
    """Empty, headless and broken CSV files each have their sentence."""
    with pytest.raises(RegistryError, match=complaint):
        read(content)


def test_a_missing_file_is_refused(tmp_path):
    """A wrong path is said to be one."""
    with pytest.raises(RegistryError, match=r"nowhere\.csv: cannot be read"):
        registry.read(tmp_path / "nowhere.csv", TODAY)


def test_a_huge_file_is_refused_unread(tmp_path):
    """A file larger than any registry is not taken into memory."""
    file = tmp_path / "huge.csv"
    with file.open("wb") as stream:
        stream.truncate(51_000_000)
    with pytest.raises(RegistryError, match="larger than 50 MB"):
        registry.read(file, TODAY)


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode))
def test_no_bytes_break_the_reader(tmp_path_factory, content):
    """Whatever a file holds, it is read or refused with a sentence; nothing else ever happens."""
    file = tmp_path_factory.getbasetemp() / "fuzz.csv"
    file.write_bytes(HEADER.encode() + b"\n" + content)
    with contextlib.suppress(RegistryError):
        assert registry.read(file, TODAY).rows


@given(st.text(max_size=80))
def test_an_id_that_is_accepted_is_stable(written):
    """Cleaning a cleaned id changes nothing, and an id has nothing invisible in it."""
    try:
        found = cells.school_id(written)
    except cells.CellError:
        return
    assert cells.school_id(found) == found
    assert found == found.strip()
    assert found.isprintable()
    assert 0 < len(found) <= 64
