"""The evidence pack: what it says in each language, always in the same bytes, and of nobody else's lines."""

import argparse
import contextlib
import io
import random
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import httpx
import msgspec
import pypdf
import pytest

from agent.contract.errors import SettingsError
from collector import access
from collector.api import pack as api
from collector.app import make_app
from collector.errors import NotFound
from collector.judging import running
from collector.ledger import checkpointing
from collector.pack import cli, press, printing
from collector.pack.charts import charts
from collector.pack.speech import Speech
from collector.pack.words import LANGUAGES
from collector.settings import Serve, Settings
from collector.store import agreements, audit, verdicts
from collector.store.database import MINISTRY, Viewer
from tests.collector.conftest import serving
from tests.collector.pack.conftest import CLOSED, GOOD, MIXED, NAME, OPEN, SETTINGS, case_of, rows_of, text_of
from tests.fakes import lines, sessions
from tests.fakes.lines import month

IN_KAZAKH = (
    "2026 ж. қыркүйек айында жүктеп алу жылдамдығы бағаланған жарты сағаттық аралықтардың (барлығы 122) тек 33,6 "
    "%-ында талап етілген 80 Мбит/с деңгейіне жетті, ал «Alpha» байланыс операторымен жасалған шарт мұндай "
    "аралықтардың үлесі кемінде 80 % болуын талап етеді."
)
IN_RUSSIAN = (
    "За сентябрь 2026 г. скорость загрузки достигала требуемых 80 Мбит/с лишь в 33,6 % оценённых получасовых "
    "интервалов (всего 122), тогда как договор с оператором связи «Alpha» требует не менее 80 %."
)
IN_ENGLISH = (
    "In September 2026 the download speed reached the required 80 Mbit/s in only 33.6 % of the judged half-hours (122 "
    "in all), although the contract with Alpha requires at least 80 %."
)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("kk", IN_KAZAKH),
        ("ru", IN_RUSSIAN),
        ("en", IN_ENGLISH),
    ],
)
def test_the_verdict_stands_in_one_sentence(database, breach, language, said):
    """Each language says what came of it, by which figures, with everything that it rests on and how to check it."""
    case = case_of(database)
    text = text_of(printing.pdf(case, language))
    assert said in text
    assert NAME in text
    for hashed in (case.verdict.sha256, case.verdict.verdict.reports_sha256, case.verdict.verdict.facts_sha256):
        assert hashed in text
    assert case.place is not None
    assert case.place.signed is not None
    assert case.place.origin in text
    assert "netready-collector evidence verify" in text
    assert "substation 12" in text
    assert "12.3" in text.replace(",", ".")
    assert "one.example" in text
    assert rows_of(text) == case.verdict.verdict.tests == 127


def test_letters_and_page(database, breach):
    """All Kazakh letters come out as letters; the paper is A4; fonts are in the file."""
    read = pypdf.PdfReader(io.BytesIO(printing.pdf(case_of(database), "kk")))
    assert set("әғқңөұүһі") <= set(" ".join(page.extract_text() for page in read.pages).lower())
    for page in read.pages:
        assert [round(float(side)) for side in page.mediabox[2:]] == [595, 842]
        fonts = [font.get_object() for font in page["/Resources"]["/Font"].values()]
        assert fonts
        descriptors = [font["/DescendantFonts"][0].get_object()["/FontDescriptor"] for font in fonts]
        assert all({"/FontFile2", "/FontFile3"} & set(one.get_object()) for one in descriptors)


def test_the_same_facts_make_the_same_bytes(database, breach):
    """Printed again after more came into the log, a pack is the same to the byte; its date is the verdict's."""
    raw = printing.pdf(case_of(database), "ru")
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(school="0101", line="2", contract="A-2"), "KZ-75")
    checkpointing.run(database, SETTINGS)
    assert printing.pdf(case_of(database), "ru") == raw
    assert pypdf.PdfReader(io.BytesIO(raw)).metadata.creation_date == CLOSED - timedelta(
        minutes=2
    )  # as of when it was judged


def test_it_can_be_kept_and_read_aloud(database, breach):
    """PDF/A-2a and PDF/UA-1: a title, the language, and each chart in words; what only adorns is left out."""
    for language in LANGUAGES:
        read = pypdf.PdfReader(io.BytesIO(printing.pdf(case_of(database), language)))
        assert read.metadata is not None
        assert NAME in str(read.metadata.title)
        assert read.trailer["/Root"]["/Lang"] == language
        assert read.trailer["/Root"]["/ViewerPreferences"]["/DisplayDocTitle"]
        xmp = read.trailer["/Root"]["/Metadata"].get_object().get_data().decode()
        assert "<pdfaid:part>2</pdfaid:part>" in xmp
        assert "<pdfuaid:part>1</pdfuaid:part>" in xmp
        told = alternatives(read.trailer["/Root"]["/StructTreeRoot"])
        assert len(told) == 3
        assert "41" in told[0]
        assert "122" in told[0]


def alternatives(node) -> list[str]:
    """Return the words for each figure of a PDF, in their order."""
    node = node.get_object()
    if isinstance(node, list):
        return [one for each in node for one in alternatives(each)]
    if not isinstance(node, dict):
        return []
    own = [str(node["/Alt"])] if node.get("/S") == "/Figure" else []
    return own + (alternatives(node["/K"]) if "/K" in node and not own else [])


def test_letters_that_no_font_has(database, add_school, school):
    """A name in another script, or with what no letter is, does not keep a pack from being printed."""
    with database.owning() as connection:
        for number, name in enumerate(("學校 №5", "Mektep \N{SCHOOL}", "bell\x07", "\ue000")):
            add_school(f"8{number}", name=name, operator="Alpha")
            agreements.keep_terms(connection, lines.terms(school=f"8{number}"), "KZ-75")
    running.run(database, SETTINGS, now=CLOSED)
    for number in range(4):
        assert "№" in text_of(printing.pdf(case_of(database, school=f"8{number}"), "ru")) or number


def test_round_trips_are_drawn(database, school, deliver):
    """Where the contract names a longest one: each half hour's shortest, the slow ones filled, what is far off cut."""
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(number=2, rtt_ms=2.0), "KZ-75")
    ordinary = month(school, [GOOD] * 20, rtt_idle_ms=1.5)
    slow = [
        school.reports(
            at + timedelta(minutes=30 * number),
            sessions.cable(),
            sessions.throughput(95e6, started_at=at + timedelta(minutes=30 * number, seconds=-10), rtt_idle_ms=rtt_ms),
        )
        for at in [lines.school_days(21)[-1]]
        for number, rtt_ms in enumerate((1.5, 3.0, 12.0))
    ]
    deliver([*ordinary, *slow])
    running.run(database, SETTINGS, now=CLOSED)
    case = case_of(database)
    assert case.judgement is not None
    ((part, drawn),) = [one for one in charts(case.facts, case.judgement, Speech("en")) if one[0] == "round trip"]
    (found,) = [one for one in case.verdict.verdict.parts if one.name == part]
    kinds = [one["kind"] for one in drawn["marks"]]
    assert (len(kinds), kinds.count("good")) == (found.judged, found.good) == (123, 121)
    assert max(one["y"] for one in drawn["marks"]) == 1.0
    assert "Marks at the upper edge stand for longer ones still." in drawn["note"]
    text = text_of(printing.pdf(case, "en"))
    assert "Round trip, ms: the shortest of each half-hour Round trip at most 2 ms" in text


def test_it_is_preliminary_while_the_month_goes_on(database, school, deliver):
    """A verdict on a month that is not over says so in large letters, and has no place in the log."""
    deliver(month(school, [GOOD] * 21))
    with database.owning() as connection:
        verdicts.mark(connection, [("0101", "2026-09")], OPEN - timedelta(minutes=5), OPEN)
    running.run(database, SETTINGS, now=OPEN)
    text = text_of(printing.pdf(case_of(database), "ru"))
    assert "ПРЕДВАРИТЕЛЬНОЕ ЗАКЛЮЧЕНИЕ" in text
    assert "За сентябрь 2026 г. линия обеспечила то, что оператор связи «Alpha» обещал по договору" in text
    assert "evidence export" not in text


def test_synthetic_data_are_called_so(database, add_school):
    """What a program made up can never be taken for evidence."""
    add_school("0101", name=NAME, operator="Alpha", synthetic=True)
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(), "KZ-75")
    running.run(database, SETTINGS, now=CLOSED)
    texts = [text_of(printing.pdf(case_of(database), language)) for language in LANGUAGES]
    for text, word in zip(texts, ("СИНТЕТИКАЛЫҚ ДЕРЕКТЕР", "СИНТЕТИЧЕСКИЕ ДАННЫЕ", "SYNTHETIC DATA"), strict=True):
        assert word in text


def test_an_older_version_is_as_it_was(database, school, deliver):
    """Version 1 is printed from the facts of then, says that there is a newer one, and shows no later report."""
    reports = month(school, [MIXED] * 21)
    deliver(reports[:100])
    running.run(database, SETTINGS, now=CLOSED)
    before = printing.pdf(case_of(database), "en")
    later = CLOSED + timedelta(hours=1)
    deliver(msgspec.structs.replace(one, received_at=later) for one in reports[100:])
    with database.owning() as connection:
        verdicts.mark(connection, [("0101", "2026-09")], later, later)
    running.run(database, SETTINGS, now=later + timedelta(hours=1))
    newest, older = case_of(database), case_of(database, version=1)
    assert (newest.verdict.version, newest.verdict.verdict.tests) == (2, 126)
    assert older.judgement is not None
    text = text_of(printing.pdf(older, "en"))
    assert "This is version 1 of the verdict; version 2 is in force now." in text
    assert rows_of(text) == rows_of(text_of(before)) == 100
    with pytest.raises(NotFound):
        case_of(database, version=3)


def test_reports_that_are_gone_are_missed(database, breach):
    """Where what is stored does not come to the verdict any more, that is said, and nothing is drawn from the rest."""
    with database.owning() as connection:
        connection.execute("delete from report where school_id = '0101' and sequence = 40")
    case = case_of(database)
    assert case.judgement is None
    text = text_of(printing.pdf(case, "en"))
    assert "REPORTS DIFFER" in text
    assert "33.6 %" in text
    assert case.verdict.sha256 in text
    assert "one.example" not in text


def test_two_operators_in_a_month(database, school, deliver):
    """Whose verdict is meant has to be said; each operator gets its own and hears nothing of the other's."""
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(number=2, valid_to=date(2026, 9, 15)), "KZ-75")
        beta = lines.terms(contract="B-77", operator="Beta Telecom", valid_from=date(2026, 9, 16))
        agreements.keep_terms(connection, beta, "KZ-75")
    deliver(month(school, [MIXED] * 11 + [GOOD] * 10))
    running.run(database, SETTINGS, now=CLOSED)
    with pytest.raises(SettingsError, match="line 1 of Alpha, line 1 of Beta Telecom"):
        case_of(database)
    for own, other in (("Alpha", "Beta Telecom"), ("Beta Telecom", "Alpha")):
        viewer = Viewer("operator", own)
        case = case_of(database, viewer)
        assert case.judgement is not None
        text = text_of(printing.pdf(case, "en"))
        assert own in text
        assert other not in text
        assert ("B-77" in text) == (own == "Beta Telecom")
        with pytest.raises(NotFound):
            case_of(database, viewer, operator=other)
    with pytest.raises(NotFound):
        case_of(database, Viewer("school", "0102"), operator="Alpha")


def test_terms_that_changed_and_all_speeds_of_the_german_rule(database, school, deliver):
    """Amended terms name both levels, and each promised speed has its chart."""
    speeds = {"rule": "german-99-2021", "download_normal_bps": 80_000_000, "download_minimum_bps": 50_000_000}
    with database.owning() as connection:
        agreements.keep_terms(connection, lines.terms(number=2, **speeds), "KZ-75")
        later = speeds | {"download_normal_bps": 90_000_000}
        agreements.keep_terms(connection, lines.terms(number=3, valid_from=date(2026, 9, 16), **later), "KZ-75")
    deliver(month(school, [[60.0, 85.0, 95.0] * 2] * 21))
    running.run(database, SETTINGS, now=CLOSED)
    text = text_of(printing.pdf(case_of(database), "en"))
    assert "the required 80 / 90 Mbit/s in only" in text
    assert text.count("the best test of each half-hour") == 4
    assert "Download at least 90 Mbit/s once a day" in text


def test_no_contract_is_said(database, school, deliver):
    """Where the contract turns out to have ended before, the pack says so and judges nothing."""
    running.run(database, SETTINGS, now=CLOSED)
    ended = lines.terms(number=2, valid_from=date(2026, 8, 31), valid_to=date(2026, 8, 31), recorded_at=CLOSED)
    with database.owning() as connection:
        agreements.keep_terms(connection, ended, "KZ-75")
        verdicts.mark(connection, [("0101", "2026-09")], CLOSED, CLOSED)
    running.run(database, SETTINGS, now=CLOSED + timedelta(hours=1))
    text = text_of(printing.pdf(case_of(database), "ru"))
    assert "На сентябрь 2026 г. договор с оператором связи «Alpha» на эту линию не зарегистрирован" in text


def test_hostile_names_are_text(database, add_school, school):
    """Names of schools, operators and contracts are printed letter by letter, whatever they would mean as markup."""
    nasty = ['#panic("x")', "$ x^2 $", "`#read(1)`", "= Title", "<label> @ref", "\\u{41}", "{month} {0}", '"}],["']
    nasty.append("".join(random.Random(3).choices("#$*_`<>@\\/[]{}()\"'~-=+|", k=60)))  # noqa: S311 - nothing to guess
    with database.owning() as connection:
        for number, name in enumerate(nasty):
            add_school(f"9{number}", name=name, operator=name, district=name)
            terms = lines.terms(school=f"9{number}", contract=name, operator=name, author=name)
            agreements.keep_terms(connection, terms, "KZ-75")
    running.run(database, SETTINGS, now=CLOSED)
    for number, name in enumerate(nasty):
        text = text_of(printing.pdf(case_of(database, school=f"9{number}"), "kk"))
        assert text.count(" ".join(name.split())) >= 3, name


def test_at_the_command_line(database, breach, tmp_path, capsys):
    """A file is written in the language that is asked for, and the audit log remembers it."""
    parser = argparse.ArgumentParser()
    opened = lambda _settings: contextlib.nullcontext(database)  # noqa: E731 - the fixture closes it
    cli.add(parser.add_subparsers(), argparse.ArgumentParser(add_help=False), lambda _options: Settings(), opened)
    words = ["pack", "--school", "0101", "--month", "2026-09"]
    for language in LANGUAGES:
        file = tmp_path / f"{language}.pdf"
        options = parser.parse_args([*words, "--language", language, "-o", str(file)])
        assert options.command(options) == 0
        assert file.read_bytes() == printing.pdf(case_of(database), language)
    options = parser.parse_args([*words, "-o", str(tmp_path / "no" / "folder.pdf")])
    with pytest.raises(SettingsError, match="cannot write"):
        options.command(options)
    with database.reading(MINISTRY) as connection:
        found = audit.entries(connection, audit.Wanted(what="exported"), limit=9)
    assert [one.about for one in found] == ["evidence pack of school 0101"] * 3
    for wrong in (["--month", "2026-13"], ["--version", "x"], ["--language", "de"]):
        with pytest.raises(SystemExit):
            parser.parse_args([*words, *wrong, "-o", "x"])
    capsys.readouterr()


@pytest.fixture
def answers(database):
    """Ask the API as somebody."""
    settings = Settings(serve=Serve(listen="127.0.0.1:0"))
    with serving(make_app(database, settings)) as address, httpx.Client(base_url=address) as client:

        def ask(viewer: Viewer, path: str = "0101/1/2026-09", rights=("read", "export"), **question) -> httpx.Response:
            with database.owning() as connection:
                token = access.create(
                    connection,
                    role=viewer.role,
                    scope=viewer.scope,
                    name="a test",
                    days=None,
                    now=datetime.now(UTC),
                    rights=rights,
                )
            header = {"authorization": f"Bearer {token}"}
            return client.get(f"/api/v1/sla/verdicts/{path}/pack.pdf", params=question, headers=header)

        yield ask


def test_through_the_api(database, breach, add_school, answers):
    """Whoever may see the verdict gets the PDF, noted in the audit log; anybody else hears that there is none."""
    add_school("0102", operator="Beta", region_id="KZ-71")
    for viewer in (MINISTRY, Viewer("operator", "Alpha"), Viewer("school", "0101"), Viewer("region", "KZ-75")):
        answer = answers(viewer, language="en", operator="Alpha")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf"), answer.text
        assert answer.headers["content-disposition"] == 'inline; filename="netready-0101-1-2026_09-v1-en.pdf"'
        assert answer.content == printing.pdf(case_of(database), "en")
    for viewer in (Viewer("operator", "Beta"), Viewer("school", "0102"), Viewer("region", "KZ-71")):
        assert answers(viewer).status_code == 404
    assert answers(MINISTRY, rights=("read",)).status_code == 403
    assert answers(MINISTRY, language="de").status_code in (400, 422)
    assert answers(MINISTRY, version=7).status_code == 404
    assert answers(MINISTRY, operator="Alpha\0").status_code == 400
    with database.reading(MINISTRY) as connection:
        found = audit.entries(connection, audit.Wanted(what="exported"), limit=9)
    assert [one.role for one in found] == ["region", "school", "operator", "ministry"]


def test_only_a_few_are_printed_at_once(breach, answers):
    """Whoever comes while all presses are taken is told when to come back, and holds up nobody."""
    with contextlib.ExitStack() as stack:
        for _ in range(api._AT_ONCE):
            stack.enter_context(api._presses)
        answer = answers(MINISTRY)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answers(MINISTRY).status_code == 200


def test_a_file_has_a_plain_name(database, breach):
    """Whatever a line or school is called, the file's name is of letters, figures and dashes."""
    case = case_of(database)
    odd = msgspec.structs.replace(case.verdict, school='А"б/..\r\n', line="../x")
    name = printing.file_name(msgspec.structs.replace(case, verdict=odd), "kk")
    assert name.isascii()
    assert set(name) & set("\"/\\\r\n'") == set()


def test_a_server_that_is_no_address(database, school, deliver):
    """It is listed as its computer called it."""
    reports = month(school, [[60.0]] * 3)
    at = reports[-1].received_at + timedelta(hours=1)
    odd = msgspec.structs.replace(sessions.throughput(started_at=at - timedelta(seconds=10)), server="ws://[")
    deliver([*reports, school.reports(at, sessions.cable(), odd)])
    running.run(database, SETTINGS, now=CLOSED)
    assert rows_of(text_of(printing.pdf(case_of(database), "en"))) == 4


def test_what_cannot_be_set_is_said():
    """The press ends with 1 and a reason, and gives nothing that could be taken for a PDF."""
    command = [sys.executable, "-P", press.__file__]
    done = subprocess.run(command, input=b"{}", capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"does not contain key" in done.stderr
