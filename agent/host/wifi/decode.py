"""Captured files of every format to networks, offline (``netready-agent decode``)."""

from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from agent.contract.wifi import Network
from agent.errors import CaptureError
from agent.host.wifi import bss_list, capture, frames, iw, netsh, nmcli, system_profiler
from agent.host.wifi.capture import BARE_80211, RADIOTAP
from agent.host.wifi.sightings import Heard, Sightings

MAX_TEXT_BYTES = 32 * 1024 * 1024
MAX_JSON_BYTES = 8 * 1024 * 1024
MAX_RECORDS = 2_000_000
PCAP = "pcap"

_FRAMES: dict[int, Callable[[bytes, int], Heard | None]] = {RADIOTAP: frames.from_radiotap, BARE_80211: frames.bare}
_WHOLE_FILES: dict[str, tuple[Callable[[bytes], tuple[Network, ...]], int]] = {
    "iw-scan": (iw.decode_scan, MAX_TEXT_BYTES),
    "iw-link": (iw.decode_link, MAX_TEXT_BYTES),
    "iw-station": (iw.decode_stations, MAX_TEXT_BYTES),
    "nmcli": (nmcli.decode, MAX_TEXT_BYTES),
    "netsh": (netsh.decode, MAX_TEXT_BYTES),
    "macos": (system_profiler.decode, MAX_JSON_BYTES),
    "wlan-bss-list": (bss_list.decode, MAX_TEXT_BYTES),
}
FORMATS = (PCAP, *_WHOLE_FILES)


class Decoded(Struct, frozen=True, kw_only=True):
    """The networks of a file, and what is to be said about its reading."""

    networks: tuple[Network, ...]
    notes: tuple[str, ...] = ()


def decode(format_name: str, path: Path) -> Decoded:
    """Read a file of one of ``FORMATS``.

    Raises:
        CaptureError: no such format; or the file cannot be opened, is empty, too large, or not of that format.
    """
    if format_name not in FORMATS:
        raise CaptureError(f"there is no format {format_name!r}; there are: {', '.join(FORMATS)}")
    try:
        with path.open("rb") as file:
            if format_name == PCAP:
                return decode_capture(file)
            decoder, most = _WHOLE_FILES[format_name]
            return Decoded(networks=decoder(_content(file, most)))
    except OSError as error:
        raise CaptureError(f"{path} cannot be read: {error.strerror or error}") from error
    except CaptureError as error:
        raise CaptureError(f"{path} cannot be decoded as {format_name}: {error}") from error


def _content(file: BinaryIO, most: int) -> bytes:
    raw = file.read(most + 1)
    if not raw.strip():
        raise CaptureError("it is empty")
    if len(raw) > most:
        raise CaptureError(f"it is larger than {most // 2**20} MiB")
    return raw


def decode_capture(file: BinaryIO) -> Decoded:
    """Read a pcap or pcapng file frame by frame; what stands before a damaged place counts, and a note tells of it.

    Raises:
        CaptureError: no capture, or none of Wi-Fi.
    """
    sightings = Sightings()
    notes = []
    count, links = 0, set()
    try:
        for record in capture.records(file):
            if count >= MAX_RECORDS:
                notes.append(f"only the first {MAX_RECORDS} records were read")
                break
            count += 1
            links.add(record.link)
            read = _FRAMES.get(record.link)
            heard = read and read(record.raw, record.missing)
            if heard:
                sightings.add(heard)
    except CaptureError as error:
        if not count:
            raise
        notes.append(f"read up to record {count}: {error}")
    if links and not links & _FRAMES.keys():
        raise CaptureError(
            f"it holds no Wi-Fi frames with radiotap (link type 127) or bare (105), only link type {min(links)}: "
            "capture in monitor mode"
        )
    if sightings.left_out:
        notes.append(f"{sightings.left_out} frames of still more networks were left out")
    return Decoded(networks=sightings.networks(), notes=tuple(notes))
