"""What the rules shared with the agent say can be said in every language, and the English stays as programs know it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.contract import line
from agent.contract.causes import Contract
from agent.contract.failure import FAILURES
from agent.contract.line import Line
from agent.contract.rules import shipped_rules
from agent.contract.standards import target_for
from collector import readiness
from collector.diagnosis import sentences, words
from collector.pages import school_words
from collector.slots import Figures
from collector.words import LANGUAGES, say, tongue

RULES = Path(line.__file__).parent
FILES = (RULES / "line.py", *sorted((RULES / "signs").glob("*.py")))
CALLS = {"fact": 1, "held": 1, "rate": 1, "count": 0}


def text_of(node: ast.expr) -> str | None:
    """Return a string as the source has it; what an f-string fills in is a plain word."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "download" for one in node.values)
    return None


def said_by_rules() -> Iterator[tuple[str, str]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "id", "")
                place = CALLS.get(name)
                if place is not None and len(node.args) > place and (text := text_of(node.args[place])):
                    yield path.name, text
                for keyword in node.keywords:
                    if keyword.arg in ("sentence", "figure") and (text := text_of(keyword.value)):
                        yield path.name, text
            if isinstance(node, ast.Assign) and path.name == "line.py":
                text = text_of(node.value)
                if text and " " in text:
                    yield path.name, text


@pytest.mark.parametrize(("file", "text"), sorted(set(said_by_rules())))
def test_what_a_rule_says_is_known(file, text) -> None:
    """A new sentence or figure of a rule has to come here too."""
    del file
    known = text.replace("router, download, 95 %", "router, before the test, 95 %")
    assert words.is_known(known), text
    assert str(words.said(known)) == known


def test_units_are_known() -> None:
    """Whatever unit a threshold has."""
    rules = shipped_rules()
    units = {one.unit for part in (rules.host, rules.wifi, rules.wired, rules.names) for one in vars_of(part)}
    assert {unit for unit in units if not words.is_known(unit)} <= {"bit/s", "of the link", "dB"}


def vars_of(part: object) -> list:
    found = [getattr(part, name) for name in part.__struct_fields__]  # type: ignore[attr-defined]
    return [one for one in found if hasattr(one, "unit")]


def test_an_unknown_text_stays_as_it_is() -> None:
    """Also with braces, which are no gaps."""
    for language in LANGUAGES:
        assert tongue(language).said(words.said("a {figure} of tomorrow")) == "a {figure} of tomorrow"


@pytest.mark.parametrize("language", ["kk", "ru"])
def test_gaps_go_into_the_translation(language) -> None:
    """An address that a rule names stands in the sentence of another language."""
    told = tongue(language).said(
        words.said("The name server 10.0.0.1 does not answer: remove it from the router's settings.")
    )
    assert "10.0.0.1" in told
    assert "name server" not in told


def test_the_english_of_a_plan() -> None:
    """Whole sentences read as they always did."""
    plan = Line(cause="LOWER_PLAN", plan_bps=20e6, plan_way="upload", is_firm=False)
    assert str(sentences.of_line("LOWER_PLAN", plan, Contract(download_bps=1e8, upload_bps=1e8))) == (
        "The line gave 20 Mbit/s upload in every test so far, as a smaller plan than the contract promises would (or as"
        " one whose rest is used by cameras all day): compare the bill with the contract before complaining about the"
        " line."
    )
    both = sentences.mixed(("HOST", "LAN_WIRED", "ISP_LINE"))
    assert str(both).startswith(
        "More than one thing is slow: the computers themselves and cables and switches and the operator's line. Mend"
    )
    assert str(sentences.insufficient((say("one"), say("two"), say("three")))).endswith("missing: one; two; three.")


def test_a_reason_is_one_sentence_in_english_and_for_tongues() -> None:
    """What is stored and what a page says come from one place."""
    figures = Figures(tests=4, slots=4, slots_met=3, slots_missed=1, judged_days=1)
    judged = readiness.judge(figures, figures, target_for(300))
    assert judged.reason == (
        "The target was reached in 3 of 4 measured half hours of lessons, on 1 day; 8 on 3 days are needed to say yes"
        " or no."
    )


def test_every_failure_has_words() -> None:
    """The closed list of what goes wrong."""
    assert set(school_words.FAILURES) == FAILURES
