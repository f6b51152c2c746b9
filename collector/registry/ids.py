"""What only shows when all ids of a file are seen: the same id twice, and leading zeros that a program has dropped."""

from typing import NamedTuple

from collector.registry.findings import Findings, placed, quoted
from collector.words import say

COLUMN = "school_id_govt"


class _Seen(NamedTuple):
    line: int
    id: str
    is_number: bool


class Ids:
    """The ids of a file, in the order of its rows."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._exact: dict[str, _Seen] = {}
        self._loose: dict[str, _Seen] = {}

    def add(self, line: int, school_id: str, *, is_number: bool) -> None:
        """Note an id; ``is_number`` if a workbook stores it as a number, which has no leading zeros."""
        seen = _Seen(line, school_id, is_number)
        first = self._exact.setdefault(school_id, seen)
        if first is not seen:
            self._findings.problem(
                line,
                COLUMN,
                say(
                    "{value} is already on line {line}; a school has one row: remove or correct one",
                    value=quoted(school_id),
                    line=first.line,
                ),
            )
            return
        like = self._loose.setdefault(school_id.casefold().lstrip("0"), seen)
        if like is not seen:
            told = say(
                "{value} is nearly {other} of line {line}; if that is one school, remove one row",
                value=quoted(school_id),
                other=quoted(like.id),
                line=like.line,
            )
            self._findings.warning(placed(line, COLUMN, told))

    def check_zeros(self) -> None:
        """Warn where ids are shorter than their like and something says that zeros in front of them were dropped."""
        digits = [seen for seen in self._exact.values() if seen.id.isdecimal()]
        longest = max((len(seen.id) for seen in digits), default=0)
        are_padded = any(seen.id.startswith("0") for seen in digits)
        short = [seen for seen in digits if len(seen.id) < longest and (are_padded or seen.is_number)]
        if short:
            told = say(
                "{count} of the ids, first {value}, have fewer digits than the longest ({longest}); if zeros in front "
                "of them were dropped, as Excel does with numbers, set the column to Text and enter the ids again",
                count=len(short),
                value=quoted(short[0].id),
                longest=longest,
            )
            self._findings.warning(placed(short[0].line, COLUMN, told))
