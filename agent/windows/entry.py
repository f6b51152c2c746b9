"""Where the two programs of the installed folder begin: netready-agent.exe, and netready-service.exe for Windows.

The programs are made by PyInstaller: there is no Python to start ``-m agent.probes._something`` with, so that a child
process is this program again, told in the same words.
"""

import logging
import multiprocessing
import os
import runpy
import sys
from pathlib import Path

from agent.contract.errors import NetreadyError

CHILDREN = (
    "agent.probes._lan_child",
    "agent.probes._ookla_child",
    "agent.probes._peer_listening",
    "agent.reflector.peer_child",
)
_LOG_BYTES = 1024 * 1024


def agent() -> int:
    """Be netready-agent.exe."""
    multiprocessing.freeze_support()
    if _be_a_child(sys.argv):
        return 0
    from agent.cli import main

    return main()


def service() -> int:
    """Be netready-service.exe: without words the service, with one what the installer asks for."""
    if _be_a_child(sys.argv):
        return 0
    state = _state()
    try:
        _log_to(state / "agent.log", exists=state.is_dir())
        if len(sys.argv) > 1:
            _install(sys.argv[1], state)
        else:
            return _serve(state)
    except NetreadyError as error:
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400 - the sentence says it all
        return 1
    return 0


def _be_a_child(words: list[str]) -> bool:
    """Run the module that a parent of this program asks for, if that is why it was started."""
    if words[1:3] != ["-P", "-m"] or len(words) != 4 or words[3] not in CHILDREN:
        return False
    module = words[3]
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return True


def _state() -> Path:
    from agent import settings

    return settings.state_folder(None, {"PROGRAMDATA": os.environ["PROGRAMDATA"]}, "win32", is_root=True)


def _log_to(file: Path, *, exists: bool) -> None:
    """Log beside the state: a service has no screen. Before there is a folder, the installer's log has the code."""
    if not exists:
        return
    from logging.handlers import RotatingFileHandler

    handler = RotatingFileHandler(file, maxBytes=_LOG_BYTES, backupCount=2, encoding="utf-8")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", handlers=[handler])
    sys.excepthook = lambda *what: logging.getLogger(__name__).critical("a fault of this program", exc_info=what)
    for chatty in ("apscheduler", "httpx", "httpcore", "tzlocal"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _install(word: str, state: Path) -> None:
    from agent.windows import setup

    if sys.platform != "win32":
        raise NetreadyError("this is for Windows")
    import ctypes
    import winreg

    advapi = ctypes.WinDLL("advapi32.dll", winmode=0x800)  # LOAD_LIBRARY_SEARCH_SYSTEM32
    if word == "prepare":
        setup.prepare(state, advapi, winreg)
    elif word == "finish":
        setup.set_recovery(advapi)
        setup.open_firewall(sys.executable, os.environ)
    elif word == "remove":
        setup.close_firewall(os.environ)
    elif word == "purge":
        logging.shutdown()  # Windows removes no file that is open
        setup.purge(state)
    else:
        raise NetreadyError(f"netready-service {word}: there is prepare, finish, remove and purge")


def _serve(state: Path) -> int:
    from agent.windows import dispatcher, resident

    if sys.platform != "win32":
        raise NetreadyError("this is for Windows")
    import ctypes
    import winreg

    advapi = ctypes.WinDLL("advapi32.dll", winmode=0x800)  # LOAD_LIBRARY_SEARCH_SYSTEM32
    return dispatcher.Dispatcher(advapi).run(lambda clock: resident.work(state, clock, winreg))
