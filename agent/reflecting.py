"""Being the far end of other computers' tests until told to stop, with records of them where they are wanted."""

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from msgspec import Struct

from agent.contract.errors import SettingsError
from agent.reflector.server import EVERYTHING, serve
from agent.settings import Settings


class Records(Struct, frozen=True, kw_only=True):
    """Where records of tests are kept, to which collector they are sent (null: none), and what the server is called."""

    state: Path
    collector: str | None
    name: str | None
    settings: Settings


def run(
    listen: tuple[tuple[str, int], int | None],
    tls: tuple[str, str] | None,
    records: Records | None,
    ready: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT; ``listen`` is the TCP address and the UDP port, ``ready`` is told when it does.

    Raises:
        SettingsError: it cannot listen there, or the certificate cannot be used.
        StateError: the folder for records cannot be used.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with ExitStack() as stack:
        offer = EVERYTHING
        if records is not None:
            from agent.reflector import reporting
            from agent.uplink import Uplink

            send = None
            if records.collector is not None:
                send = partial(Uplink(records.settings).deliver_records, records.collector)
            offer = stack.enter_context(reporting.recorded(records.state, records.name, send))
        try:
            serve(*listen, tls, ready, stop, offer=offer)
        except OSError as error:
            raise SettingsError(error.strerror or str(error)) from error
