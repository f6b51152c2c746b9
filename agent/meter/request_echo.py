"""Round trips where UDP does not come through: small requests on one kept HTTP connection beside the test.

One at a time, so that a slow one delays the next: a full queue shows in fewer of them than UDP echoes would show. What
is lost TCP sends again, so that nothing can be said of loss.
"""

import ssl
from contextlib import suppress

from agent.contract.errors import NetreadyError
from agent.meter import http_lane, layers
from agent.meter.dial import Dialler, Endpoint
from agent.meter.echo import Rounds
from agent.meter.http_answer import Answers

PATH = "/backend/empty.php"  # a netready reflector and LibreSpeed answer with nothing; any other answer is one too
_MOST_BYTES = 64 * 1024


class RequestStream(Rounds):
    """Requests on a fixed schedule, each once the one before it is answered."""

    protocol = "http"

    def __init__(self, endpoint: Endpoint, context: ssl.SSLContext | None, deadline: float, interval_s: float) -> None:
        """Connect, within the deadline.

        Raises:
            TransferError: there is no connection.
        """
        super().__init__(Dialler(endpoint, context).dial(deadline))
        self._request = http_lane.get(endpoint, endpoint.prefix + PATH)
        self._header_bytes = layers.segment(self.sock).header_bytes
        self._interval_s = interval_s
        self._answers = Answers()
        self._received_bytes = 0
        self._due = 0.0

    def tick(self, now: float) -> None:
        sent = len(self._sent_at)
        self._note(now, sent * (len(self._request) + self._header_bytes), self._received_bytes)
        if now < self._due or not self.all_back or self.ended:
            return
        self._due = max(self._due + self._interval_s, now + self._interval_s / 2)
        try:
            whole = self.sock.send(self._request) == len(self._request)
        except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
            return
        except OSError:
            whole = False
        if not whole:
            self.ended = True
            return
        self._sent_at.append(now)

    def _take(self, now: float | None) -> None:
        if self.ended:
            return
        try:
            data = memoryview(self.sock.recv(_MOST_BYTES))
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError:
            self.ended = True
            return
        self._received_bytes += len(data) + self._header_bytes
        with suppress(NetreadyError):  # no HTTP: the round trip was one all the same, and it was the last
            while data:
                data = data[self._answers.feed(data) :]
            if self._answers.persists and self._answers.heads <= len(self._sent_at):
                if self._answers.complete == len(self._sent_at) and not self.all_back:
                    self._rtts_s[len(self._sent_at) - 1] = None if now is None else now - self._sent_at[-1]
                return
        self.ended = True
