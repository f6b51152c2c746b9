"""A video lesson from the test server: do so many pupils at once see it without a stall, and how many could?

The lesson is played as config/services.toml has it. If nobody's picture stood still, twice as many watch two segments
each, again and again, until one stalls: the line is full then, and what it delivers says how many it carries. Where
bytes, time or a class come to an end first, the answer is a lower bound and says so.
"""

import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from socket import socket

import msgspec
from msgspec import Struct

from agent.contract.services import VideoLesson
from agent.meter import interception, loop, player
from agent.meter.dial import Dialler, Endpoint
from agent.meter.errors import TransferError
from agent.meter.player import SEGMENT_S, Playback, Player
from agent.probes._services_catalogue import Video
from agent.probes._services_channel import BUFFER_BYTES, Channel

_MOST_CONNECTIONS = 16  # a third of what a reflector gives to one network; beyond, pupils share them
_FEWEST_SEGMENTS = 2  # one to start with, and one that has to come in time
_PATIENCE = 1.5  # of the lesson's length, until it is broken off
_RAMP_S = 8.0  # at most, for each further number of pupils
_LEAST_S = 3.0
_RESERVE_S = 0.5  # of the deadline, kept for closing
_OPENING_S, _LEAST_OPENING_S = 8.0, 2.0
_MOST_DETAIL = 1000


class Lesson(Struct, frozen=True, kw_only=True):
    """What is played, from where, at the cost of how many bytes at most, until when; ``fields`` are header lines."""

    endpoint: Endpoint
    context: ssl.SSLContext | None
    video: Video
    max_bytes: int
    deadline: float
    fields: tuple[str, ...] = ()

    @property
    def segment_bytes(self) -> int:
        """The length of a segment."""
        return round(self.video.bitrate_bps / 8 * SEGMENT_S)

    def segments(self, streams: int, spent_bytes: int) -> int:
        """Return how many segments the bytes that are left allow each of the streams."""
        return max(0, self.max_bytes - spent_bytes) // (streams * self.segment_bytes)


def play(lesson: Lesson) -> VideoLesson | None:
    """Play a lesson and find how many could watch; None where the limit of bytes allows no lesson."""
    video = lesson.video
    segments = min(int(video.lesson_s / SEGMENT_S), lesson.segments(video.streams, 0))
    if segments < _FEWEST_SEGMENTS:
        return None
    seen = VideoLesson(streams=video.streams, bitrate_bps=video.bitrate_bps, played_s=0.0)
    if _left_s(lesson) < _LEAST_S:
        return failed(seen, TransferError("deadline", "too little time was left for a video lesson"))
    with closing(_Line(lesson)) as line:
        try:
            line.widen(video.streams, _LEAST_S)
        except TransferError as error:
            return failed(seen, error)
        first = _watch(line, video.streams, segments, min(_PATIENCE * video.lesson_s, _left_s(lesson)))
        seen = _told(seen, first)
        if first.trouble is None:
            seen = _counted(seen, line, first, lesson)
        return msgspec.structs.replace(seen, bytes=line.received)


def _left_s(lesson: Lesson) -> float:
    """Return how much of the time is left, without what closing takes."""
    return lesson.deadline - _RESERVE_S - time.monotonic()


class _Watched(Struct, frozen=True, kw_only=True):
    """How so many pupils saw it; ``rate_bps`` is what came meanwhile."""

    streams: int
    playback: Playback
    rate_bps: float
    trouble: TransferError | None


def _watch(line: "_Line", streams: int, segments: int, limit_s: float, *, to_first_stall: bool = False) -> _Watched:
    """Have so many pupils watch so many segments, for so long at most."""
    received, began = line.received, time.monotonic()
    players = [Player(segments, began) for _ in range(streams)]
    trouble: TransferError | None = None

    def tick(now: float) -> bool:
        for index, pupil in enumerate(players):
            if pupil.wants(now):
                line.channels[index % len(line.channels)].ask(pupil)
        stalled = to_first_stall and any(pupil.stalls or pupil.stands_still(now) for pupil in players)
        return now - began < limit_s and not stalled

    try:
        loop.run(line.channels, tick, lambda: all(pupil.has_all for pupil in players))
    except TransferError as error:
        trouble = error
    now = time.monotonic()
    rate_bps = 8 * (line.received - received) / max(1e-3, now - began)
    playback = player.summarise(players, now)
    return _Watched(streams=streams, playback=playback, rate_bps=rate_bps, trouble=trouble)


def _told(seen: VideoLesson, first: _Watched) -> VideoLesson:
    """Return what is told of the lesson itself."""
    playback = first.playback
    seen = msgspec.structs.replace(
        seen,
        played_s=round(playback.played_s, 3),
        start_ms=None if playback.start_s is None else round(playback.start_s * 1000, 3),
        stalls=playback.stalls,
        stalled_ratio=None if playback.stalled_ratio is None else round(playback.stalled_ratio, 6),
    )
    trouble = first.trouble
    if trouble is None and not first.rate_bps:
        trouble = TransferError("stalled", "connected, but the test server sends nothing")
    return seen if trouble is None else failed(seen, trouble)


def failed(seen: VideoLesson, trouble: TransferError) -> VideoLesson:
    """Return the lesson as one that failed, with the word and the sentence for it."""
    detail = interception.shown(str(trouble), _MOST_DETAIL)
    return msgspec.structs.replace(seen, failure=trouble.failure, detail=detail)


def _counted(seen: VideoLesson, line: "_Line", first: _Watched, lesson: Lesson) -> VideoLesson:
    """Add how many could watch at once, where the lesson itself tells enough for that."""
    if seen.failure is not None:
        return seen
    if first.playback.is_undecided:
        return msgspec.structs.replace(seen, detail="too little time was left to find how many could watch at once")
    smooth, last, why = _doubled(line, first, lesson)
    if why is not None:
        return _at_least(seen, smooth, why)
    came = f"{last.rate_bps / 1e6:.1f} Mbit/s"
    if last.rate_bps < smooth * seen.bitrate_bps:  # a long way or loss held it up, less than came a moment before
        return _at_least(seen, smooth, f"{last.streams} stalled at {came}, before the line was full")
    pupils = player.carried(last.rate_bps, seen.bitrate_bps, smooth, last.streams)
    detail = f"{last.streams} at once are too many: {came} come"
    return msgspec.structs.replace(seen, pupils_at_once=pupils, detail=detail)


def _doubled(line: "_Line", first: _Watched, lesson: Lesson) -> tuple[int, _Watched, str | None]:
    """Have twice as many watch, again and again; return how many did so without a stall, and what came last.

    The last is one with a stall; where there is none, the sentence says why no more were tried.
    """
    smooth, last = 0, first
    while last.playback.is_smooth:
        smooth = last.streams
        try:
            why = _no_more(lesson, 2 * smooth, line.received)
            if why is not None:
                return smooth, last, why
            line.widen(2 * smooth, _RAMP_S)
            last = _watch(line, 2 * smooth, _FEWEST_SEGMENTS, _RAMP_S, to_first_stall=True)
        except TransferError as error:
            return smooth, last, str(error)
        if last.trouble is not None:
            return smooth, last, str(last.trouble)
    return smooth, last, None


def _no_more(lesson: Lesson, streams: int, spent_bytes: int) -> str | None:
    """Return why so many are not tried, None where they are."""
    if streams > lesson.video.most_streams:
        return "that is as many as are tried"
    if lesson.segments(streams, spent_bytes) < _FEWEST_SEGMENTS:
        return f"{streams} would take more than the limit of {lesson.max_bytes} bytes"
    if _left_s(lesson) < _RAMP_S + _LEAST_OPENING_S:
        return f"no time was left for {streams}"
    return None


def _at_least(seen: VideoLesson, smooth: int, why: str) -> VideoLesson:
    detail = interception.shown(f"at least {smooth} at once see it without a stall; {why}", _MOST_DETAIL)
    return msgspec.structs.replace(seen, pupils_at_once=smooth, is_at_least=True, detail=detail)


class _Line:
    """The kept connections to the test server."""

    def __init__(self, lesson: Lesson) -> None:
        self.channels: list[Channel] = []
        self._lesson = lesson
        self._received = 0  # over connections that are no more
        self._dialler = Dialler(lesson.endpoint, lesson.context)
        self._buffer = memoryview(bytearray(BUFFER_BYTES))  # one for all: the loop serves them in turn

    @property
    def received(self) -> int:
        """Bytes of payload that came over all of them."""
        return self._received + sum(channel.received for channel in self.channels)

    def close(self) -> None:
        """Close all of them."""
        self._keep(lambda _channel: False)

    def widen(self, streams: int, keep_s: float) -> None:
        """Have a connection for each stream, as far as there may be, and keep so much time to use them.

        Those that were idle for long are replaced.

        Raises:
            TransferError: one cannot be opened.
        """
        now = time.monotonic()
        self._keep(lambda channel: channel.is_fresh(now))
        more = min(streams, _MOST_CONNECTIONS) - len(self.channels)
        if more <= 0:
            return
        lesson = self._lesson
        deadline = now + min(_left_s(lesson) - keep_s, _OPENING_S)
        troubles: list[TransferError] = []
        with ThreadPoolExecutor(more) as pool:
            for opening in [pool.submit(self._dialler.dial, deadline) for _ in range(more)]:
                try:
                    self.channels.append(self._channel(opening.result()))
                except TransferError as error:
                    troubles.append(error)
        if troubles:
            raise troubles[0]

    def _channel(self, sock: socket) -> Channel:
        lesson = self._lesson
        return Channel(sock, lesson.endpoint, lesson.segment_bytes, self._buffer, lesson.fields)

    def _keep(self, is_wanted: Callable[[Channel], bool]) -> None:
        for channel in [one for one in self.channels if not is_wanted(one)]:
            self._received += channel.received
            self.channels.remove(channel)
            channel.sock.close()
