"""What only shows when all ids of a file are seen: the same id twice, and leading zeros that a program has dropped."""

from typing import NamedTuple

from collector.registry.findings import Findings, quoted

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
                f"{quoted(school_id)} is already on line {first.line}; a school has one row: remove or correct one",
            )
            return
        like = self._loose.setdefault(school_id.casefold().lstrip("0"), seen)
        if like is not seen:
            self._findings.warning(
                f"line {line}, column {COLUMN}: {quoted(school_id)} is nearly {quoted(like.id)} of line {like.line}; "
                "if that is one school, remove one row"
            )

    def check_zeros(self) -> None:
        """Warn where ids are shorter than their like and something says that zeros in front of them were dropped."""
        digits = [seen for seen in self._exact.values() if seen.id.isdecimal()]
        longest = max((len(seen.id) for seen in digits), default=0)
        are_padded = any(seen.id.startswith("0") for seen in digits)
        short = [seen for seen in digits if len(seen.id) < longest and (are_padded or seen.is_number)]
        if short:
            self._findings.warning(
                f"line {short[0].line}, column {COLUMN}: {len(short)} of the ids, first {quoted(short[0].id)}, have "
                f"fewer digits than the longest ({longest}); if zeros in front of them were dropped, as Excel does "
                "with numbers, set the column to Text and enter the ids again"
            )
