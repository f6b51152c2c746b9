"""Ask a netready reflector for its own signed record of a test; any other server has none, and that is no failure."""

import ssl
import time
from contextlib import suppress

from agent.contract import record
from agent.contract.errors import NetreadyError
from agent.contract.measurement import MAX_RECORD_BYTES
from agent.meter.dial import Dialler, Endpoint
from agent.meter.http_answer import Answers
from agent.meter.http_lane import get

_WITHIN_S = 4.0  # the server waits for the ends of its connections, which are on their way


def fetch(target: Endpoint, context: ssl.SSLContext | None, test_id: str, deadline: float) -> bytes | None:
    """Return the envelope as the server gave it, of this test and unchecked otherwise; null where there is none."""
    deadline = min(deadline, time.monotonic() + _WITHIN_S)
    with suppress(NetreadyError, OSError), Dialler(target, context).dial(deadline) as sock:
        answers = Answers(MAX_RECORD_BYTES + 1)
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        sock.sendall(get(target, f"{target.prefix}{record.PATH}{test_id}"))
        while not answers.complete and answers.body_bytes <= MAX_RECORD_BYTES and time.monotonic() < deadline:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            data = memoryview(sock.recv(65536))
            if not data:
                return None
            while data:
                data = data[answers.feed(data) :]
        envelope = answers.kept
        if answers.complete == 1 and answers.status == 200 and _is_of(envelope, test_id):
            return envelope
    return None


def _is_of(envelope: bytes, test_id: str) -> bool:
    return record.decode(record.open_envelope(envelope).payload).test_id == test_id
