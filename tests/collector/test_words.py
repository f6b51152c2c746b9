"""Kazakh, Russian and English: nothing missing, nothing guessed, no gap lost; figures and names in their order."""

import re
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.words import LANGUAGES, chosen, counted, say, tongue
from tests import words

CATALOGUES = [(language, room) for language in words.TRANSLATED for room in words.ROOMS]
SAID = words.texts()


def gaps(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize(("language", "room"), CATALOGUES)
def test_a_catalogue_has_just_the_texts_that_are_said(language, room) -> None:
    """``python -m tests.words`` would change nothing: no text is new, and none is left from before."""
    assert words.updated(language, room, SAID[room]).decode() == words.path_of(language, room).read_text("utf-8"), (
        "run: python -m tests.words"
    )


@pytest.mark.parametrize(("language", "room"), CATALOGUES)
def test_every_text_is_translated_with_its_gaps(language, room) -> None:
    """None is empty or fuzzy; each form of each has the gaps of the English one, and no other."""
    for one in words.kept(language, room):
        if not one.id:
            continue
        assert words.is_translated(one), f"{language}/{room}.po lacks {one.id!r}"
        assert not one.fuzzy, one.id
        wanted = set().union(*map(gaps, one.id if isinstance(one.id, tuple) else (one.id,)))
        for form in one.string if isinstance(one.string, tuple) else (one.string,):
            assert gaps(form) <= wanted, (one.id, form)
            assert gaps(form) >= wanted - {"n"}, (one.id, form)
            assert not re.search(r"^\s|\s$", form), one.id


@pytest.mark.parametrize("language", words.TRANSLATED)
def test_rooms_do_not_contradict_each_other(language) -> None:
    """A text that two rooms say has one translation."""
    found: dict[object, set[object]] = {}
    for room in words.ROOMS:
        for one in words.kept(language, room):
            found.setdefault(one.id, set()).add(one.string)
    assert {text: said for text, said in found.items() if text and len(said) > 1} == {}


def test_kazakh_is_no_russian() -> None:
    """A translation that was put into the wrong file is found: long texts differ between the two."""
    kk, ru = (
        {one.id: one.string for room in words.ROOMS for one in words.kept(lang, room)} for lang in words.TRANSLATED
    )
    assert [text for text in kk if len(str(text)) > 25 and kk[text] == ru[text]] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_counts_in_words(language) -> None:
    """Figures are grouped as the language groups them, and gaps may hold sentences."""
    told = tongue(language).said(say("{a}, {b}", a=counted("{n} thing", "{n} things", 12_345), b="x"))
    assert re.sub(r"\D", "", told) == "12345"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "kk"),
        ("de", "kk"),
        ("ru", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.8", "en"),
        ("de, ru;q=0.5, kk;q=0.7", "kk"),
        ("ru;q=0, en;q=0.1", "en"),
        ("ru;q=oops, en", "en"),
    ],
)
def test_the_browsers_wish(header, language) -> None:
    """The best liked of our three, by its weight; Kazakh for who likes none."""
    assert chosen(header) == language


def test_the_kazakh_alphabet() -> None:
    """Kazakh letters stand in their places, not after the Russian ones; numbers stand by their size."""
    letters = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя"
    key = tongue("kk").sort_key
    assert sorted(set(letters), key=key) == list(letters)
    assert sorted(["№ 10 мектеп", "Ұзынағаш", "№ 9 мектеп", "Узень", "Әлия", "Алия"], key=key) == [
        "№ 9 мектеп",
        "№ 10 мектеп",
        "Алия",
        "Әлия",
        "Узень",
        "Ұзынағаш",
    ]


@given(st.lists(st.text(max_size=20), max_size=6))
def test_an_order_is_an_order(names) -> None:
    """Whatever names there are, two different ones never have one place."""
    key = tongue("kk").sort_key
    assert len({key(name) for name in names}) == len(set(names))
