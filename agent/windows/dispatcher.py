"""The talk with Windows' service control manager (winsvc.h): start, stop, shutdown, and waking up from sleep.

The work stays on the main thread, because Python's signals live there; the dispatcher gets a thread of its own, as in
Go's golang.org/x/sys/windows/svc. The calls have never been run on Windows.
"""

import ctypes
import os
import threading
from collections.abc import Callable
from typing import Any

from agent.errors import StateError
from agent.host.clock import Clock
from agent.windows import SERVICE

OWN_PROCESS = 0x10
STOPPED, STOP_PENDING, RUNNING = 1, 3, 4
STOP, INTERROGATE, SHUTDOWN, POWER = 1, 4, 5, 13
RESUMED = {0x7, 0x12}  # PBT_APMRESUMESUSPEND, PBT_APMRESUMEAUTOMATIC
NOT_IMPLEMENTED, SPECIFIC_ERROR = 120, 1066  # winerror.h
ACCEPTED = 0x1 | 0x4 | 0x40  # SERVICE_ACCEPT_STOP, _SHUTDOWN, _POWEREVENT
_STOP_HINT_MS = 10_000
_STOP_WITHIN_S = (
    4.0  # before agent.service gives up a session by itself, unseen by Windows: that would look like a crash
)
_JOIN_S = 5.0

# x64 knows one calling convention, so that the types are the same on every system.
MAIN = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_void_p)
HANDLER = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_void_p)


class Status(ctypes.Structure):
    """SERVICE_STATUS."""

    _fields_ = [
        (name, ctypes.c_uint32)
        for name in ("type", "state", "accepted", "exit_code", "specific_code", "check_point", "wait_hint_ms")
    ]


class TableEntry(ctypes.Structure):
    """SERVICE_TABLE_ENTRYW."""

    _fields_ = [("name", ctypes.c_wchar_p), ("main", MAIN)]


class Dispatcher:
    """One service of a process of its own. ``advapi`` is advapi32.dll; ``end`` ends the process."""

    def __init__(self, advapi: Any, end: Callable[[int], object] = os._exit) -> None:
        self._advapi, self._end = advapi, end
        self._main, self._handler = MAIN(self._service_main), HANDLER(self._control)  # kept: Windows calls them
        self._handle: Any = None
        self._trouble: str | None = None
        self._began, self._over = threading.Event(), threading.Event()
        self._changed = threading.Condition()
        self._stopping, self._resumes, self._failed = False, 0, False

    def run(self, work: Callable[[Clock], None]) -> int:
        """Do the work until it ends or Windows says stop; return the exit code.

        ``work`` waits with the clock's ``sleep`` only: that ends early when the computer wakes up, and with a
        KeyboardInterrupt when the service has to stop.

        Raises:
            StateError: this process was not started by the service control manager.
        """
        thread = threading.Thread(target=self._dispatch, name="dispatcher", daemon=True)
        thread.start()
        self._began.wait()
        if self._trouble is not None:
            raise StateError(self._trouble)
        self._failed = True
        try:
            work(Clock(sleep=self.sleep))
            self._failed = False
        except KeyboardInterrupt:
            self._failed = False
        finally:
            self._over.set()
            thread.join(_JOIN_S)
        return 0

    def sleep(self, seconds: float) -> None:
        """Wait, at most until the computer wakes up from sleep; raises KeyboardInterrupt when told to stop."""
        with self._changed:
            seen = self._resumes
            self._changed.wait_for(lambda: self._stopping or self._resumes != seen, seconds)
            if self._stopping:
                raise KeyboardInterrupt

    def _dispatch(self) -> None:
        table = (TableEntry * 2)(TableEntry(SERVICE, self._main), TableEntry())
        if not self._advapi.StartServiceCtrlDispatcherW(table) and not self._began.is_set():
            self._trouble = (
                "Windows did not start this program as a service (it must be started by the service control manager); "
                f"start it with: sc start {SERVICE}, or run: netready-agent run"
            )
            self._began.set()

    def _service_main(self, _count: int, _arguments: Any) -> None:
        self._advapi.RegisterServiceCtrlHandlerExW.restype = ctypes.c_void_p
        self._handle = self._advapi.RegisterServiceCtrlHandlerExW(ctypes.c_wchar_p(SERVICE), self._handler, None)
        if not self._handle:
            self._trouble = "Windows did not take this service's control handler; see the event log of Windows (System)"
            self._began.set()
            return
        self._tell(RUNNING)
        self._began.set()
        self._over.wait()
        self._tell(STOPPED)

    def _control(self, control: int, event: int, _data: Any, _context: Any) -> int:
        if control in {STOP, SHUTDOWN}:
            self._tell(STOP_PENDING)
            with self._changed:
                self._stopping = True
                self._changed.notify_all()
            patience = threading.Timer(_STOP_WITHIN_S, self._give_up)
            patience.daemon = True
            patience.start()
        elif control == POWER:
            if event in RESUMED:
                with self._changed:
                    self._resumes += 1
                    self._changed.notify_all()
        elif control != INTERROGATE:
            return NOT_IMPLEMENTED
        return 0

    def _give_up(self) -> None:
        """End in the middle of a session: what counts is on disk, and what is half measured is no result."""
        if not self._over.is_set():
            self._tell(STOPPED)
            self._end(0)

    def _tell(self, state: int) -> None:
        failed = state == STOPPED and self._failed and not self._stopping
        status = Status(
            type=OWN_PROCESS,
            state=state,
            accepted=ACCEPTED if state == RUNNING else 0,
            exit_code=SPECIFIC_ERROR if failed else 0,
            specific_code=1 if failed else 0,
            wait_hint_ms=_STOP_HINT_MS if state == STOP_PENDING else 0,
        )
        self._advapi.SetServiceStatus(ctypes.c_void_p(self._handle), ctypes.byref(status))
