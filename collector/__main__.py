"""``netready-collector`` and ``python -m collector``: what needs no database runs without the collector's packages."""

import sys

from collector.evidence import cli as evidence

_MISSING = """netready-collector: this computer has only netready's base install ({name} is missing): it can run
'evidence verify' and 'evidence witness' here (each with --help); for everything else install netready[collector]"""


def main(arguments: list[str] | None = None) -> int:
    """Run one command."""
    given = sys.argv[1:] if arguments is None else arguments
    if len(given) > 1 and given[0] == "evidence" and given[1] in evidence.NAMES:
        return evidence.main(given[1:])
    try:
        from collector import cli
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in ("agent", "collector"):
            raise
        sys.stderr.write(_MISSING.format(name=error.name) + "\n")
        return 1
    return cli.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
