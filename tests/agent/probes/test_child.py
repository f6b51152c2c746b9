"""Child processes of probes: a real one, from its order to its end."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from agent.probes._child import Child

WITHIN_S = 30.0
BODY = """
import sys
import time

from msgspec import Struct

from agent.probes import _child


class Order(Struct):
    words: tuple[str, ...]


class Word(Struct):
    word: str


def work(order, say):
    for word in order.words:
        if word == "print":
            print("a library's own words")
        elif word == "fail":
            sys.exit("it is broken")
        elif word == "sleep":
            time.sleep(600)
        else:
            say(Word(word))


_child.obey(Order, work)
"""


class Order(Struct):
    """What the child is to say or do."""

    words: tuple[str, ...]


class Word(Struct):
    """What it says."""

    word: str


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Child[Word]]:
    """Make a child that does as the words say."""
    (tmp_path / "child_of_a_test.py").write_text(BODY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return lambda *words: Child("child_of_a_test", Order(words), msgspec.json.Decoder(Word))


def all_heard(started: Child[Word]) -> list[str]:
    """Listen until the child has ended."""
    until, words = time.monotonic() + WITHIN_S, []
    while not started.is_over and time.monotonic() < until:
        line = started.hear(0.5)
        words += [] if line is None else [line.word]
    return words


def test_all_lines_come_and_then_the_end(child: Callable[..., Child[Word]]) -> None:
    """What it says comes line by line and in order; what a library prints is not among it, but in its last words."""
    with child("one", "print", "two", "x" * 200_000) as started:
        assert all_heard(started) == ["one", "two", "x" * 200_000]
        assert started.is_over
        assert started.hear(0.0) is None
        assert started.last_words() == "a library's own words"


def test_a_child_that_fails_says_why(child: Callable[..., Child[Word]]) -> None:
    """One that ends before its work is done is over, and its last words are there."""
    with child("one", "fail", "two") as started:
        assert all_heard(started) == ["one"]
        assert started.is_over
        assert started.last_words() == "it is broken"


def test_a_module_that_is_none() -> None:
    """Where the child cannot even begin that is known, and why."""
    with Child("agent.no_such_module", Order(()), msgspec.json.Decoder(Word)) as started:
        assert all_heard(started) == []
        assert "no_such_module" in started.last_words()


def test_it_is_ended_with_the_probe(child: Callable[..., Child[Word]]) -> None:
    """A child that would go on for long is gone when the probe has done with it."""
    with child("one", "sleep") as started:
        assert started.hear(WITHIN_S) == Word("one")
        assert started.hear(0.0) is None
        assert not started.is_over
    assert started._process.returncode is not None


@pytest.mark.usefixtures("child")
def test_it_leaves_when_the_probe_is_gone() -> None:
    """A child whose probe was killed ends by itself."""
    orphan = subprocess.Popen(
        [sys.executable, "-P", "-m", "child_of_a_test"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert orphan.stdin is not None
        assert orphan.stdout is not None
        orphan.stdin.write(b'{"words":["one","sleep"]}\n')
        orphan.stdin.flush()
        assert orphan.stdout.readline() == b'{"word":"one"}\n'
        orphan.stdin.close()
        assert orphan.wait(WITHIN_S) == 1
        orphan.stdout.close()
    finally:
        orphan.kill()
        orphan.wait(WITHIN_S)
