"""Print the measured budgets: memory of the idle agent, rates on shaped lines, ingest. Each beside its limit or peer.

    python tests/benchmarks/run.py [memory] [lines] [ingest]

Figures of one run on one machine; compare only what stands in the same table.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.benchmarks import ingest, lines, memory

PARTS = {"memory": memory.run, "lines": lines.run, "ingest": ingest.run}


def main(wanted: list[str]) -> int:
    """Run the named parts, or all."""
    unknown = set(wanted) - set(PARTS)
    if unknown:
        print(f"there is no part {', '.join(unknown)}; there are: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for name in wanted or PARTS:
        PARTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
