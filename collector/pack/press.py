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
    # Letters that no font here has go into neither standard: then boxes stand for them in a plain PDF.
    for is_standard in (True, False):
        try:
            raw = _set(told, is_standard=is_standard)
        except (typst.TypstError, RuntimeError) as error:
            sys.stderr.write(f"{error}\n")
            continue
        sys.stdout.buffer.write(raw)
        sys.stdout.buffer.flush()
        return 0
    return 1


def _set(told: str, *, is_standard: bool) -> bytes:
    """Return a PDF; with the standards it can be kept for long (PDF/A-2a) and read aloud (PDF/UA-1)."""
    import typst

    raw = typst.compile(
        str(TEMPLATE),
        root=str(TEMPLATE.parent),
        format="pdf",
        ignore_system_fonts=True,  # the fonts that come with typst have our letters, and are the same everywhere
        sys_inputs={"pack": told},
        pdf_standards=["a-2a", "ua-1"] if is_standard else None,
        timestamp=0,  # only the template's own date is written
    )
    return bytes(raw)


if __name__ == "__main__":
    sys.exit(main())
