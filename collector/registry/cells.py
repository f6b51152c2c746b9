"""One cell to one value: cleaned text, an id, a number. What is not plainly right is refused with what to do."""

import math
import re
import unicodedata
from datetime import date

from collector.registry.findings import quoted
from collector.words import Sentence, say

# Ids that begin so belong to schools that simulate invented.
SYNTHETIC_PREFIX = "SYN-"
MAX_ID_CHARACTERS = 64
MAX_NAME_CHARACTERS = 300
MAX_REMARK_CHARACTERS = 2_000
MAX_PUPILS = 20_000
MAX_MBIT = 100_000

# A workbook stores numbers as doubles: beyond 15 digits Excel has already put zeros in the place of digits.
_EXCEL_DIGITS = 10**15
_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(?:[.,][0-9]{1,15})?")
_WHOLE = re.compile(r"[0-9]{1,15}(?:[.,]0+)?|[0-9]{1,3}(?: [0-9]{3})+")
_THOUSANDS_OR_DECIMALS = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_SCIENTIFIC = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]+")
# A question mark inside a word or before its first letter is a lost letter. At the end of a word, or as a whole word,
# it is one in a name; in a remark it may be a question.
_LOST_LETTER = re.compile("[а-яёіА-ЯЁІ]\\?+[а-яёіА-ЯЁІ]|(?<![^\\s\"'«(])\\?+[а-яёіА-ЯЁІ]|\ufffd")
_LOST_IN_NAME = re.compile("[а-яёіА-ЯЁІ]\\?|\\?{3}")
_LINE_BREAKS = "\t\n\r"

_CONNECTIVITY = {
    "fibre": "fibre fiber ftth fttb fttx gpon вол волс вокс оптика оптоволокно оптический талшықты-оптикалық",
    "satellite": "satellite vsat leo geo спутник спутниковый спутниковая жерсерік жерсеріктік",
    "microwave": "microwave ррл радиорелейная радиорелейный wimax радиорелелік",
    "adsl": "adsl xdsl dsl vdsl медь copper",
    "cellular": "cellular mobile 3g 4g 5g lte мобильный сотовый ұялы",
    "none": "none no нет жоқ отсутствует offline",
}
_CONNECTIVITY_WORDS = {word: kind for kind, words in _CONNECTIVITY.items() for word in words.split()}
_UNKNOWN_CONNECTIVITY = frozenset({"", "-", "unknown", "n/a", "неизвестно", "нет данных", "белгісіз"})
NOT_CONNECTED = "none"


_YES = frozenset({"yes", "true", "1", "open", "да", "иә", "ия", "открыта", "ашық"})
_NO = frozenset({"no", "false", "0", "closed", "нет", "жоқ", "закрыта", "жабық"})
_DATE = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})(?: 00:00:00)?"
    r"|(?P<day_first>[0-9]{2})[.](?P<month_second>[0-9]{2})[.](?P<year_last>[0-9]{4})"
)
_DATE_PARTS = (("year", "year_last"), ("month", "month_second"), ("day", "day_first"))


class CellError(ValueError):
    """A cell that cannot be used; the text says what is wrong, what was found and what to do."""

    def __init__(self, text: Sentence | str) -> None:
        super().__init__(text)
        self.text = text


class LostLettersError(CellError):
    """A cell in which question marks have replaced letters."""


def plain(cell: str | float) -> str:
    """Return a cell as text; a workbook's 1234.0 is "1234"."""
    if isinstance(cell, str):
        return cell
    return str(int(cell)) if cell.is_integer() and abs(cell) < _EXCEL_DIGITS else repr(cell)


def one_line(cell: str | float) -> str:
    """Return what a cell shows, on one line, with single spaces; raises CellError for a control character."""
    found = plain(cell)
    if not found.isprintable():
        found = _visible(found)
    return " ".join(found.split())


def text(cell: str | float, *, is_remark: bool = False) -> str:
    """Return what a cell shows; raises LostLettersError if question marks have replaced letters of it."""
    found = one_line(cell)
    if _LOST_LETTER.search(found) or (not is_remark and _LOST_IN_NAME.search(found)):
        raise LostLettersError(
            say(
                "{value} has '?' where a letter was; export the table again as 'CSV UTF-8' or XLSX", value=quoted(found)
            )
        )
    return found


def _visible(found: str) -> str:
    """Turn each odd space and line break into a space, and drop what shows nothing (zero-width, soft hyphen, BOM)."""
    signs = []
    for sign in found:
        kind = unicodedata.category(sign)
        if sign in _LINE_BREAKS or kind in {"Zs", "Zl", "Zp"}:
            signs.append(" ")
        elif kind in {"Cc", "Cs", "Co", "Cn"}:
            code = f"U+{ord(sign):04X}"
            raise CellError(
                say("{value} has the control character {code}; type the cell again", value=quoted(found), code=code)
            )
        elif kind != "Cf":
            signs.append(sign)
    return "".join(signs)


def limited(cell: str | float, limit: int = MAX_NAME_CHARACTERS) -> str | None:
    """Return a cell's text, null if empty; raises CellError if it is longer than ``limit`` characters."""
    found = text(cell)
    if len(found) > limit:
        raise CellError(_too_long(found, limit))
    return found or None


def _too_long(found: str, limit: int) -> Sentence:
    return say(
        "{count} characters, beginning {value}; {limit} are allowed; shorten it",
        count=len(found),
        value=quoted(found),
        limit=limit,
    )


def remark(cell: str | float) -> str | None:
    """Return the text of a further column, null if empty."""
    found = text(cell, is_remark=True)
    if len(found) > MAX_REMARK_CHARACTERS:
        raise CellError(_too_long(found, MAX_REMARK_CHARACTERS))
    return found or None


def name(cell: str | float) -> str:
    """Return a name, which may not be empty."""
    found = limited(cell)
    if found is None:
        raise CellError(say("empty; write the school's name"))
    return found


def region(cell: str | float) -> str:
    """Return what is written for a region, which may not be empty."""
    found = limited(cell)
    if found is None:
        raise CellError(say("empty; write the region's code, such as KZ-75"))
    return found


def school_id(cell: str | float) -> str:
    """Return an id as text: leading zeros stay, invisible signs and odd spaces inside go.

    Raises:
        CellError: empty, too long, or a number in which Excel has already lost digits.
    """
    if isinstance(cell, float) and not (cell.is_integer() and 0 <= cell < _EXCEL_DIGITS):
        raise CellError(
            say(
                "{value} is a number in which digits of the id are lost; set the column to Text in Excel and enter the "
                "ids again",
                value=repr(cell),
            )
        )
    raw = plain(cell).strip()
    found = text("".join(sign for sign in raw if sign == " " or not sign.isspace()))
    if not found:
        raise CellError(say("empty; write the school's id"))
    if _SCIENTIFIC.fullmatch(found):
        raise CellError(
            say(
                "{value} is Excel's short form of a long number; set the column to Text and enter the ids again",
                value=quoted(found),
            )
        )
    if len(found) > MAX_ID_CHARACTERS:
        raise CellError(_too_long(found, MAX_ID_CHARACTERS))
    if found.upper().startswith(SYNTHETIC_PREFIX):
        raise CellError(
            say("{value} begins like the id of a simulated school; a real school needs another id", value=quoted(found))
        )
    return found


def number(cell: str | float) -> float | None:
    """Return a number, null if empty; a decimal comma is understood.

    Raises:
        CellError: anything but a plain number.
    """
    if isinstance(cell, float):
        if not math.isfinite(cell):
            raise CellError(say("{value} is no number; write it again or leave the cell empty", value=repr(cell)))
        return cell
    found = one_line(cell)
    if not found:
        return None
    if not _NUMBER.fullmatch(found):
        raise CellError(
            say(
                "{value} is no number; write digits only, such as 43.25, or leave the cell empty",
                value=quoted(found),
            )
        )
    return float(found.replace(",", "."))


def pupils(cell: str | float) -> int | None:
    """Return a number of pupils, null if empty; "1 250" is understood.

    Raises:
        CellError: no whole number, negative, or more than any school has.
    """
    found = one_line(cell)
    if not found:
        return None
    if not _WHOLE.fullmatch(found):
        raise CellError(
            say(
                "{value} is no number of pupils; write a whole number such as 420, or leave the cell empty",
                value=quoted(found),
            )
        )
    count = int(re.split("[.,]", found.replace(" ", ""))[0])
    if count > MAX_PUPILS:
        raise CellError(
            say(
                "{count} pupils in one school; at most {most} are believed; correct the number",
                count=count,
                most=MAX_PUPILS,
            )
        )
    return count


def degrees(cell: str | float, limit: int) -> float | None:
    """Return a latitude (limit 90) or longitude (limit 180) in decimal degrees, null if empty."""
    found = number(cell)
    if found is not None and abs(found) > limit:
        raise CellError(
            say(
                "{value} is outside -{limit}..{limit}; write decimal degrees such as 43.2567",
                value=f"{found:g}",
                limit=limit,
            )
        )
    return found


def mbit_to_bps(cell: str | float) -> int | None:
    """Return a speed given in Mbit/s as bit/s, null if empty.

    Raises:
        CellError: not a number, not above 0, above ``MAX_MBIT``, or a comma that may mean thousands or decimals.
    """
    shown = one_line(cell)
    if _THOUSANDS_OR_DECIMALS.fullmatch(shown):
        whole = shown.replace(",", "")
        raise CellError(
            say(
                "{value} may be {whole} or {decimal} Mbit/s; write it without a comma",
                value=quoted(shown),
                whole=whole,
                decimal=f"{int(whole) / 1000:g}",
            )
        )
    found = number(cell)
    if found is None:
        return None
    if found <= 0:
        raise CellError(
            say(
                "{value} is no contract speed; write Mbit/s above 0, or leave the cell empty where there is no "
                "contract",
                value=f"{found:g}",
            )
        )
    if found > MAX_MBIT:
        raise CellError(
            say(
                "{value} Mbit/s is more than any line has ({most}); is it in bit/s or kbit/s? write Mbit/s",
                value=f"{found:g}",
                most=MAX_MBIT,
            )
        )
    return round(found * 1_000_000)


def connectivity(cell: str | float) -> str | None:
    """Return the kind of line in lower case, "none" for no line, null if unknown; usual words become one (fibre)."""
    found = limited(cell, MAX_ID_CHARACTERS)
    lower = (found or "").lower()
    if lower in _UNKNOWN_CONNECTIVITY:
        return None
    return _CONNECTIVITY_WORDS.get(lower.rstrip("."), lower)


def is_cut_off(cell: str | float) -> bool:
    """Tell whether the kind of line says that there is none."""
    return isinstance(cell, str) and _CONNECTIVITY_WORDS.get(cell.strip().lower()) == NOT_CONNECTED


def yes_or_no(cell: str | float) -> bool | None:
    """Return a yes or no, null if empty or unknown; raises CellError for anything else."""
    found = one_line(cell).lower()
    if found in _UNKNOWN_CONNECTIVITY:
        return None
    if found in _YES or found in _NO:
        return found in _YES
    raise CellError(say("{value} is neither yes nor no; write yes or no, or leave the cell empty", value=quoted(found)))


def day(cell: str | float) -> date | None:
    """Return a date, null if empty; raises CellError unless it is 2026-09-01 or 01.09.2026."""
    found = one_line(cell)
    if not found:
        return None
    match = _DATE.fullmatch(found)
    try:
        if match is None:
            raise ValueError  # noqa: TRY301 - one sentence for both
        year, month, number = (match[a] or match[b] for a, b in _DATE_PARTS)
        return date(int(year), int(month), int(number))
    except ValueError as error:
        raise CellError(say("{value} is no date; write it as 2026-09-01", value=quoted(found))) from error


def other_id(cell: str | float) -> str | None:
    """Return the id of another school, null if empty; raises CellError where it is none."""
    return school_id(cell) if one_line(cell) else None
