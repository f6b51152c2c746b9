"""Run a reflector until standard input closes; prints its ready line. Arguments: HOST PORT."""

import sys
import threading

from agent.reflector import serve


def main() -> None:
    stop = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait, daemon=True).start()
    serve((sys.argv[1], int(sys.argv[2])), None, None, lambda line: print(line, flush=True), stop)  # noqa: T201


main()
