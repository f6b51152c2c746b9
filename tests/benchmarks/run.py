"""Print the measured figures, each beside its limit or its peers.

    python tests/benchmarks/run.py [PART] [WORD]...

Without a part, all of them (about two hours, most of it ``honesty`` and ``causes``). Where a part measures on known
lines, words choose some by their names, as in ``lines GEO cable``; ``honesty`` takes a number of tests too, ``causes``
a number of schools, the first seed, and scenes. Figures of one run on one machine; compare only what stands in the
same table.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import (
    boosts,
    causes,
    cost,
    country,
    cross,
    herd,
    honesty,
    ingest,
    kills,
    leases,
    lines,
    memory,
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
WITH_NUMBERS: dict[str, Callable[[Sequence[str]], None]] = {"country": country.run}
ELSEWHERE: dict[str, Callable[[], None]] = {
    "cost": cost.run,
    "memory": memory.run,
    "ingest": ingest.run,
    "herd": herd.run,
    "kills": kills.run,
    "leases": leases.run,
}


def main(words: list[str]) -> int:
    """Run the named part, or all."""
    if words and words[0] not in IN_NAMESPACES | ELSEWHERE:
        print(f"there is no part {words[0]}; there are: {', '.join(IN_NAMESPACES | ELSEWHERE)}", file=sys.stderr)
        return 2
    try:
        chosen = schools.chosen if words[:1] == ["causes"] else places.chosen
        chosen(word for word in words[1:] if not word.isdecimal())
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    reason = places.unavailable()
    broken = False
    for name in words[:1] or (*IN_NAMESPACES, *ELSEWHERE):
        if name in IN_NAMESPACES and reason is not None:
            print(f"{name}: not measured: {reason}")
            continue
        try:
            IN_NAMESPACES[name](words[1:]) if name in IN_NAMESPACES else ELSEWHERE[name]()
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{name}: broke off: {error} {getattr(error, 'stderr', None) or ''}")
            broken = True
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
