"""Print the measured figures, each beside its limit or its peers.

    python tests/benchmarks/run.py [PART] [WORD]...

Without a part, all of them (about four hours, most of it ``honesty``, ``causes`` and ``country``). Where a part
measures on known lines, words choose some by their names, as in ``lines GEO cable``; ``honesty`` takes a number of
tests too, ``causes`` a number of schools, the first seed, and scenes, ``country`` and ``pages`` a number of schools and
of school days. Figures of one run on one machine; compare only what stands in the same table.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import (
    accusations,
    boosts,
    causes,
    cost,
    country,
    cross,
    herd,
    honesty,
    idle,
    ingest,
    kills,
    leases,
    lines,
    log,
    memory,
    month,
    pages,
    places,
    schools,
    verdicts,
)

IN_NAMESPACES: dict[str, Callable[[Sequence[str]], None]] = {
    "lines": lines.run,
    "verdicts": verdicts.run,
    "boosts": boosts.run,
    "cross": cross.run,
    "honesty": honesty.run,
    "causes": causes.run,
}
WITH_NUMBERS: dict[str, Callable[[Sequence[str]], None]] = {"country": country.run, "pages": pages.run}
ELSEWHERE: dict[str, Callable[[], None]] = {
    "cost": cost.run,
    "memory": memory.run,
    "idle": idle.run,
    "ingest": ingest.run,
    "herd": herd.run,
    "kills": kills.run,
    "month": month.run,
    "log": log.run,
    "leases": leases.run,
    "accusations": accusations.run,
}


def main(words: list[str]) -> int:
    """Run the named part, or all."""
    parts = (*IN_NAMESPACES, *ELSEWHERE, *WITH_NUMBERS)
    if words and words[0] not in parts:
        print(f"there is no part {words[0]}; there are: {', '.join(parts)}", file=sys.stderr)
        return 2
    try:
        chosen = schools.chosen if words[:1] == ["causes"] else places.chosen
        chosen(word for word in words[1:] if not word.isdecimal())
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    reason = places.unavailable()
    broken = False
    for name in words[:1] or parts:
        if name in IN_NAMESPACES and reason is not None:
            print(f"{name}: not measured: {reason}")
            continue
        try:
            ELSEWHERE[name]() if name in ELSEWHERE else (IN_NAMESPACES | WITH_NUMBERS)[name](words[1:])
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{name}: broke off: {error} {getattr(error, 'stderr', None) or ''}")
            broken = True
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
