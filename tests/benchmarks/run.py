"""Print the measured figures, each beside its limit or its peers.

    python tests/benchmarks/run.py [PART] [WORD]...

Without a part, all of them (about an hour, a good third of it ``honesty``). Where a part measures on known lines,
words choose some by their names, as in ``lines GEO cable``; ``honesty`` takes a number of tests too. Figures of one
run on one machine; compare only what stands in the same table.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import boosts, cost, cross, honesty, ingest, lines, memory, places, verdicts

ON_LINES: dict[str, Callable[[Sequence[str]], None]] = {
    "lines": lines.run,
    "verdicts": verdicts.run,
    "boosts": boosts.run,
    "cross": cross.run,
    "honesty": honesty.run,
}
ELSEWHERE: dict[str, Callable[[], None]] = {"cost": cost.run, "memory": memory.run, "ingest": ingest.run}


def main(words: list[str]) -> int:
    """Run the named part, or all."""
    if words and words[0] not in ON_LINES | ELSEWHERE:
        print(f"there is no part {words[0]}; there are: {', '.join(ON_LINES | ELSEWHERE)}", file=sys.stderr)
        return 2
    try:
        places.chosen(word for word in words[1:] if not word.isdecimal())
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    reason = places.unavailable()
    broken = False
    for name in words[:1] or (*ON_LINES, *ELSEWHERE):
        if name in ON_LINES and reason is not None:
            print(f"{name}: not measured: {reason}")
            continue
        try:
            ON_LINES[name](words[1:]) if name in ON_LINES else ELSEWHERE[name]()
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{name}: broke off: {error} {getattr(error, 'stderr', None) or ''}")
            broken = True
    return int(broken)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
