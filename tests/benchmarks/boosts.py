"""Lines that boost first and throttle after: what the long form and the short form of a capacity test say of them."""

import math
import statistics
from collections.abc import Sequence

from msgspec.structs import replace

from agent.contract.measurement import Direction
from tests.benchmarks import page, places, trial
from tests.benchmarks.page import Summary, judged, megabits, percent
from tests.benchmarks.trial import WAYS, Ours
from tests.lab.far_end import FarEnd, Way
from tests.lab.lines import KnownLine
from tests.lab.shape import Shape

SUSTAINED = 0.05
_PEAK = 3
_SMALL_BYTES, _LARGE_BYTES = 2_000_000, 20_000_000
_LONGEST_BOOST_S = 12.0  # a larger bucket on a slower line would last longer than anybody measures
_COLUMNS = (
    "line",
    "form",
    "way",
    "true",
    "peak",
    "bucket MB",
    "ip_bps",
    "sustained",
    "error",
    "burst",
    "MB",
    "s",
    "note",
)
_NOTE = "Rates in Mbit/s. A short form that does not give sustained_bps says so that it did not look past a boost."


def boosted(line: KnownLine) -> KnownLine:
    """Return the line with a bucket in each direction, at three times its rate."""
    return replace(line, download=_boosted(line.download), upload=_boosted(line.upload))


def _boosted(shape: Shape) -> Shape:
    lasts_s = _LARGE_BYTES * 8 / ((_PEAK - 1) * shape.rate_bps)
    bucket = _LARGE_BYTES if lasts_s <= _LONGEST_BOOST_S else _SMALL_BYTES
    return replace(shape, burst_bytes=bucket, peak_bps=_PEAK * shape.rate_bps)


def run(words: Sequence[str] = ()) -> None:
    """Print the tables; words choose lines by their names."""
    errors: list[float] = []
    pretended = 0
    with (
        page.table("Boosted lines, three times the rate at first", *_COLUMNS, note=_NOTE) as made,
        page.telling() as now,
    ):
        for far in places.each(map(boosted, places.chosen(words)), now):
            for form in ("long", "short"):
                now.say(f"{far.line.name}: {form} form")
                found = trial.ours(far, f"form={form}")
                for way in WAYS:
                    error, cells = _judge(far, way, found, form)
                    made.add_row(far.line.name, form, way, *cells)
                    if form == "long":
                        errors.append(math.inf if math.isnan(error) else abs(error))
                    elif abs(error) > SUSTAINED:
                        pretended += 1
            made.add_section()
    summary = Summary("Boosted lines: what they must show")
    summary.most("long form: worst error of sustained_bps", max(errors, default=math.nan), SUSTAINED)
    summary.most(
        "long form: median error of sustained_bps", statistics.median(errors) if errors else math.nan, SUSTAINED
    )
    summary.most("short form: boosts given out as sustained_bps", pretended, 0, "directions")
    summary.show()


def _judge(far: FarEnd, way: Way, found: Ours, form: str) -> tuple[float, list[str]]:
    """Return the error of ``sustained_bps`` and the cells."""
    shape: Shape = getattr(far.line, way)
    of_line = [megabits(shape.rate_bps), megabits(shape.peak_bps), f"{shape.burst_bytes / 1e6:g}"]
    if found.seen is None:
        return math.nan, [*of_line, judged("failed", fine=False), *[""] * 5, page.note(found.failure)]
    direction: Direction = getattr(found.seen, way)
    error = trial.error(direction.sustained_bps, shape.rate_bps)
    is_fine = abs(error) <= SUSTAINED or (form == "short" and math.isnan(error))
    distrust = found.spent.distrust and f"emulator: {found.spent.distrust}"
    return error, [
        *of_line,
        megabits(direction.ip_bps),
        megabits(direction.sustained_bps),
        judged(percent(error, sign=True), fine=is_fine),
        megabits(direction.burst_bps),
        f"{direction.bytes / 1e6:.1f}",
        f"{direction.duration_s:.1f}",
        page.note(direction.stop, distrust),
    ]
