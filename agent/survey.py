"""One stop of the walk through the school: what its Wi-Fi is like in this room, told in seconds and kept as a report.

Nobody has to set anything up before: until the collector has learnt which networks are the school's own, the one this
computer is connected to is taken for it. Loads rich; the service never imports it.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct
from rich.columns import Columns
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from agent import extras, planning, service, session
from agent.contract import coverage
from agent.contract.coverage import Grade, Heard
from agent.contract.errors import NetreadyError, SettingsError
from agent.contract.lan import Lan
from agent.contract.measurement import Failed, Link, Measurement, Skipped
from agent.contract.peer import Peer, Reached
from agent.contract.report import Report
from agent.contract.rules import WifiRules, shipped_rules
from agent.contract.wifi import Wifi
from agent.contract.wire import Inside
from agent.errors import ProbeUnavailable
from agent.host import addresses, ping
from agent.service import Station
from agent.session import Session

SCANS = 3
_WIFI_DEADLINE_S = 30.0
_PEER_DEADLINE_S = 40.0
_SENDING_S = 15.0
_ECHOES = 20
_ECHO_INTERVAL_S = 0.1
_MAX_FLOOR_CHARACTERS = 64
_SHOWN_ROOMS = 24
_NOTE = "surveyed rooms"
_STEPS = {
    "link": "Looking at this computer's link",
    "wifi": "Listening to the Wi-Fi around (hold still)",
    "router": "Timing the router's answers",
    "peer": "Measuring to another computer of the school",
}
_COLOURS: dict[str, str] = {"good": "green", "weak": "yellow", "none": "red", "unknown": "yellow"}

Answer = Grade | Literal["unknown"]


class Stop(Struct, frozen=True, kw_only=True):
    """Where this computer was carried to; labels as they are shown."""

    room: str
    floor: str | None = None


class Result(Struct, frozen=True, kw_only=True):
    """What one stop found. ``missing`` are the rooms of the register that are still to be walked to, of ``rooms``."""

    stop: Stop
    answer: Answer
    borderline: bool
    heard: Heard | None
    rooms: int
    missing: tuple[str, ...]
    sent: bool
    notes: tuple[str, ...] = ()


def stop_of(room: str, floor: str | None) -> Stop:
    """Return where a person says to stand; raises SettingsError for a label that shows nothing or is too long."""
    label = coverage.label_of(room)
    if not coverage.key_of(label):
        raise SettingsError("--room: write the room as its door shows it, for example --room 12 or --room 'Lab 2'")
    if len(" ".join(room.split())) > coverage.MAX_LABEL_CHARACTERS:
        raise SettingsError(f"--room: at most {coverage.MAX_LABEL_CHARACTERS} characters")
    level = coverage.label_of(floor or "")
    if len(level) > _MAX_FLOOR_CHARACTERS:
        raise SettingsError(f"--floor: at most {_MAX_FLOOR_CHARACTERS} characters, for example --floor 2")
    return Stop(room=label, floor=level or None)


def walk(here: Station, stop: Stop, announce: Callable[[str], None], *, peer: bool = False) -> tuple[Report, Session]:
    """Look at the network from this room, and keep the report; returns when it is on disk.

    Raises:
        ProbeUnavailable: this computer has no Wi-Fi card, so that it can say nothing of a room.
        StateError: another netready program measures, or the report could not be kept.
    """
    with service.the_line(here.state):
        seen = _look(here, announce, peer=peer)
    card = next((one for one in seen.measurements if isinstance(one, Skipped) and one.probe == "wifi"), None)
    if card is not None:
        raise ProbeUnavailable(f"a survey needs a computer with Wi-Fi: {card.reason}")
    return session.record(seen, "survey", here.enrolled, stop.room, here.outbox, floor=stop.floor), seen


def _look(here: Station, announce: Callable[[str], None], *, peer: bool) -> Session:
    began = time.monotonic()
    plan = planning.plan(here.settings, here.policy())
    asked = _asked(here.enrolled.identity.agent, here.policy().inside)
    tables = {name: table | plan.probes.get(name, {}) for name, table in asked.items()}
    plan = msgspec.structs.replace(plan, probes=plan.probes | tables)
    announce("wifi")
    seen = [session.measure("wifi", plan, None, _WIFI_DEADLINE_S)]
    if not isinstance(seen[0], Skipped):
        announce("link")
        # Towards nobody in particular: in a room without Wi-Fi no server's name could be looked up.
        seen.insert(0, session.measure("link", msgspec.structs.replace(plan, servers=()), None))
        announce("router")
        seen.extend(_router(seen))
    if peer and not isinstance(seen[-1], Skipped):
        announce("peer")
        seen.append(session.measure("peer", plan, None, _PEER_DEADLINE_S))
    return Session(measurements=tuple(seen), session_s=round(time.monotonic() - began, 3), server=None)


def _asked(agent: str, inside: Inside) -> dict[str, dict[str, Any]]:
    """Return what the probes of a stop are asked, by what the collector told of the inside of the school."""
    return {
        "wifi": {"fresh": True, "scans": SCANS, **extras.own_networks(inside)},
        "peer": extras.other_computers(inside, agent),
    }


def _router(seen: Sequence[Measurement]) -> Iterator[Lan]:
    """Time the first router's answers; nothing where there is none."""
    link = next((one for one in seen if isinstance(one, Link)), None)
    if link is None:
        return
    gateway = link.gateway or addresses.gateway(link.interface)
    if gateway is None:
        return
    started_at, began = datetime.now(UTC), time.monotonic()
    pinger, samples = ping.run(gateway, _ECHOES, _ECHO_INTERVAL_S)
    yield Lan(
        started_at=started_at,
        took_s=round(time.monotonic() - began, 3),
        interface=link.interface,
        gateway=gateway,
        gateway_echoes=ping.echoes(pinger.protocol, samples) if samples else None,
        denied=(pinger.denied,) if pinger.denied else (),
    )


def finish(here: Station, stop: Stop, seen: Session) -> Result:
    """Send what waits if there is a network, and say what the stop found and which rooms are still missing."""
    notes: list[str] = []
    heard = coverage.heard_in(_first(seen, Wifi), _first(seen, Link))
    done = _remember(here, stop if heard is not None else None)
    try:
        here.send(whatever_pause=True, deadline_s=_SENDING_S)
        sent = True
    except NetreadyError as error:
        sent = False
        notes.append(f"Kept on this computer and sent later: {error}")
    if sent:
        try:
            here.refresh_policy()
            here.outbox.write_note(_NOTE, "")  # the collector knows them now
        except NetreadyError as error:
            notes.append(f"The list of rooms may be old: {error}")
    inside = here.policy().inside
    labels = {coverage.key_of(room): room for room in (*inside.rooms, stop.room)}
    missing = tuple(room for room in inside.rooms_missing if coverage.key_of(room) not in done)
    rules = shipped_rules().wifi
    answer: Answer = "unknown" if heard is None else coverage.grade(heard.signal_dbm, rules)
    return Result(
        stop=stop,
        answer=answer,
        borderline=heard is not None and coverage.is_borderline(heard.signal_dbm, rules),
        heard=heard,
        rooms=len(labels),
        missing=missing,
        sent=sent,
        notes=(*_warnings(seen, heard, inside), *notes),
    )


def _remember(here: Station, stop: Stop | None) -> frozenset[str]:
    """Note this stop, and return all rooms that were walked to and that the collector may not know of yet."""
    note = here.outbox.note(_NOTE)
    known = msgspec.json.decode(note, type=list[str]) if note else []
    stops = [coverage.key_of(stop.room)] if stop else []
    keys = list(dict.fromkeys([*known, *stops]))[-coverage.MAX_ROOMS :]
    here.outbox.write_note(_NOTE, msgspec.json.encode(keys).decode())
    return frozenset(keys)


def _warnings(seen: Session, heard: Heard | None, inside: Inside) -> Iterator[str]:
    """Say what makes this stop worth less than it could be."""
    wifi = _first(seen, Wifi)
    if heard is None:
        yield (
            "Nothing was learnt of this room: it is not known yet which networks are the school's. Connect this "
            "computer to the school's Wi-Fi and do this stop again."
        )
    elif inside.own_ssids_hex and heard.ssid_hex and heard.ssid_hex not in inside.own_ssids_hex:
        yield (
            f"{heard.ssid or 'This network'} is not known as the school's. If it is a phone or a neighbour, connect to "
            "the school's Wi-Fi and do this stop again."
        )
    if wifi is not None and wifi.age_s is not None:
        yield f"The system gave a list of networks that is {wifi.age_s:.0f} s old: wait in the room before a stop."
    for one in wifi.denied if wifi else ():
        yield f"This computer does not tell {one.what.replace('_', ' ')}: {one.setting}"
    for failed in seen.measurements:
        if isinstance(failed, Failed):
            yield f"{failed.probe} failed, {failed.failure.replace('_', ' ')}: {failed.detail}"


def _first(seen: Session, kind: type[Any]) -> Any:
    return next((one for one in seen.measurements if isinstance(one, kind)), None)


def document(result: Result, report: Report, seen: Session) -> dict[str, Any]:
    """Return what ``--json`` prints: the report's keys with the result beside them."""
    fields = {name: getattr(report, name) for name in Report.__struct_fields__}
    return {**fields, "measurements": seen.measurements, "survey": result}


@contextmanager
def live(console: Console) -> Iterator[Callable[[str], None]]:
    """Show on a terminal what is being done, else nothing. Yields what to tell each step to."""
    if not console.is_terminal:
        yield lambda _: None
        return
    with console.status("Beginning", spinner="dots" if _is_unicode(console) else "line") as shown:
        yield lambda step: shown.update(_STEPS.get(step, step))


def show(console: Console, result: Result, seen: Session, rules: WifiRules | None = None) -> None:
    """Print the room's panel, the walk's progress and what is still missing."""
    stop = result.stop
    title = Text(f"Room: {stop.room}" + (f", floor {stop.floor}" if stop.floor else ""))
    console.print(
        Panel(_facts(result, seen, rules or shipped_rules().wifi), title=title, title_align="left", padding=(1, 2))
    )
    for note in result.notes:
        console.print(Text(f"! {note}", style="yellow"))
    done = result.rooms - len(result.missing)
    bar = _bar(console, done / result.rooms)
    console.print(Text.assemble(("\nRooms", "bold"), f"  {bar}  {done} of {result.rooms} done"))
    if not result.missing:
        console.print(Text("No room of the register is missing. Thank you!", style="green"))
        return
    console.print(Text("\nStill missing", style="bold"))
    shown = result.missing[:_SHOWN_ROOMS]
    console.print(Columns([Text(room, overflow="fold") for room in shown], padding=(0, 3), column_first=True))
    if len(result.missing) > len(shown):
        console.print(Text(f"and {len(result.missing) - len(shown)} more", style="dim"))


def _facts(result: Result, seen: Session, rules: WifiRules) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("Wi-Fi", Text(_verdict(result, rules), style=f"bold {_COLOURS[result.answer]}"))
    heard = result.heard
    if heard is not None and heard.signal_dbm is not None:
        parts = [heard.ssid or "hidden name", heard.bssid or "", f"channel {heard.channel}" if heard.channel else ""]
        table.add_row("Access point", Text(", ".join(filter(None, parts))))
    lan = _first(seen, Lan)
    if lan is not None and lan.gateway_echoes is not None:
        table.add_row("Router", Text(_echoes(lan)))
    link = _first(seen, Link)
    if link is not None and link.adapter:
        table.add_row("Adapter", Text(link.adapter))
    peer = _first(seen, Peer)
    if peer is not None:
        table.add_row(
            "Computers", Text("; ".join(map(_reached, peer.peers)) or "no other computer of the school found")
        )
    return table


def _verdict(result: Result, rules: WifiRules) -> str:
    signal = result.heard.signal_dbm if result.heard else None
    strength = f"{signal:.0f} dBm" if signal is not None else ""
    needed = f"{rules.signal_dbm.value:g} dBm are needed"
    edge = ", borderline: another computer may see it the other way" if result.borderline else ""
    match result.answer:
        case "good":
            return f"GOOD  {strength} ({needed}){edge}"
        case "weak":
            return f"WEAK  {strength} ({needed}){edge}"
        case "none":
            return (
                f"NONE  {strength} is too weak to use" if strength else "NONE  no network of the school is heard here"
            )
    return "NOT KNOWN"


def _echoes(lan: Lan) -> str:
    echoes = lan.gateway_echoes
    if echoes is None or not echoes.received:
        return "does not answer"
    middle = f"{echoes.median_ms:.1f} ms" if echoes.median_ms is not None else "few answers"
    worst = f" (95% within {echoes.p95_ms:.0f} ms)" if echoes.p95_ms is not None else ""
    lost = f", loss {echoes.loss_ratio:.0%}" if echoes.loss_ratio else ""
    return f"{middle}{worst}{lost}"


def _reached(one: Reached) -> str:
    name = one.address or one.agent[:8]
    if one.failure is not None:
        return f"{name} not reached ({one.failure.replace('_', ' ')})"
    rates = [f"{bps / 1e6:.0f}" if bps is not None else "?" for bps in (one.download_bps, one.upload_bps)]
    return f"{name} {' down, '.join(rates)} up Mbit/s"


def _bar(console: Console, share: float) -> str:
    filled = round(share * 20)
    on, off = ("\u2588", "\u2591") if _is_unicode(console) else ("#", ".")
    return on * filled + off * (20 - filled)


def _is_unicode(console: Console) -> bool:
    """Tell whether this console can show block characters; older Windows consoles cannot."""
    return console.encoding.lower().startswith("utf")
