import datetime as dt
import io
import zipfile

import pytest

from collector import registry
from collector.errors import RegistryError
from collector.registry import workbook

COLUMNS = registry.COLUMNS
TODAY = dt.date(2026, 11, 23)
HEADER = ",".join(COLUMNS)
SCHOOL = ["0012", "Школа-лицей № 7", "KZ-10", "Район", "", "", "420", "ВОЛС", "Оператор", "20", "5"]
KAZAKH = ["0013", "Қазақ орта мектебі", "Жетісу облысы", "Ұйғыр ауданы", "", "", "", "", "", "", ""]


@pytest.fixture
def read(tmp_path):
    def _read(content, name="schools.csv"):
        file = tmp_path / name
        file.write_bytes(content)
        return registry.read(file, TODAY)

    return _read


def csv_of(*rows, delimiter=",", newline="\n"):
    return newline.join(delimiter.join(row) for row in (COLUMNS, *rows)) + newline


def xlsx_of(*rows, header=COLUMNS, more_sheets=()):
    import xlsxwriter

    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream, {"in_memory": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("Мектептер")
    for number, row in enumerate((header, *rows)):
        for column, value in enumerate(row):
            write = sheet.write_string if isinstance(value, str) else sheet.write
            write(number, column, value)
    for name in more_sheets:
        book.add_worksheet(name).write(0, 0, "x")
    book.close()
    return stream.getvalue()


def repacked(xlsx, change):
    """Return the workbook with its first sheet's XML changed."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            content = old.read(part)
            new.writestr(part.filename, change(content) if part.filename.endswith("sheet1.xml") else content)
    return stream.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "kz1048"])
def test_every_usual_form_of_csv_gives_the_same_schools(read, delimiter, newline, encoding):
    """Encoding, delimiter and line ends are found out; Kazakh letters arrive whole."""
    found = read(csv_of(SCHOOL, KAZAKH, delimiter=delimiter, newline=newline).encode(encoding))
    assert [(school.school_id, school.name, school.region_id) for school in found.rows] == [
        ("0012", "Школа-лицей № 7", "KZ-10"),
        ("0013", "Қазақ орта мектебі", "KZ-33"),
    ]


def test_windows_1251_is_read_without_a_question(read):
    """A Russian Excel's CSV needs no warning."""
    found = read(csv_of(SCHOOL, delimiter=";").encode("cp1251"))
    assert (found.rows[0].name, found.rows[0].connectivity_type, found.warnings) == ("Школа-лицей № 7", "fibre", ())


def test_kazakh_windows_is_read_and_said(read):
    """KZ-1048 differs from Windows-1251 in Kazakh letters only; a person is asked to look."""
    found = read(csv_of(KAZAKH).encode("kz1048"))
    assert found.rows[0].name == "Қазақ орта мектебі"
    assert "KZ-1048" in found.warnings[0]


def test_mixed_encodings_are_refused_with_line_and_byte(read):
    """A Windows-1251 row pasted into a UTF-8 file is found where it stands."""
    raw = f"{HEADER}\n".encode() + "1,Мектеп,KZ-10,,,,,,,,\n".encode() + "22,Школа,KZ-10,,,,,,,,\n".encode("cp1251")
    with pytest.raises(RegistryError, match=r"line 3, byte 4: the file mixes encodings.*byte 0xD8.*while line 2 is"):
        read(raw)


def test_a_broken_byte_in_utf8_is_refused_with_line_and_byte(read):
    """One damaged letter does not turn the whole file into another encoding."""
    raw = csv_of(SCHOOL, KAZAKH).encode().replace("Қазақ".encode(), "Қаз".encode() + b"\xd0" + "қ".encode())
    with pytest.raises(RegistryError, match=r"line 3, byte 12: the file mixes encodings"):
        read(raw)


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b"\xef\xbb\xbfschool\n\xd8\n", r"line 2, byte 1: the file calls itself UTF-8"),
        ("\ufeffsch\n".encode("utf-16-le") + b"\x00\xd8a", r"line 2, byte 1: the file calls itself UTF-16"),
        (csv_of(SCHOOL).encode("koi8-r", "ignore"), r"line 2, byte 6.*reads as no Russian or Kazakh"),
        (csv_of(SCHOOL).encode("cp866", "ignore"), r"line 2, byte 6.*nor Windows-1251"),
        (f"{HEADER}\n1,Ñoño,KZ-10,,,,,,,,\n".encode("latin-1"), r"line 2, byte 3.*no Russian or Kazakh"),
        (bytes(range(256)) * 20, r"zero bytes"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 9, r"an old \.xls or a workbook with a password"),
        (b"%PDF-1.7 ...", r"a PDF"),
        (b"\x1f\x8b\x08", r"unpack it first"),
    ],
)
def test_what_no_encoding_fits_is_refused(read, raw, complaint):
    """Nothing is read by hope: each refusal names the place or the kind of file, and what to do."""
    with pytest.raises(RegistryError, match=complaint):
        read(raw)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1251"])
@pytest.mark.parametrize("name", ["Орта ме?теп", "?аза?стан мектебі", "Жары?", "??? мектеп"])
def test_question_marks_in_the_place_of_kazakh_letters_refuse_the_file(read, encoding, name):
    """Letters that are lost cannot be brought back: the file is refused with the reason and the way out."""
    with pytest.raises(RegistryError) as error:
        read(csv_of(SCHOOL, ["0014", name, *SCHOOL[2:]]).encode(encoding))
    assert "'?' stands where Kazakh letters were" in str(error.value)
    assert "XLSX or 'CSV UTF-8'" in str(error.value)
    (problem,) = error.value.problems
    assert problem.startswith("line 3, column school_name: ")


def test_a_question_in_a_remark_is_a_question(read):
    """A question mark where questions have one refuses nothing."""
    text = (
        csv_of(SCHOOL)
        .replace("upload_speed_contracted", "upload_speed_contracted,remark")
        .replace(",5\n", ",5,Точно?\n")
    )
    assert read(text.encode()).rows[0].extra == {"remark": "Точно?"}


def test_a_workbook_gives_the_same_schools(read):
    """An XLSX is read like a CSV; text ids keep their zeros, and numbers are numbers."""
    numbers = ["0014", "Мектеп", "KZ-75", "", 43.25, 76.9, 420.0, "", "", 2.5, 5]
    found = read(xlsx_of(SCHOOL, KAZAKH, numbers))
    assert [school.school_id for school in found.rows] == ["0012", "0013", "0014"]
    assert found.rows[1].name == "Қазақ орта мектебі"
    last = found.rows[2]
    assert (last.latitude, last.pupils, last.download_contracted_bps) == (43.25, 420, 2_500_000)
    assert found.warnings == ()


def test_numeric_ids_of_a_workbook_are_text_and_their_lost_zeros_are_suspected(read):
    """Excel drops zeros in front of numbers: shorter ids among longer ones are shown to a person."""
    found = read(xlsx_of([12345, *SCHOOL[1:]], [1234, *SCHOOL[1:]], [12346, *SCHOOL[1:]]))
    assert [school.school_id for school in found.rows] == ["12345", "1234", "12346"]
    (warning,) = found.warnings
    assert warning.startswith("line 3, column school_id_govt: 1 of the ids, first '1234'")
    assert "set the column to Text" in warning


def test_numeric_ids_of_one_length_are_not_suspected(read):
    """Where nothing is shorter, nothing was lost."""
    assert read(xlsx_of([12345, *SCHOOL[1:]], [12346, *SCHOOL[1:]])).warnings == ()


@pytest.mark.parametrize("number", [1234567890123456789, 12.5, -7])
def test_a_number_that_cannot_be_an_id_is_refused(read, number):
    """Beyond 15 digits Excel has already put zeros in the place of digits."""
    with pytest.raises(RegistryError, match=r"line 2, column school_id_govt: .*digits of the id are lost"):
        read(xlsx_of([number, *SCHOOL[1:]]))


def test_lines_of_a_workbook_are_excels_rows(read):
    """Empty rows count, as they do on the screen, and cells of a wrong kind are named."""
    with pytest.raises(RegistryError) as error:
        read(xlsx_of([""] * 11, [*SCHOOL[:6], dt.date(2026, 1, 2), *SCHOOL[7:]], [*SCHOOL[:6], True, *SCHOOL[7:]]))
    assert [problem.partition(": ")[0] for problem in error.value.problems] == [
        "line 3, column num_students",
        "line 4, column num_students",
        "line 4, column school_id_govt",
    ]


def test_further_sheets_and_excel_errors_are_said(read):
    """What was not read, or was read as empty, is not passed over in silence."""
    book = repacked(
        xlsx_of([*SCHOOL[:6], 420, *SCHOOL[7:]], more_sheets=["Two"]),
        lambda xml: xml.replace(b'<c r="G2"><v>420</v>', b'<c r="G2" t="e"><v>#N/A</v>'),
    )
    found = read(book)
    assert found.rows[0].pupils is None
    assert any("first: G2" in warning for warning in found.warnings)
    assert any("only the first, 'Мектептер', was read" in warning for warning in found.warnings)


@pytest.mark.parametrize("cell", [b"A1048576", b"XFD2", b"IV99999", b"A99999999999999999999"])
def test_a_sheet_that_stretches_too_far_is_refused_before_it_is_read(read, cell):
    """One cell far away would make the reader set aside room for billions."""
    far = b'<row r="9"><c r="%b"><v>1</v></c></row></sheetData>' % cell
    with pytest.raises(RegistryError, match="the sheet reaches to " + cell[:8].decode()):
        read(repacked(xlsx_of(SCHOOL), lambda xml: xml.replace(b"</sheetData>", far)))


def test_a_zip_bomb_is_refused_before_it_is_unpacked(read):
    """A workbook that claims to unpack to more than allowed is not unpacked."""
    bomb = repacked(xlsx_of(SCHOOL), lambda xml: xml + b" " * workbook.MAX_UNPACKED_BYTES)
    assert len(bomb) < 1_000_000
    with pytest.raises(RegistryError, match="unpacks to more than"):
        read(bomb)


def test_a_workbook_that_lies_about_its_size_is_refused(read):
    """A part that holds more than it claims is cut at the claim and found damaged."""
    honest = repacked(xlsx_of(SCHOOL), lambda xml: xml + b" " * 300_000)
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        size = next(part.file_size for part in archive.infolist() if part.filename.endswith("sheet1.xml"))
    lying = honest.replace(size.to_bytes(4, "little"), (500).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(RegistryError, match="the workbook is damaged"):
        read(lying)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_off_workbook_is_refused(read, keep):
    """A download that broke off is damaged, wherever it broke."""
    whole = xlsx_of(SCHOOL)
    with pytest.raises(RegistryError, match="the workbook is damaged"):
        read(whole[: int(len(whole) * keep)])


def test_a_zip_that_is_no_workbook_is_refused(read):
    """An archive of other things is not taken for a table."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("schools.csv", csv_of(SCHOOL))
    with pytest.raises(RegistryError, match="the workbook is damaged or no workbook"):
        read(stream.getvalue())


def test_too_many_rows_are_refused(read):
    """The number of rows has a limit, and it is named."""
    with pytest.raises(RegistryError, match="more than 100000 rows"):
        read(f"{HEADER}\n{'x' * 9}\n".encode() + b"1\n" * 100_001)
