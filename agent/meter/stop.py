"""When a test knows enough; pure. The reason that a fixed number of seconds is the wrong answer on every line.

``capacity`` asks how fast the line is and stops when the interval is narrow. ``verdict`` asks whether it reaches a
level and stops as soon as the interval lies on one side of it. The long form of a capacity test goes on until a token
bucket of MAX_BUCKET_BYTES, which lets a line boost to three times its rate, would be empty.
"""

from msgspec import Struct

from agent.contract.measurement import Form, Purpose, Stop
from agent.meter.estimate import MIN_BLOCKS, Estimate
from agent.meter.steady import Plateau

MAX_BUCKET_BYTES = 20_000_000
_LOOK_PAST_BYTES = MAX_BUCKET_BYTES * 8 // 5  # while the bucket empties the line carries half as much again
_LONG_STEADY_S = 3.0
_AFTER_FALL_S = 2.0
_CLEAR_SPREAD, _FAIR_SPREAD, _POOR_SPREAD = 0.01, 0.03, 0.1
_SHORTEST_STEADY_S = 0.9
_PATIENCE_S = 2.8  # from then on a fairly narrow interval is good enough: data costs money
SMALL_BUCKET_BYTES = 2_000_000  # of a token bucket that a PASS has to have looked past, as far as its bytes allow
_PEAK = 3.0  # times its rate: how fast such a line is at first where no pace holds the sender
_SEEN_S = 0.9  # of the rate behind the boost, so that its fall is seen
_MOST_OF_LIMIT = 0.75
_FURTHER_PATIENCE_S = 2.0
_SLOW_START_ROUNDS = 12
_LIMIT_S, _LIMIT_LONG_RTT_S, _LONG_LIMIT_S = 8.0, 19.0, 24.0
_VERDICT_LIMIT_S = 4.6


class Question(Struct, frozen=True, kw_only=True):
    """What a direction is asked.

    ``level_bps`` is the decision level of a verdict, ``pace_bps`` the sender's pace, both at the IP layer.
    """

    purpose: Purpose = "capacity"
    form: Form = "short"
    level_bps: float | None = None
    pace_bps: float | None = None
    max_bytes: int | None = None
    max_s: float | None = None

    def limit_s(self, rtt_s: float) -> float:
        """Return after how many seconds a direction ends at the latest: long round trips take longer to fill a line."""
        usual = min(_LIMIT_LONG_RTT_S, _LIMIT_S + _SLOW_START_ROUNDS * rtt_s)
        if self.purpose == "verdict":
            usual = max(_VERDICT_LIMIT_S, min(_LIMIT_LONG_RTT_S, 2 + 2 * _SLOW_START_ROUNDS * rtt_s))
        elif self.form == "long":
            usual = _LONG_LIMIT_S
        return usual if self.max_s is None else min(usual, self.max_s)


class Standing(Struct, frozen=True, kw_only=True):
    """Where a test stands. ``found`` is at the IP layer, without an upper bound while the rate still grows.

    ``bytes`` are those of IP packets, ``coming_bytes`` those that are on their way: they have been paid for too.
    ``settled`` tells that more connections would not help.
    """

    elapsed_s: float
    bytes: int
    rtt_s: float
    coming_bytes: float
    plateau: Plateau | None
    found: Estimate | None
    settled: bool


def decide(question: Question, now: Standing) -> Stop | None:
    """Return why to stop now, or None to go on."""
    if question.max_bytes is not None and now.bytes + now.coming_bytes >= question.max_bytes:
        return "bytes"
    if now.found is not None and now.found.blocks >= MIN_BLOCKS:
        if question.purpose == "verdict" and _is_settled(question, now, now.found):
            return "verdict"
        if (
            question.purpose == "capacity"
            and now.plateau is not None
            and _is_narrow(question, now, now.plateau, now.found)
        ):
            return "converged"
    return "time" if now.elapsed_s >= question.limit_s(now.rtt_s) else None


def _is_settled(question: Question, now: Standing, found: Estimate) -> bool:
    level = question.level_bps
    if level is None or found.low_bps is None:
        return False
    if found.low_bps >= level:
        # Also while the rate still grows: the line can do that. But not on a small boost's word alone.
        return now.bytes + now.coming_bytes >= past_small_boost_bytes(question, level)
    if found.high_bps is None or now.plateau is None or not now.settled:
        return False
    return found.high_bps < level and now.plateau.end_s - now.plateau.begin_s >= 1.0 + now.rtt_s


def past_small_boost_bytes(question: Question, level_bps: float) -> float:
    """Return after how many bytes a line just below the level would have shown it, whatever a small bucket hid.

    The sender empties the bucket at its pace while the line's rate fills it: B x pace / (pace - rate) bytes. Where a
    test may not carry so much, three quarters of what it may is all that can be asked.
    """
    pace_bps = question.pace_bps or _PEAK * level_bps
    hidden = SMALL_BUCKET_BYTES * pace_bps / max(1.0, pace_bps - level_bps)
    needed = hidden + _SEEN_S * level_bps / 8
    return needed if question.max_bytes is None else min(needed, _MOST_OF_LIMIT * question.max_bytes)


def _is_narrow(question: Question, now: Standing, plateau: Plateau, found: Estimate) -> bool:
    steady_s = plateau.end_s - plateau.begin_s
    patience_s = _PATIENCE_S + _SLOW_START_ROUNDS * now.rtt_s
    if found.spread is None or not now.settled or steady_s < _SHORTEST_STEADY_S + 2 * now.rtt_s:
        return False
    if plateau.before_bps is not None and steady_s < _AFTER_FALL_S + 4 * now.rtt_s:
        return False
    if question.form == "long" and not (looked_past(plateau, now.bytes) and steady_s >= _LONG_STEADY_S):
        return False
    allowed = _CLEAR_SPREAD
    if now.elapsed_s >= patience_s:
        allowed = _FAIR_SPREAD if now.elapsed_s < patience_s + _FURTHER_PATIENCE_S else _POOR_SPREAD
    return found.spread <= allowed


def looked_past(plateau: Plateau, carried_bytes: int) -> bool:
    """Tell whether a test saw what is behind a boost: it saw the fall, or carried more than any bucket holds."""
    return plateau.before_bps is not None or carried_bytes >= _LOOK_PAST_BYTES
