"""How rare a breach had to be among an operator's lines, computed anew where a bundle shows all of them; pure."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from agent.contract.errors import NetreadyError
from collector.evidence.bundle import Wanted
from collector.evidence.told import Finding, Judged, Shared
from collector.verdicts import discovery, standard
from collector.verdicts.facts import Discovery

NOT_RECOMPUTED = (
    "how rare a breach had to be was not computed anew: that rests on all of the operator's lines, and this bundle is"
    " not of an operator's whole month; ask for that one (--operator NAME --month YYYY-MM)"
)
NOT_WHOLE = (
    "how rare a breach had to be was not computed anew: that rests on all of the operator's lines, and this bundle"
    " leaves verdicts out"
)


def is_of_all_lines(wanted: Wanted) -> bool:
    """Tell whether a bundle has to show the newest verdict on each line of an operator in a month."""
    others = (wanted.school, wanted.line, wanted.region, wanted.version)
    return wanted.operator is not None and wanted.month is not None and others == (None, None, None, None)


def check(verdicts: Sequence[Judged], wanted: Wanted, shared: Shared) -> None:
    """Note where verdicts come to another state by the threshold that all lines here lead to."""
    named = [one for one in verdicts if one.discovery is not None]
    if shared.left_out or not is_of_all_lines(wanted):
        what = NOT_WHOLE if is_of_all_lines(wanted) else NOT_RECOMPUTED
        if named:
            shared.unchecked.setdefault(what, named[0].line_number)
        return
    found: dict[str, Discovery | None] = {}
    for one in verdicts:
        if one.standard not in found:
            found[one.standard] = _threshold(verdicts, shared.rules, one.standard)
        again = found[one.standard]
        if again is not None and one.is_broken and one.version > 0:
            _compare(one, again, shared)


def _threshold(verdicts: Sequence[Judged], rules: Mapping[str, str], sha256: str) -> Discovery | None:
    """Return the threshold of these lines by rules; null where the bundle does not have them."""
    try:
        numbers = standard.parse(rules[sha256].encode()).statistics
    except (KeyError, NetreadyError):  # named already, with the verdict's line
        return None
    chances = discovery.chances((one.state, one.chance, one.synthetic) for one in verdicts)
    return discovery.of_operator(chances, Fraction(numbers.discovery.value), Fraction(numbers.risk.value))


def _compare(one: Judged, again: Discovery, shared: Shared) -> None:
    state = "breach" if one.chance is not None and one.chance <= again.most_chance else "watch"
    if state != one.state:
        what = (
            f"by the operator's {again.lines} lines here a breach has to be as rare as {again.most_chance:g}: this"
            f" verdict should be {state!r}, not {one.state!r} (while a change is still being judged, this passes: then"
            " export it again)"
        )
        shared.found(one.line_number, what)
    elif one.discovery is not None and one.discovery != again:
        what = (
            f"by this verdict {one.discovery.lines} lines of the operator were judged; here are {again.lines};"
            " its state is the same by both"
        )
        shared.remarks.append(Finding(one.line_number, what))
