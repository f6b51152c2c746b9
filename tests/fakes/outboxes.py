"""Computers that send report after report and keep each until it is answered, whatever happens to the collector."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Self

from tests.fakes.computer import Computer, batch, throughput, wire_link

_PAUSE_S = 0.05


class Outboxes:
    """One thread for each computer; ``answered`` counts what came back, ``kept`` what was called stored."""

    def __init__(self, port: int, computers: Sequence[Computer], reports: int = 5) -> None:
        self._port = port
        self._reports = reports
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.answered: Counter[str] = Counter()
        self.kept: set[tuple[str, int]] = set()
        self._threads = [threading.Thread(target=self._send, args=(one,), daemon=True) for one in computers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join(30)

    def wait_for(self, more: int, within_s: float = 60.0) -> None:
        """Wait until so many more reports were answered as stored."""
        wanted, end = len(self.kept) + more, time.monotonic() + within_s
        while len(self.kept) < wanted:
            assert time.monotonic() < end, f"no {more} reports within {within_s} s: {self.answered}"
            time.sleep(0.02)

    def wait_for_trouble(self, within_s: float = 60.0) -> None:
        """Wait until something went wrong that had not before."""
        seen, end = self.troubles(), time.monotonic() + within_s
        while self.troubles() == seen:
            assert time.monotonic() < end, f"nothing went wrong within {within_s} s: {self.answered}"
            time.sleep(0.02)

    def troubles(self) -> int:
        """Return how often a delivery was turned away, cut off or refused."""
        return sum(count for word, count in self.answered.items() if word not in ("stored", "duplicate"))

    def _send(self, computer: Computer) -> None:
        while not self._ending.is_set():
            sequences = range(computer.sequence + 1, computer.sequence + 1 + self._reports)
            body = batch(*[computer.report(wire_link(), throughput(30e6, 6e6)) for _ in sequences])
            while not self._deliver(body, [(computer.id, sequence) for sequence in sequences]):
                if self._ending.wait(_PAUSE_S):
                    return

    def _deliver(self, body: bytes, keys: list[tuple[str, int]]) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.request("POST", "/api/v1/reports", body)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._count({"no answer": 1})
            return False
        finally:
            connection.close()
        if answer.status != 200:
            self._count({str(answer.status): 1})
            return False
        words = [one["answer"] for one in json.loads(content)["items"]]
        self._count(Counter(words))
        with self._lock:
            self.kept |= {key for key, word in zip(keys, words, strict=True) if word in ("stored", "duplicate")}
        return True

    def _count(self, words: dict[str, int] | Counter[str]) -> None:
        with self._lock:
            self.answered.update(words)
