"""Writes packaging/papers/data-dictionary.md from the structs of the contract: ``python -m tests.papers``.

What a field means is said below, or by the sentence of its struct's docstring that names it; units are in names.
"""

import re
import sys
import typing
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import UnionType

import msgspec
from msgspec import Meta, Struct

from agent.contract import failure, measurement, report
from agent.contract.failure import FAILURES

FILE = Path(__file__).parents[1] / "packaging" / "papers" / "data-dictionary.md"
_UNITS = (
    ("_bps", "bit/s"),
    ("_bps_there", "bit/s"),
    ("_per_s", "1/s"),
    ("_ms", "ms"),
    ("_s", "s"),
    ("_dbm", "dBm"),
    ("_mhz", "MHz"),
    ("_bytes", "bytes"),
    ("_rpm", "round trips/min"),
    ("_percent", "%"),
    ("_ratio", "share, 0 to 1"),
)
_COLUMNS = ("| field | type | unit | null | means |", "|---|---|---|---|---|")
_ONE_WORD = {"bytes": "bytes", "utilisation": "share, 0 to 1", "ttl": "hops"}
_HEAD = """\
# Data dictionary: every field of a report

Written by `python -m tests.papers` from `agent/contract`; do not edit. A report is one JSON object, signed as it
stands (DSSE, payload type `{type}`). Measurements are told apart by `kind`. Times are
RFC 3339 with a zone; rates are bit/s at the IP layer where nothing else is said. **null** means that nobody knows (not
measured, or the system does not say), never zero; what else it means is in the text. A field that is not here comes
from a newer agent: it is kept and not judged.
"""


def main() -> int:
    """Write the paper."""
    FILE.write_text(text(), encoding="utf-8")
    return 0


def text() -> str:
    """Return the paper."""
    parts = [_HEAD.format(type=report.PAYLOAD_TYPE)]
    for struct in structs():
        kind = struct.__struct_config__.tag
        title = f"## {struct.__name__}" + (f" (`kind`: `{kind}`)" if kind else "")
        table = "\n".join((*_COLUMNS, *rows(struct)))
        parts.append(f"{title}\n\n{_sentences(struct)[0].rstrip(';.')}.\n\n{table}\n")
    words = "\n".join(f"- `{word}`: {meaning}" for word, meaning in _failures())
    parts.append(f"## Words of `failure`\n\n{words}\n")
    return "\n".join(parts)


def structs() -> list[type[Struct]]:
    """Return the report and every struct that stands in it, each before those inside it."""
    found: list[type[Struct]] = [report.Report]
    kinds = typing.get_args(measurement.Measurement)
    waiting: list[type[Struct]] = [*kinds]
    while waiting:
        struct = waiting.pop(0)
        if struct not in found:
            found.append(struct)
            inside = (one for field in msgspec.structs.fields(struct) for one in _inside(field.type))
            waiting = [one for one in inside if one not in kinds] + waiting
    return found


def rows(struct: type[Struct]) -> Iterator[str]:
    """Give one row for each field."""
    for field in msgspec.structs.fields(struct):
        null = "yes" if type(None) in typing.get_args(field.type) else ""
        cells = (f"`{field.name}`", _kind(field.type), unit(field.name), null, meaning(struct, field.name))
        yield "| " + " | ".join(cells) + " |"


def unit(name: str) -> str:
    """Return the unit that a field's name carries; a dash for what has none."""
    if name in _ONE_WORD:
        return _ONE_WORD[name]
    longest = sorted(_UNITS, key=lambda one: -len(one[0]))
    return next((unit for ending, unit in longest if name.endswith(ending)), "–")


def meaning(struct: type[Struct], name: str) -> str:
    """Return what a field means; raises LookupError where neither its struct nor this file says it."""
    own = [one for base in struct.__mro__ if issubclass(base, Struct) for one in _sentences(base)]
    named = " ".join(one.rstrip(";") for one in own if f"``{name}``" in one)
    said = _MEANINGS.get(f"{struct.__name__}.{name}") or named or _MEANINGS.get(name)
    if said is None:
        raise LookupError(f"{struct.__name__}.{name} has no meaning: name it in its docstring, or in tests/papers.py")
    return said.replace("``", "`").replace("|", "/")


def _sentences(struct: type[Struct]) -> list[str]:
    whole = " ".join((struct.__doc__ or "").split())
    return [one.strip() for one in re.split(r"(?<=[.;])\s+(?=[A-Z`])", whole) if one.strip()]


def _inside(kind: object) -> Iterator[type[Struct]]:
    if isinstance(kind, type) and issubclass(kind, Struct):
        yield kind
    for one in typing.get_args(kind):
        yield from _inside(one)


def _kind(kind: object) -> str:
    """Return a type in the words of JSON, with its bounds."""
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) in {UnionType, typing.Union}:
        return " or ".join(_kind(one) for one in arguments if one is not type(None))
    if typing.get_origin(kind) is typing.Annotated:
        return _kind(arguments[0]) + _bounds(next((one for one in arguments[1:] if isinstance(one, Meta)), Meta()))
    if typing.get_origin(kind) is tuple:
        return f"list of {_kind(arguments[0])}"
    if typing.get_origin(kind) is typing.Literal:
        return "a word of `failure`" if set(arguments) == FAILURES else ", ".join(f"`{one}`" for one in arguments)
    if isinstance(kind, type) and issubclass(kind, Struct):
        return f"object {kind.__name__}"
    return _NAMES[kind]


def _bounds(meta: Meta) -> str:
    if meta.pattern is not None:
        return ", `" + meta.pattern.replace("|", "\\|") + "`"
    if meta.ge is not None and meta.le is not None:
        most = "2^53" if meta.le == 2**53 else f"{meta.le:g}"
        return f", {meta.ge:g} to {most}"
    return "" if meta.max_length is None else f", {meta.max_length} at most"


_NAMES: dict[object, str] = {
    datetime: "time",
    float: "number",
    int: "whole number",
    str: "text",
    bool: "true or false",
    bytes: "base64",
    msgspec.Raw: "object",
}
_MEANINGS = {
    # What every measurement or most of them have.
    "started_at": "when it began",
    "took_s": "how long it took; null in one that was never timed",
    "sent": "echoes that were sent",
    "received": "echoes that were answered",
    "protocol": "how the round trips were measured, as `icmp`, `tcp`, `udp-echo`",
    "median_ms": "median of the round trips",
    "p95_ms": "their 95th percentile",
    "loss_ratio": "the share of echoes that never came back",
    "failure": "what went wrong; null where nothing did",
    "detail": "the failure in words",
    "denied": "what this computer does not let us know, with what to change",
    "interface": "the network interface, by the system's name",
    "server": "the test server's address",
    "bytes": "bytes that were counted, as payload",
    "duration_s": "how long it took",
    "address": "its IP address",
    "status": "the status of its answer",
    "name": "what people call it",
    "connect_ms": "the time of the TCP handshake",
    "probe": "the probe's name",
    "channel": "the primary channel",
    "frequency_mhz": "the primary channel's centre",
    "width_mhz": "the channel's width",
    "generation": "the newest of IEEE 802.11 n, ac, ax, be; `legacy` is older than n",
    "security": "how it is secured",
    "noise_dbm": "the noise that the driver states",
    "broadcasts_per_s": "broadcasts and multicasts that arrived",
    # The report.
    "schema": "version of this format",
    "agent": "the computer: the first half of its key's SHA-256",
    "school": "the school's id, zeros in front included",
    "created_at": "when the report was made, by the computer's wall clock",
    "time_zone": "the computer's time zone",
    "software": "the program and its version",
    "trigger": "why there was a session: `scheduled`, `once`, `manual`, `light`, `survey`, `ordered`",
    "session_s": "how long the whole session took",
    "measurements": "the measurements, each an object with its `kind`",
    "Report.boot_id": "which start of the computer, another after each; with `monotonic_s` it orders reports",
    "Report.monotonic_s": "the boot clock when the report was made, whatever the wall clock says",
    "Report.dropped": "reports that this agent had to drop unsent since it was enrolled",
    "Report.waiting": "reports that waited for the collector when this one was made; null: it cannot tell",
    # Throughput.
    "Throughput.tainted": "what was seen to spoil the test",
    "Throughput.suspected": "what may have spoilt the test",
    "Throughput.test_id": "what the server knows the test by",
    "Throughput.record": "the server's own signed record of the test, where it gave one",
    "Direction.goodput_bps": "payload of TCP, without any headers",
    "Direction.ip_bps": "the rate at the IP layer (BEREC BoR (17) 112); of the test's time if no `sustained_bps`",
    "Direction.ip_low_bps": "lower bound of its 95 % interval; null: nothing is proven on that side",
    "Direction.ip_high_bps": "upper bound of its 95 % interval; null: never evidence that a line is slow",
    "Direction.paced_bps": "the sender's pace, where it bound the result; null: it did not",
    "Link.download_bps": "this computer's own traffic towards it over `counted_s`, by its interface's counters",
    "Link.upload_bps": "this computer's own traffic from it over `counted_s`, by its interface's counters",
    "Link.counted_s": "how long its own traffic was counted",
    "engine": "the probe that filled the line: `msak`, `ndt7`, `librespeed`, `ookla`",
    "purpose": "what was asked: how fast the line is (`capacity`), or whether it reaches the target (`verdict`)",
    "download": "the way from the server; null where it was not measured",
    "upload": "the way to the server; null where it was not measured",
    "rtt_idle_ms": "round trip while nothing else of the test ran, median",
    "rtt_download_ms": "round trip while the download was evenly full, median",
    "rtt_upload_ms": "round trip while the upload was evenly full, median",
    "rtt_loaded_ms": "round trip while the test ran, median",
    "jitter_idle_ms": "mean absolute difference of consecutive round trips, idle",
    "jitter_download_ms": "the same during the download",
    "jitter_upload_ms": "the same during the upload",
    "responsiveness_download_rpm": "60,000 / `rtt_download_ms`",
    "responsiveness_upload_rpm": "60,000 / `rtt_upload_ms`",
    "latency_protocol": "how the test's round trips were measured",
    "echoes_sent": "echoes of the whole test that were sent",
    "echoes_received": "echoes of the whole test that were answered",
    "loss_low_ratio": "lower bound of the 95 % interval of `loss_ratio` (Wilson)",
    "loss_high_ratio": "upper bound of the 95 % interval of `loss_ratio` (Wilson)",
    "Throughput.gateway": "round trips to the first router beside the test",
    "cpu_busy_ratio": "how busy this computer's processor was, of all cores",
    "connections": "TCP connections at once, at most",
    "stop": "why it ended: verdict known, rate known well enough (`converged`), time, or bytes",
    "burst_bps": "the rate of a boost at the beginning, where there was one",
    "cross_traffic_bps": "other traffic of this computer during it",
    "samples_bps": "the rate over the test's time",
    # Round trips.
    "min_ms": "the shortest round trip",
    "idle_ms": "median, while nothing else of the test ran",
    "idle_p95_ms": "95th percentile, while nothing else of the test ran",
    "download_ms": "median, while the download was evenly full",
    "download_p95_ms": "95th percentile, while the download was evenly full",
    "upload_ms": "median, while the upload was evenly full",
    "upload_p95_ms": "95th percentile, while the upload was evenly full",
    # The link.
    "medium": "what the link is; `virtual` is a VPN, a bridge, a virtual machine's",
    "speed_bps": "the link's own speed, on the wire",
    "duplex": "both ways at once or not",
    "mtu_bytes": "the largest packet of the interface",
    "packets": "packets counted over `counted_s`",
    "errors": "packets with errors over `counted_s`",
    "discards": "packets thrown away over `counted_s`",
    "adapter": "the network card's name",
    "resolvers": "the name servers that this computer uses",
    "wifi": "its Wi-Fi connection; null on a cable",
    # Wi-Fi.
    "ssid": "the network's name as text; null where it is hidden or no UTF-8",
    "ssid_hex": "the network's name as it was sent, in hexadecimal",
    "bssid": "the access point's address; null where the system hides it",
    "signal_dbm": "the signal of this connection",
    "signal_percent": "the system's own scale, never converted",
    "receive_bps": "the radio's receiving rate, as the driver states it",
    "transmit_bps": "the radio's sending rate, as the driver states it",
    "retry_ratio": "the share of frames that were sent again",
    "associated": "this computer is connected to it",
    "Wifi.source": "the way it was learnt",
    "Wifi.networks": "the school's own networks",
    "foreign": "all others, counted by channel",
    "connection": "this computer's own connection; null without one",
    "busy_ratio": "how long the channel was busy, as the driver counts it",
    "Crowd.networks": "how many foreign networks",
    "strongest_dbm": "the strongest of their signals",
    "setting": "what to change so that it does",
    # Inside the school.
    "Lan.gateway": "the first router's address",
    "gateway_echoes": "round trips to it",
    "second_hop_echoes": "round trips to the router behind it",
    "hops": "the first routers on the way to the test server, six at most",
    "Lan.resolvers": "each name server that this computer uses",
    "path_mtu_bytes": "the largest packet that reaches the far end",
    "gateway_mtu_bytes": "the largest packet that reaches the first router",
    "dhcp_asked": "whether it was asked who hands out addresses (only with `active`)",
    "switch_ports": "what switches say of themselves; only where the user may listen",
    "router": "what the router says by UPnP; null where it says nothing",
    "ttl": "how many routers away",
    "private": "whether its address is a private one",
    "rtt_ms": "round trip to it",
    "asked": "questions that were asked",
    "answered": "questions that were answered",
    "SwitchPort.protocol": "`lldp` or `cdp`",
    "system": "the switch's own name",
    "port": "the port's name",
    "description": "what else it says of itself",
    "model": "the router's model",
    "link_up": "whether it says that its line is up",
    "link_download_bps": "its line's speed from the network, as it states it",
    "link_upload_bps": "its line's speed to the network, as it states it",
    "external_private": "whether its outer address is a private one: another router before it",
    "Router.download_bps": "what came in over its line, from its byte counters",
    "Router.upload_bps": "what went out over its line, from its byte counters",
    # Other computers of the school.
    "found": "how many were found",
    "peers": "each that was tried",
    "Reached.agent": "the other computer's id",
    "medium_here": "this computer's medium",
    "medium_there": "the other's medium",
    "link_bps_there": "the other's link speed",
    "Reached.download_bps": "from the other to this computer",
    "download_spread_bps": "the quartiles' distance of its 100 ms samples",
    "Reached.upload_bps": "from this computer to the other",
    "upload_spread_bps": "the quartiles' distance of its 100 ms samples",
    # Platforms, video, cameras.
    "services": "each platform that was asked",
    "video": "the video lesson; null where none was played",
    "cameras": "each camera or control centre that was asked",
    "cameras_registered": "how many cameras the register says the school has",
    "cameras_headroom_bps": "what the upload leaves beyond `cameras_upload_bps`; negative where it is too little",
    "host": "the host that was asked",
    "dns_ms": "the time until its name was found",
    "tls_ms": "the time of the TLS handshake",
    "first_byte_ms": "the time from the request to the first byte of the answer",
    "reason": "why it could not run here",
}


def _failures() -> list[tuple[str, str]]:
    """Return the words of the closed list, each with the comment that stands beside it."""
    source = Path(failure.__file__).read_text(encoding="utf-8")
    said = re.findall(r'^    "(\w+)",  # (.+)$', source, re.MULTILINE)
    return [(word, comment) for word, comment in said if word in FAILURES]


if __name__ == "__main__":
    sys.exit(main())
