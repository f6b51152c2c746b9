"""The programs that the demonstration starts, and their certain end."""

import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from agent.contract.errors import NetreadyError

_STOP_S = 15.0


class ChildError(NetreadyError):
    """A program that the demonstration started did not do what it should."""


class Children:
    """Starts programs in sessions of their own, so that Ctrl-C reaches us alone and we end them in order."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = os.environ | environment
        self._log = log
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, command: Sequence[str], *, ready: bytes, within_s: float) -> str:
        """Start a program that goes on running; return the first line it prints that begins with ``ready``."""
        with self._log.open("ab") as log:
            child = subprocess.Popen(
                command, env=self._environment, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
        self._running.append(child)
        return self._first_line(child, command, ready, time.monotonic() + within_s)

    def run(self, command: Sequence[str], *, allowed: Sequence[int] = (0,), shown: bool = True, within_s: float) -> str:
        """Run a program to its end; return what it printed where it is not shown."""
        child = subprocess.Popen(
            command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=None if shown else subprocess.PIPE,
            start_new_session=True,
        )
        self._running.append(child)
        try:
            output, _ = child.communicate(timeout=within_s)
        except subprocess.TimeoutExpired as error:
            raise ChildError(f"{_name(command)} did not end within {within_s:.0f} s") from error
        self._running.remove(child)
        if child.returncode not in allowed:
            raise ChildError(f"{_name(command)} failed with exit status {child.returncode}")
        return (output or b"").decode().strip()

    def stop(self) -> None:
        """End everything that still runs, the last started first; kill what does not listen."""
        for child in reversed(self._running):
            if child.poll() is None:
                child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._running.clear()

    def _first_line(self, child: subprocess.Popen[bytes], command: Sequence[str], ready: bytes, until: float) -> str:
        assert child.stdout is not None  # noqa: S101 - we asked for a pipe
        buffer = b""
        with selectors.DefaultSelector() as selector:
            selector.register(child.stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, until - time.monotonic())):
                chunk = os.read(child.stdout.fileno(), 4096)
                buffer += chunk
                for line in buffer.splitlines(keepends=True):
                    if line.startswith(ready) and line.endswith(b"\n"):
                        return line.decode().strip()
                if not chunk:
                    break
        raise ChildError(f"{_name(command)} did not start; it said:\n{self._log.read_text(errors='replace')[-2000:]}")


def _name(command: Sequence[str]) -> str:
    return next((part for part in command if part.startswith("netready")), " ".join(command[:3]))
