"""The Windows service's work: enrol with what the installer was given, then measure; wait where there is no school."""

import logging
from pathlib import Path
from typing import Any

from agent import enrollment, service
from agent import settings as settings_of
from agent.errors import NotEnrolledError
from agent.host.clock import Clock
from agent.uplink import Uplink
from agent.windows import handed

SETTINGS_FILE = "agent.toml"
_LOOK_AGAIN_S = 60.0

_log = logging.getLogger(__name__)


def work(state: Path, clock: Clock, registry: Any) -> None:
    """Work until told to stop; a computer that belongs to no school waits for somebody to enrol it.

    Raises:
        NetreadyError: wrong settings, or a damaged state; Windows starts the service again later.
    """
    file = state / SETTINGS_FILE
    settings = settings_of.load(file if file.exists() else None)
    outbox = service.outbox(state, settings, clock)
    told = False
    while True:
        handed.take(state, registry)
        files = enrollment.places(state, file)
        enrollment.unattended(files, state, Uplink(settings), outbox, settings.agent.room, sleep=clock.sleep)
        try:
            service.work(state, settings, clock)
        except NotEnrolledError as error:
            if not told:
                _log.warning("waiting: %s", error)
            told = True
            clock.sleep(_LOOK_AGAIN_S)
        else:
            return
