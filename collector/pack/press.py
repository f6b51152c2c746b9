"""Sets one pack: what it says as JSON comes in, the PDF goes out; ``collector.pack.printing`` runs it.

A process of its own, since typst keeps what it has laid out for the next time: hundreds of MiB that no server needs.
It needs nothing of ours but the template beside it.
"""

import sys
from pathlib import Path

TEMPLATE = Path(__file__).with_name("pack.typ")


def main() -> int:
    """Read standard input to its end, write a PDF; what is wrong goes to standard error."""
    import typst

    told = sys.stdin.buffer.read().decode()
    try:
        raw = typst.compile(
            str(TEMPLATE),
            root=str(TEMPLATE.parent),
            format="pdf",
            ignore_system_fonts=True,  # the fonts that come with typst have every letter, and are the same everywhere
            sys_inputs={"pack": told},
            timestamp=0,  # only the template's own date is written
        )
    except (typst.TypstError, RuntimeError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.buffer.write(bytes(raw))
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
