"""The log: lines for people, or one JSON object a line for programs; each with the id of the request it belongs to.

No line holds a secret (what looks like one is masked, whoever wrote it), the address of a computer, or a path with a
school's or person's name in it: a request is named by its route.
"""

import contextvars
import logging
import re
import sys
import traceback
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from collector.settings import LogSettings

request_id: contextvars.ContextVar[str | None] = contextvars.ContextVar("request_id", default=None)
"""The id of the request that is being answered, also in the threads that work for it."""

_SECRETS = (
    (re.compile(r"(postgres(?:ql)?://[^:@/\s]*:)[^@\s]+@"), r"\1***@"),
    (re.compile(r"(?i)\b(password|secret|token|code|totp)(\s*[=:]\s*)['\"]?[^\s'\",;]+"), r"\1\2***"),
    (re.compile(r"(?i)\b(bearer|basic|netready)\s+[A-Za-z0-9+/=_:.-]{16,}"), r"\1 ***"),
    (re.compile(r"\bn[re]_[A-Za-z0-9_-]{16,}"), "***"),
)


def configure(settings: LogSettings, process: str | None = None, stream: TextIO | None = None) -> None:
    """Write all logs to standard error in the form that the settings name; ``process`` tells one of several apart."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(process) if settings.format == "json" else Lines(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for noisy, level in (("alembic", logging.WARNING), ("httpx", logging.WARNING), ("uvicorn", logging.WARNING)):
        logging.getLogger(noisy).setLevel(level)


def masked(text: str) -> str:
    """Return a text without what looks like a secret."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text


class Lines(logging.Formatter):
    """Lines for people."""

    def __init__(self, process: str | None = None) -> None:
        super().__init__("%(asctime)s %(levelname)s " + (f"[{process}] " if process else "") + "%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, or several where there is a trace."""
        return masked(super().format(record))


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at, level, event, logger``, and ``process, request, trace`` and fields where known."""

    def __init__(self, process: str | None = None) -> None:
        super().__init__()
        self._process = process

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": masked(record.getMessage()),
            "logger": record.name,
        }
        if self._process:
            line["process"] = self._process
        if (request := request_id.get()) is not None:
            line["request"] = request
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["trace"] = masked("".join(traceback.format_exception(*record.exc_info)))
        return msgspec.json.encode(line).decode()
