"""The catalogue of the evidence pack: every language says everything, and says it with the same gaps."""

import string
from datetime import date, datetime
from decimal import Decimal
from typing import get_args

import pytest

from collector.pack.speech import Speech
from collector.pack.words import LANGUAGES, WORDS, appendix, disputes, front
from collector.verdicts.disputes import OUTCOMES
from collector.verdicts.exclusions import KINDS
from collector.verdicts.exclusions import State as Exclusion
from collector.verdicts.heard import Void, Weak
from collector.verdicts.verdict import State
from collector.verdicts.weighing import State as Result

KAZAKH = set("әғқңөұүһі")  # һ is rare: no word of ours has it
# The same in every language: figures and units, or names and signs only.
SAME = {"at least", "in brackets", "none", "signed", "tests.key"}


def gaps(text: str) -> set[str]:
    """Return the names of a text's gaps; a gap without a name is an error."""
    found = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
    assert all(found), text
    return set(found)


@pytest.mark.parametrize("key", WORDS)
def test_every_text_is_there_in_every_language(key):
    """A text is never empty, never ends in a space, and has the same gaps in all three languages."""
    texts = [getattr(WORDS[key], language) for language in LANGUAGES]
    assert all(text and text == text.strip() for text in texts), key
    assert len({frozenset(gaps(text)) for text in texts}) == 1, key
    assert key in SAME or texts[2] not in texts[:2], f"{key} is English in another language"


def test_no_text_stands_twice():
    """A key of one part of the catalogue is in no other, else one would hide the other."""
    assert len(front.WORDS) + len(disputes.WORDS) + len(appendix.WORDS) == len(WORDS)


def test_languages_are_not_mixed():
    """English texts have no Cyrillic letter, Russian ones none that only Kazakh has, and Kazakh has all its own."""
    texts = {language: " ".join(getattr(one, language) for one in WORDS.values()) for language in LANGUAGES}
    assert not any("\u0400" <= letter <= "\u04ff" for letter in texts["en"])
    assert not KAZAKH & set(texts["ru"].lower())
    assert set(texts["kk"].lower()) >= KAZAKH - {"һ"}


def test_whatever_can_come_of_it_has_a_name():
    """Every state, result, reason and kind of exclusion that the program knows can be said."""
    wanted = {f"state.{one}" for one in get_args(State)} | {f"result.{one}" for one in get_args(Result)}
    wanted |= {f"reason.{one}" for one in (*get_args(Void), *get_args(Weak))} | {f"kind.{one}" for one in KINDS}
    wanted |= {f"{what}.{one}" for what in ("dispute", "disputed") for one in ("open", "withdrawn", *OUTCOMES)}
    wanted |= {f"effect.{one}" for one in get_args(Exclusion) if one != "in_force"}
    parts = [f"{way}{once}" for way in ("download", "upload") for once in ("", " once a day")]
    wanted |= {f"{what}.{part}" for what in ("part", "breach", "watch") for part in (*parts, "round trip")}
    assert wanted <= set(WORDS)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("kk", ["2026 ж. қыркүйек", "33,3 %", "1 234,5 Мбит/с", "03.09.2026 14:05", "0,0001 %-дан аз", "15 000,00 ₸"]),
        ("ru", ["сентябрь 2026 г.", "33,3 %", "1 234,5 Мбит/с", "03.09.2026 14:05", "менее 0,0001 %", "15 000,00 KZT"]),
        (
            "en",
            ["September 2026", "33.3 %", "1,234.5 Mbit/s", "2026-09-03 14:05", "less than 0.0001 %", "15,000.00 KZT"],
        ),
    ],
)
def test_figures_and_dates(language, said):
    """Numbers, shares, months and moments are written as people there write them."""
    speech = Speech(language)
    found = [
        speech.month("2026-09"),
        speech.share(1 / 3),
        speech.mbit(1.2345e9),
        speech.moment(datetime(2026, 9, 3, 14, 5)),  # noqa: DTZ001 - a clock on the wall
        speech.chance(0.0),
        speech.money(Decimal("15000.00"), "KZT"),
    ]
    assert [one.replace("\N{NO-BREAK SPACE}", " ") for one in found] == said
    assert speech.day(date(2026, 9, 3)) in ("03.09.2026", "2026-09-03")
