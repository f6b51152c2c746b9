"""One process of several, as the supervisor starts it: answers requests, or runs the jobs. Not for people."""

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import msgspec

from agent.contract.errors import NetreadyError
from collector import logs, metrics, serving
from collector.orders import READY, Orders
from collector.store.database import open_database

_STDIN = 0


def main() -> int:
    """Do what the first line of standard input orders, until told to end or until that input ends."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until there are certificates that could be read again
    orders = msgspec.json.decode(_first_line(), type=Orders)
    logs.configure(orders.settings.log, orders.place)
    threading.Thread(target=_end_with_the_supervisor, name="supervisor-watch", daemon=True).start()
    metrics.share(Path(orders.folder), orders.place)
    try:
        with open_database(orders.settings.database) as database:
            if orders.role == "jobs":
                serving.run_jobs(database, orders.settings, _tell_ready)
            else:
                with socket.socket(fileno=orders.listener) as listener:
                    serving.answer(database, orders.settings, listener, _tell_ready)
    except NetreadyError as error:
        sys.stderr.write(f"netready-collector: {orders.place}: {error}\n")
        return 1
    return 0


def _tell_ready() -> None:
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()


def _first_line() -> bytes:
    # Not sys.stdin: a thread that waits in a buffered read forbids Python to end in order.
    line = b""
    while not line.endswith(b"\n") and (more := os.read(_STDIN, 65_536)):
        line += more
    return line


def _end_with_the_supervisor() -> None:
    """End in order when the other end of standard input is gone: whoever started us was killed."""
    while os.read(_STDIN, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
