"""An examination as one page of text: what is wrong first, with what to do; what is well in one line each."""

import textwrap
from collections.abc import Iterator

from agent.doctor.finding import Examination, Finding, LeftOut
from agent.doctor.words import count, local

_WIDTH = 79
_MARGIN = 14
_HEADS = {"fault": "FAULT", "warning": "Warning", "unknown": "Not known"}


def lines(seen: Examination) -> Iterator[str]:
    """Return the page, its lines fit for a window of 80 columns."""
    yield f"netready-agent {seen.version}, examined {local(seen.made_at)} in {seen.took_s:.0f} s"
    yield from _verdict(seen)
    for result, head in _HEADS.items():
        for finding in seen.findings:
            if finding.result == result:
                yield ""
                yield from _whole(finding, head)
    well = [finding for finding in seen.findings if finding.result == "ok"]
    if well:
        yield ""
        yield "In order"
        for finding in well:
            yield from _row(finding.title, finding.seen)
    if seen.left_out:
        yield ""
        yield from _left_out(seen.left_out)
    yield ""
    yield from _wrapped("This page holds no key, password, token, user or host name: it can be sent to support.", "")


def _verdict(seen: Examination) -> Iterator[str]:
    if not seen.faults:
        yield f"No fault was found, {count(seen.warnings, 'warning')}."
        return
    text = f"{count(seen.faults, 'fault')} and {count(seen.warnings, 'warning')}."
    yield text[0].upper() + text[1:] + (" Begin with the first: others may follow from it." if seen.faults > 1 else "")


def _whole(finding: Finding, head: str) -> Iterator[str]:
    yield f"{head}: {finding.title}"
    yield from _row("  Seen", finding.seen)
    yield from _row("  Why", finding.why)
    if finding.advice:
        yield from _row("  Do", finding.advice)


def _row(title: str, text: str) -> Iterator[str]:
    yield from _wrapped(text, f"{title:<{_MARGIN}}" if title.startswith("  ") else f"  {title:<{_MARGIN}}")


def _wrapped(text: str, head: str) -> Iterator[str]:
    # A path or URL that is longer than a line stays whole, so that it can be copied.
    yield from textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _left_out(left_out: tuple[LeftOut, ...]) -> Iterator[str]:
    reasons = {"offline": "not asked, as told (--offline)", "not enrolled": "not asked before it belongs to a school"}
    reasons["no servers known"] = "not asked, because the policy names none"
    for reason, text in reasons.items():
        titles = [each.title for each in left_out if each.reason == reason]
        if titles:
            yield from _wrapped(f"{', '.join(titles)}: {text}.", "")
