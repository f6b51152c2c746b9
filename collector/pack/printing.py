"""From what a pack says to its PDF: the same words make the same bytes."""

import logging
import subprocess
import sys

import msgspec

from agent.contract.errors import NetreadyError
from collector.pack import press
from collector.pack.contents import contents
from collector.pack.gathering import Case
from collector.pack.speech import Speech
from collector.pack.words import Language

_LONGEST_S = 120.0

_log = logging.getLogger(__name__)


class PrintingError(NetreadyError):
    """A pack cannot be printed here."""


def pdf(case: Case, language: Language) -> bytes:
    """Return a pack as a PDF in one language; its date is that of the verdict.

    Raises:
        PrintingError: typst did not do it, or not in time.
    """
    told = msgspec.json.encode(contents(case, Speech(language)))
    command = [sys.executable, "-P", press.__file__]
    try:
        done = subprocess.run(command, input=told, capture_output=True, check=True, timeout=_LONGEST_S)
    except subprocess.TimeoutExpired as error:
        raise PrintingError(f"the pack was not printed within {_LONGEST_S:.0f} seconds; try again later") from error
    except subprocess.CalledProcessError as error:
        _log.error("typst said: %s", error.stderr.decode(errors="replace").strip())
        raise PrintingError("the pack cannot be printed; the collector's log says why") from error
    return done.stdout


def file_name(case: Case, language: Language) -> str:
    """Return a name for the file, of letters that every system takes."""
    one = case.verdict
    parts = ("netready", one.school, one.line, one.month, f"v{one.version}", language)
    plain = ("".join(each if each.isascii() and each.isalnum() else "_" for each in part) for part in parts)
    return "-".join(plain) + ".pdf"
