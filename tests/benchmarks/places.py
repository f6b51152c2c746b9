"""The lines to measure on: the emulated ones share one school, and building it takes a second."""

from collections.abc import Iterable, Iterator

from tests.benchmarks.page import Now
from tests.lab import school
from tests.lab.far_end import FarEnd, far_end
from tests.lab.lines import LINES, KnownLine

GEO_RTT_MS = 500  # from here on the looser limits for satellites high above hold


def chosen(names: Iterable[str]) -> list[KnownLine]:
    """Return the lines whose names contain one of these words, all without any.

    Raises:
        LookupError: a word fits no line.
    """
    words = list(names)
    for word in words:
        if not any(word in name for name in LINES):
            raise LookupError(f"no line is called {word!r}; there are: {', '.join(LINES)}")
    return [line for name, line in LINES.items() if not words or any(word in name for word in words)]


def unavailable() -> str | None:
    """Return why there can be no known lines here, None where there can."""
    return school.unavailable()


def each(lines: Iterable[KnownLine], now: Now) -> Iterator[FarEnd]:
    """Give the far end of one line after the other."""
    everyone = list(lines)
    for emulated in (True, False):
        alike = [line for line in everyone if line.emulated == emulated]
        if not alike:
            continue
        now.say("building the lab")
        with far_end(alike[0]) as far:
            for line in alike:
                now.say(line.name)
                yield far.become(line)
