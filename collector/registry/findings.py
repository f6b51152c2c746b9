"""What was found wrong or doubtful in a file: each with line and column, all of them, and shown up to a limit."""

from collector.errors import RegistryError

MAX_SHOWN = 100
SHOWN_CHARACTERS = 60


class Findings:
    """Collects problems, which refuse the file, and warnings, which do not."""

    def __init__(self) -> None:
        self._problems: list[tuple[int, str]] = []
        self._warnings: list[str] = []
        self._seen: set[str] = set()
        self.letters_are_lost = False

    @property
    def problem_count(self) -> int:
        """Return how many problems were noted so far."""
        return len(self._problems)

    def problem(self, line: int, column: str | None, text: str) -> None:
        """Note what is wrong in a line (the header is line 1), and in which column if in one."""
        self._problems.append((line, f"{place(line, column)}: {text}"))

    def warning(self, text: str) -> None:
        """Note what a person should look at."""
        self._warnings.append(text)

    def warning_once(self, key: str, text: str) -> None:
        """Note it the first time only."""
        if key not in self._seen:
            self._seen.add(key)
            self._warnings.append(text)

    def warnings(self) -> tuple[str, ...]:
        """Return the warnings, at most ``MAX_SHOWN`` and a last line that says how many more there are."""
        return _limited(self._warnings)

    def raise_problems(self, file_name: str) -> None:
        """Raise RegistryError with all problems in the order of their lines, if there are any."""
        if not self._problems:
            return
        total = len(self._problems)
        problems = [text for _, text in sorted(self._problems, key=lambda problem: problem[0])]
        reason = ""
        if self.letters_are_lost:
            reason = (
                "; '?' stands where Kazakh letters were: the file was saved in an encoding that lacks them, and they "
                "cannot be brought back from it, so export it again from its source as XLSX or 'CSV UTF-8'"
            )
        found = "1 problem" if total == 1 else f"{total} problems"
        raise RegistryError(f"{file_name}: {found}, nothing was imported{reason}", _limited(problems))


def place(line: int, column: str | None) -> str:
    """Name a place in the file."""
    return f"line {line}, column {column}" if column else f"line {line}"


def quoted(text: str) -> str:
    """Return a value for a sentence: visible to the last sign, and not longer than a sentence bears."""
    shown = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
    return "'" + "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in shown) + "'"


def _limited(texts: list[str]) -> tuple[str, ...]:
    if len(texts) <= MAX_SHOWN:
        return tuple(texts)
    return (*texts[:MAX_SHOWN], f"and {len(texts) - MAX_SHOWN} more")
