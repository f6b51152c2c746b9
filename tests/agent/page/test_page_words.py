import re
import string
from datetime import UTC, datetime
from typing import get_args
from zoneinfo import ZoneInfo

import pytest

from agent.contract.causes import Cause, DefectWord
from agent.contract.failure import FAILURES
from agent.diagnosis import ADVICE as SPOKEN_ADVICE
from agent.diagnosis import sentences
from agent.page import words
from agent.page.speech import Tongue, language_of
from agent.page.words import ADVICE, CAUSES, DEFECTS, FIXES, FRAME, LANGUAGES, SPEEDS

ALL = {
    f"{name}: {key}": said
    for name, catalogue in (
        ("frame", FRAME),
        ("fixes", FIXES),
        ("advice", ADVICE),
        ("defects", DEFECTS),
        ("causes", CAUSES),
        ("speeds", SPEEDS),
    )
    for key, said in catalogue.items()
}
# The same in both: a name of a thing that both languages borrowed.
ALIKE = {"frame: gauge.unit", "frame: room"}
ONLY_KAZAKH = re.compile("[әғқңөұүһі]", re.IGNORECASE)


def gaps(text):
    """Return the names of a text's gaps."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", ALL)
def test_every_text_is_whole_in_three_languages(key):
    """Nothing is missing, nothing stays English or Russian, and all have the same gaps."""
    said = ALL[key]
    texts = [getattr(said, language) for language in LANGUAGES]
    assert all(text.strip() for text in texts)
    assert len({frozenset(gaps(text)) for text in texts}) == 1
    assert re.search("[а-яё]", said.ru, re.IGNORECASE)
    assert not re.search("[а-яё]", said.en, re.IGNORECASE)
    assert not ONLY_KAZAKH.search(said.ru)
    if key not in ALIKE:
        assert said.kk != said.ru
    if len(said.kk) > 40:
        assert ONLY_KAZAKH.search(said.kk)


def test_every_code_has_its_words():
    """Each failure, defect and cause that a report can hold is said."""
    assert ADVICE.keys() == FAILURES == SPOKEN_ADVICE.keys()
    assert DEFECTS.keys() == set(get_args(DefectWord))
    assert {key.partition(".")[0] for key in CAUSES} - {"pupils", "no speed"} == set(get_args(Cause))


def test_the_english_is_that_of_check():
    """Who reads the page and who reads the terminal read the same sentence."""
    assert {key: said.en for key, said in ADVICE.items()} == SPOKEN_ADVICE
    for cause, sentence in sentences._PLAIN.items():
        assert CAUSES[cause].en == sentence
    for mark, sentence in sentences._OF_A_MARK.items():
        assert CAUSES[f"HOST.{mark}"].en == sentence


@pytest.mark.parametrize(
    ("asked", "kept", "accepted", "language"),
    [
        (None, None, None, "kk"),
        ("ru", "en", "kk", "ru"),
        ("xx", "en", "kk", "en"),
        (None, "<script>", "fr, ru-RU;q=0.8, en;q=0.9", "en"),
        (None, None, "fr", "kk"),
        (None, None, "ru;q=x, en;q=0", "kk"),
    ],
)
def test_languages_are_chosen(asked, kept, accepted, language):
    """By the address, then by what was chosen before, then by the browser, else Kazakh."""
    assert language_of(asked, kept, accepted) == language


def test_figures_and_days_are_written_as_the_language_does():
    """A comma in Kazakh and Russian; the school's own clock."""
    moment = datetime(2026, 11, 23, 20, 5, tzinfo=UTC)
    tongues = [Tongue(language=one, zone=ZoneInfo("Asia/Almaty")) for one in LANGUAGES]
    assert [one.rate(18_440_000) for one in tongues] == ["18,4", "18,4", "18.4"]
    assert [one.moment(moment) for one in tongues] == [
        "2026 ж. 24 қараша, 01:05",
        "24 ноября 2026 г., 01:05",
        "24 November 2026, 01:05",
    ]
    assert tongues[0].moment(moment, of=moment) == "24 қараша, 01:05"
    assert "2026" in tongues[0].moment(moment, of=datetime(2027, 1, 2, tzinfo=UTC))
    assert words.LANGUAGES[0] == "kk"
