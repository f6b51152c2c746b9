"""What was written into the log later than it says: the log's own order against the moments that things have; pure."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import accumulate

from collector.evidence import bundle
from collector.evidence.bundle import Place
from collector.evidence.told import Finding

# Clocks of several machines differ, and a long import is written with the moment at which it began.
_TOLERANCE = timedelta(hours=1)


class Order:
    """The places of one verdict's reports, which came in all the time, and of what was recorded beside them."""

    def __init__(self) -> None:
        self._came: dict[int, list[tuple[int, datetime]]] = defaultdict(list)
        self._said: list[tuple[int, Place, datetime]] = []
        self._enrolled: dict[str, tuple[int, Place]] = {}
        self._before_key: set[str] = set()

    def enrolled(self, number: int, agent: str, place: Place | None) -> None:
        """Note where the key of a line's computer stands."""
        if place is not None:
            self._enrolled[agent] = number, place

    def came(self, place: Place | None, at: datetime, agent: str) -> None:
        """Note where a report of a computer stands that came in then."""
        if place is None:
            return
        self._came[place.log].append((place.index, at))
        _, key = self._enrolled.get(agent, (0, place))
        if (place.log, place.index) < (key.log, key.index):
            self._before_key.add(agent)

    def said(self, number: int, place: Place | None, at: datetime) -> None:
        """Note where the thing of a line stands that says that it was recorded then."""
        if place is not None:
            self._said.append((number, place, at))

    def late(self) -> Iterator[Finding]:
        """Yield the things before which a report stands that came in later than they say, or than they allow."""
        ordered = {log: sorted(places) for log, places in self._came.items()}
        latest = {log: list(accumulate((at for _, at in places), max)) for log, places in ordered.items()}
        for number, place, at in self._said:
            before = bisect_left(ordered.get(place.log, []), (place.index,))
            if before and latest[place.log][before - 1] > at + _TOLERANCE:
                reported = bundle.moment(latest[place.log][before - 1])
                what = (
                    f"it says that it was recorded on {bundle.moment(at)}, and stands in the log after a report of"
                    f" {reported}: it was written later than it says, or a clock was set back"
                )
                yield Finding(number, what)
        for agent in sorted(self._before_key):
            what = (
                f"computer {agent} got its place in the log after reports of it: it was enrolled before keys were"
                " logged, or put in afterwards, or a log ended"
            )
            yield Finding(self._enrolled[agent][0], what)
