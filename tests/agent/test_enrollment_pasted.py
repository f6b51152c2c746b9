import pytest

from agent import pasting
from agent.contract.errors import SettingsError
from agent.enrollment import application
from agent.pasting import Pasted

TOKEN = "abcde23456fghjk789mn"
URL = "https://collector.example"


@pytest.mark.parametrize(
    "typed",
    [
        " abcde23456fghjk789mn\n",
        "abcde 23456\r\nfghjk\t789mn",
        "abcde-23456-fghjk-789mn",
        "abcde–23456—fghjk‑789mn",
        "ABCDE23456FGHJK789MN",
        "\ufeffabcde\u200b23456\u200cfghjk\u200d789mn\u2060",
        "abcde\u00a023456\u202ffghjk\u00ad789mn",
        "“abcde23456fghjk789mn”.",
        "<abcde23456fghjk789mn>",
        "\u0430b\u0441d\u043523456fghj\u043a789mn",  # Cyrillic letters that look the same
        "\u0410\u0412\u0421D\u041523456FG\u041dJ\u041a789\u041cN",
        "\uff41\uff42\uff43de23456fghjk789mn",  # of double width
    ],
)
def test_a_token_is_read_however_it_was_copied(typed):
    """Spaces, dashes, capitals, what nobody sees, and letters that look the same are forgiven."""
    assert pasting.token(typed) == TOKEN


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("abжde", "cyrillic small letter zhe.*switch the keyboard"),
        ("abвde", "Cyrillic|cyrillic small letter ve"),  # a small one is no b
        ("abқde", "cyrillic small letter ka with descender"),
        ("ab/de", "solidus.*copy the token alone"),
        ("ab\U0001f600", "grinning face"),
        (" \u200b-", "no enrolment token"),
        ("a" * 129, "no enrolment token"),
    ],
)
def test_what_could_mean_anything_is_refused_in_a_sentence(typed, words):
    """No letter is guessed: the sentence names it and says what to do."""
    with pytest.raises(SettingsError, match=words):
        pasting.token(typed)


@pytest.mark.parametrize(
    "text",
    [
        f"netready-agent enroll --collector {URL} --token {TOKEN}",
        f"sudo netready-agent  enroll\n--token={TOKEN}\n--collector={URL}",
        f"  $ netready-agent enroll —collector {URL} –token abcde-23456 fghjk-789mn",
        f"“C:\\Program Files\\netready\\netready-agent.exe” enroll --state C:\\x --token “{TOKEN}” --collector “{URL}”",
        f"--collector {URL} --token {TOKEN}",
        f"netready-agent --collector {URL} --token {TOKEN}",
        f'msiexec /i netready.msi /qn COLLECTOR="{URL}" TOKEN="{TOKEN}"',
        f"{URL}/#{TOKEN}",
        f"{URL}/enroll#{TOKEN}",
        f"{URL}#token={TOKEN}",
        f"{URL} {TOKEN}",
        f'netready-agent enroll --collector {URL} --token {TOKEN}"',  # a quote too many
    ],
)
def test_a_whole_line_or_address_may_be_pasted(text):
    """Whatever a person was given is taken whole: the collector and the token are found in it."""
    made = application(None, text, None)
    assert (made.collector, made.token) == (URL, TOKEN)


def test_rooms_and_schools_come_along():
    """A room with spaces and Kazakh letters; a school's id keeps its zeros."""
    line = f"netready-agent enroll --collector {URL} --token {TOKEN} --room 'Әлихан Ү-5 бөлме' --school ' 0012 '"
    made = application(None, line, None)
    assert (made.room, made.school) == ("Әлихан Ү-5 бөлме", "0012")
    assert application(None, line, "Room 7", " 0013\u200b").room == "Room 7"
    assert application(None, line, None, " 0013\u200b").school == "0013"
    assert pasting.read(f"{URL}/p/enroll#token={TOKEN}&room=Room+5&school=007") == Pasted(
        collector=f"{URL}/p", token=TOKEN, room="Room 5", school="007"
    )


def test_what_is_given_beside_a_line_counts():
    """Somebody who writes --collector means it, whatever the pasted line says."""
    assert application("https://other.example", f"{URL}#{TOKEN}", None).collector == "https://other.example"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TOKEN, "which collector"),
        ("x" * 5000, "too long"),
        (f"{URL}/", "no enrolment token"),
        ("javascript://x#y", "is not a URL"),
        ("https://[::1#x", "not an address"),
        (f"netready-agent enroll --collector {URL}", "no enrolment token"),
    ],
)
def test_a_line_that_says_too_little_is_told_so(text, words):
    """What is missing is named."""
    with pytest.raises(SettingsError, match=words):
        application(None, text, None)
