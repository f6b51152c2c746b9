"""What was found wrong or doubtful in a file: each with line and column, all of them, and shown up to a limit."""

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from collector.errors import RegistryError
from collector.words import Sentence, counted, say

MAX_SHOWN = 100
SHOWN_CHARACTERS = 60
_Told = TypeVar("_Told")


class Problem(Struct, frozen=True):
    """What is wrong in a line (the header is line 1), and in which column if in one."""

    line: int
    column: Sentence | str | None
    text: Sentence | str

    def __str__(self) -> str:
        """Return it in English."""
        return str(placed(self.line, self.column, self.text))


class Findings:
    """Collects problems, which refuse the file, and warnings, which do not."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []
        self._warnings: list[Sentence] = []
        self._seen: set[str] = set()
        self.letters_are_lost = False

    @property
    def problem_count(self) -> int:
        """Return how many problems were noted so far."""
        return len(self._problems)

    def problem(self, line: int, column: Sentence | str | None, text: Sentence | str) -> None:
        """Note what is wrong in a line (the header is line 1), and in which column if in one."""
        self._problems.append(Problem(line, column, text))

    def warning(self, text: Sentence) -> None:
        """Note what a person should look at."""
        self._warnings.append(text)

    def warning_once(self, key: str, text: Sentence) -> None:
        """Note it the first time only."""
        if key not in self._seen:
            self._seen.add(key)
            self._warnings.append(text)

    def warnings(self) -> tuple[Sentence, ...]:
        """Return the warnings, at most ``MAX_SHOWN`` and a last line that says how many more there are."""
        return limited(self._warnings)

    def raise_problems(self, file_name: str) -> None:
        """Raise RegistryError with all problems in the order of their lines, if there are any."""
        if not self._problems:
            return
        told = counted(
            "{file}: {n} problem, nothing was imported",
            "{file}: {n} problems, nothing was imported",
            len(self._problems),
            file=file_name,
        )
        if self.letters_are_lost:
            told = say(
                "{what}; '?' stands where Kazakh letters were: the file was saved in an encoding that lacks them, and "
                "they cannot be brought back from it, so export it again from its source as XLSX or 'CSV UTF-8'",
                what=told,
            )
        self._problems.sort(key=lambda problem: problem.line)
        raise RegistryError(told, limited(self._problems))


def placed(line: int, column: Sentence | str | None, what: Sentence | str) -> Sentence:
    """Say something of a place in the file."""
    if column:
        return say("line {line}, column {column}: {what}", line=line, column=column, what=what)
    return say("line {line}: {what}", line=line, what=what)


def quoted(text: str) -> str:
    """Return a value for a sentence: visible to the last sign, and not longer than a sentence bears."""
    shown = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return "'" + "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in shown) + "'"


def limited(told: Sequence[_Told], most: int = MAX_SHOWN) -> tuple[_Told | Sentence, ...]:
    """Return what was found, at most so much of it, and how much more there is."""
    further = len(told) - most
    return (*told[:most], *([say("and {n} more", n=further)] if further > 0 else []))
