"""What ``netready-agent check`` shows: progress while it measures, then one panel, the verdict, and what to fix.

Loads rich, as survey does; the service never imports it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct
from rich.bar import Bar
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from agent.contract import standards
from agent.contract.causes import Diagnosis
from agent.contract.lan import Lan
from agent.contract.measurement import Direction, Failed, Latency, Link, Measurement, Skipped, Throughput
from agent.contract.report import Report
from agent.contract.standards import Outcome, Target
from agent.diagnosis import NOTABLE_TRAFFIC_BPS, Finding, mbit
from agent.meter import progress
from agent.session import Session

EXIT_CODES: dict[Outcome, int] = {"PASS": 0, "FAIL": 1, "UNDECIDED": 4}
_COLOURS: dict[Outcome, str] = {"PASS": "green", "FAIL": "red", "UNDECIDED": "yellow"}
_BAR_WIDTH = 16  # with the longest words of a row beside it, 80 columns are full
_LABEL_WIDTH = len("Download")  # the longest of the panel's labels: both of its tables stand in line
_STEPS = {
    "link": "Looking at this computer's link",
    "latency": "Timing answers",
    "msak": "Connecting",
    "ndt7": "Connecting",
    "librespeed": "Connecting",
    "ookla": "Measuring with speedtest-cli",
}
_METERED = (
    "This connection is paid for by volume: the test only asked whether the need is met. "
    "How fast the line is: check --capacity"
)
_PHASES = {"download": "Download", "upload": "Upload"}


class Page(Struct, frozen=True, kw_only=True):
    """Everything that one check shows; ``is_metered`` where it asks only a verdict because of what a test costs."""

    school: str | None
    session: Session
    target: Target
    finding: Finding
    notes: tuple[str, ...]
    is_metered: bool = False
    diagnosis: Diagnosis | None = None


@contextmanager
def live(console: Console) -> Iterator[Callable[[str], None]]:
    """Show progress on a terminal while a session runs inside, else nothing. Yields what to tell each step to."""
    columns = (
        SpinnerColumn("line" if not _letters(console) else "dots"),
        TextColumn("{task.description}", justify="left"),
        # Red is kept for what is wrong.
        BarColumn(_BAR_WIDTH, complete_style="cyan", finished_style="cyan", pulse_style="cyan"),
        TextColumn("{task.fields[rate]}", justify="right"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as display:
        task = display.add_task("Beginning", total=None, rate="")
        with progress.watch(lambda now: _show(display, task, now)):
            yield lambda name: display.update(task, description=_STEPS.get(name, name), total=None, rate="")


def _show(display: Progress, task: TaskID, now: progress.Progress) -> None:
    rate = f"{mbit(now.ip_bps)} Mbit/s" if now.ip_bps is not None else ""
    display.update(task, description=_PHASES[now.phase], total=1.0, completed=now.share, rate=rate)


def show(console: Console, page: Page) -> None:
    """Print the panel, the verdict line (never wrapped: scripts look for it) and what to fix."""
    console.print(Panel(Group(*_lines(console, page)), title="netready", title_align="left", padding=(1, 2)))
    outcome = page.finding.verdict.outcome
    line = Text.assemble((f"VERDICT: {outcome}", f"bold {_COLOURS[outcome]}"), f"  {page.finding.reason}")
    console.print(line, soft_wrap=True)
    cause = page.diagnosis
    if cause is not None and outcome != "PASS":
        sure = {"high": "", "medium": "", "low": " (not sure yet)"}[cause.confidence]
        console.print(
            Text.assemble(("\nWhy  ", "bold"), f"{cause.sentence}{sure if cause.cause != 'INSUFFICIENT' else ''}")
        )
    fixes = (*page.finding.fixes, *(defect.sentence for defect in (cause.defects if cause is not None else ())))
    if fixes:
        heading = "Worth knowing" if outcome == "PASS" else "What to fix"
        console.print(Text(f"\n{heading}", style="bold"))
    for number, fix in enumerate(fixes, start=1):
        row = Table.grid(padding=(0, 1))
        row.add_row(f"{number}.", Text(fix))
        console.print(Padding(row, (0, 0, 0, 1)))
    for note in page.notes:
        console.print(Text(f"\n{note}", style="dim"))


def document(
    session: Session, report: Report | None, finding: Finding, target: Target, diagnosis: Diagnosis | None = None
) -> dict[str, Any]:
    """Return what ``--json`` prints: the report's keys (null where there is no report), verdict and diagnosis."""
    fields = {name: getattr(report, name, None) for name in Report.__struct_fields__}
    fields["session_s"] = session.session_s
    fields["measurements"] = session.measurements
    verdict = {
        **msgspec.to_builtins(finding.verdict),
        "reason": finding.reason,
        "fixes": finding.fixes,
        "target": target,
    }
    return {**fields, "server": session.server, "verdict": verdict, "diagnosis": diagnosis}


def _lines(console: Console, page: Page) -> list[RenderableType]:
    seen = page.session.measurements
    target = page.target
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", min_width=_LABEL_WIDTH)
    table.add_column()
    table.add_column(justify="right", no_wrap=True)
    throughput = next((one for one in seen if isinstance(one, Throughput)), None)
    if throughput is not None:
        verdict = page.finding.verdict
        wanted = target.download_bps or target.download_floor_bps
        down = _rate_row(console, throughput.download, wanted, verdict.download)
        up = _rate_row(console, throughput.upload, target.upload_bps, verdict.upload)
        table.add_row("Download", *down)
        table.add_row("Upload", *up)
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="bold", min_width=_LABEL_WIDTH)
    facts.add_column(overflow="fold")
    if page.school is not None:
        facts.add_row("School", Text(page.school))
    for one in seen:
        if (words := _words(one)) is not None:
            facts.add_row(words[0], Text(words[1]))
    for name, sentence in _beside(throughput) if throughput is not None else ():
        facts.add_row(name, Text(sentence))
    if page.is_metered and throughput is not None and throughput.purpose == "verdict":
        facts.add_row("Metered", Text(_METERED))
    facts.add_row("Server", Text(page.session.server or "none known"))
    facts.add_row("Needed", Text(_needed(target)))
    return [table, Text(), facts] if throughput is not None else [facts]


def _beside(throughput: Throughput) -> list[tuple[str, str]]:
    """Return what the figures of a throughput test do not say by themselves."""
    rows = []
    rtts = (
        ("idle", throughput.rtt_idle_ms),
        ("while downloading", throughput.rtt_download_ms),
        ("while uploading", throughput.rtt_upload_ms),
    )
    if known := [f"{_milliseconds(rtt_ms)} {when}" for when, rtt_ms in rtts if rtt_ms is not None]:
        rows.append(("Answers", ", ".join(known)))
    ways = (("down", throughput.download), ("up", throughput.upload))
    directions = [(way, one) for way, one in ways if one is not None]
    for way, one in directions:
        if one.burst_bps is not None:
            rows.append(("Boost", f"{mbit(one.burst_bps)} Mbit/s {way} at first, then {mbit(one.ip_bps)}"))
    if brief := [f"{one.duration_s:.1f} s {way}" for way, one in directions if one.sustained_bps is None]:
        rows.append(("Looked", f"for {' and '.join(brief)}: too short to see a later slowdown"))
    if "shared_line" in throughput.suspected:
        rows.append(("Perhaps", "other computers were using the line at the same time"))
    return rows


def _milliseconds(rtt_ms: float) -> str:
    return f"{rtt_ms:.1f} ms" if rtt_ms < 10 else f"{rtt_ms:.0f} ms"


def _rate_row(
    console: Console, direction: Direction | None, wanted_bps: float, outcome: Outcome | None
) -> list[RenderableType]:
    if direction is None:
        return ["", Text("not measured")]
    rate = standards.interval_of(direction)
    style = _COLOURS[outcome] if outcome else "default"
    words, between = f"{mbit(rate.value_bps)} Mbit/s", "(rough), "
    if rate.high_bps is not None:
        low, high = mbit(rate.low_bps), mbit(rate.high_bps)
        between = f"({low} to {high}), " if low != high else ""
    elif rate.low_bps > 0:
        words, between = f"at least {mbit(rate.low_bps)} Mbit/s", ""
    return [
        _bar(console, min(1.0, direction.ip_bps / wanted_bps), style),
        Text(words, style=f"bold {style}"),
        Text(f"{between}needs {mbit(wanted_bps)}", style="dim"),
    ]


def _bar(console: Console, share: float, style: str) -> RenderableType:
    """Draw how much of the target is reached."""
    if _letters(console):
        return Bar(1.0, 0.0, share, width=_BAR_WIDTH, color=style, bgcolor="default")
    filled = round(share * _BAR_WIDTH)
    return Text("#" * filled + "." * (_BAR_WIDTH - filled), style=style)


def _letters(console: Console) -> bool:
    """Tell whether this console can show block characters; older Windows consoles cannot."""
    return console.encoding.lower().startswith("utf")


def _words(seen: Measurement) -> tuple[str, str] | None:
    match seen:
        case Latency():
            jitter = f", jitter {seen.jitter_ms:.1f} ms" if seen.jitter_ms is not None else ""
            return "Latency", (
                f"{seen.median_ms:.1f} ms (95% within {seen.p95_ms:.1f} ms){jitter}, loss {seen.loss_ratio:.1%}"
            )
        case Link():
            return "Link", _link(seen)
        case Lan():
            inside = _inside(seen)
            return ("Inside", inside) if inside else None
        case Failed():
            return _label(seen.probe), f"failed, {seen.failure.replace('_', ' ')}: {seen.detail}"
        case Skipped():
            return _label(seen.probe), f"not possible here: {seen.reason}"
    return None


def _inside(lan: Lan) -> str:
    """Return how quickly the school's own network answers; empty where nothing was heard of it."""
    parts = []
    router = lan.gateway_echoes
    if router is not None and router.median_ms is not None:
        lost = f", {router.loss_ratio:.0%} lost" if router.loss_ratio else ""
        parts.append(f"the router answers after {router.median_ms:.1f} ms{lost}")
    names_ms = [one.median_ms for one in lan.resolvers if one.median_ms is not None]
    if names_ms:
        parts.append(
            f"name servers after {min(names_ms):.0f} to {max(names_ms):.0f} ms"
            if len(names_ms) > 1
            else f"the name server after {names_ms[0]:.0f} ms"
        )
    return ", ".join(parts)


def _label(probe: str) -> str:
    """Return what the panel calls a probe's row: what came out of it has the same name."""
    return probe.title() if probe in {"link", "latency"} else probe


def _link(link: Link) -> str:
    names = {"ethernet": "cable", "wifi": "Wi-Fi", "cellular": "mobile", "loopback": "this computer itself"}
    medium = names.get(link.medium, link.medium) if link.medium else "unknown kind"
    parts = [f"{medium} ({link.interface})"]
    if link.speed_bps:
        parts.append(f"{mbit(link.speed_bps)} Mbit/s")
    if link.wifi is not None and link.wifi.signal_dbm is not None:
        parts.append(f"signal {link.wifi.signal_dbm:.0f} dBm")
    if link.duplex:
        parts.append(f"{link.duplex} duplex")
    busy_bps = max(link.download_bps or 0.0, link.upload_bps or 0.0)
    if busy_bps >= NOTABLE_TRAFFIC_BPS and link.medium != "loopback":
        parts.append(f"busy with {mbit(busy_bps)} Mbit/s of its own")
    return ", ".join(parts)


def _needed(target: Target) -> str:
    pupils = f"for {target.pupils} pupils" if target.pupils is not None else "number of pupils not known"
    down = target.download_bps or target.download_floor_bps
    return f"{mbit(down)} down, {mbit(target.upload_bps)} up Mbit/s ({target.standard.upper()}, {pupils})"
