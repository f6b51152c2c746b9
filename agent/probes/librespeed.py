"""How fast the line is: a LibreSpeed server's backend over several HTTP connections, download and then upload.

Needs any LibreSpeed server. It can stop early and pace an upload, not a download. The server does not say what it
received: an upload is counted by its system's acknowledgements, or by the network interface where those are not told.
"""

import time
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import msgspec
from msgspec import Meta, Struct

from agent.contract import ticket
from agent.contract.errors import SettingsError
from agent.contract.measurement import Failed, Throughput
from agent.host import transport
from agent.meter import both_ways, dial, http_lane
from agent.meter.both_ways import Abilities, Asked, Settings
from agent.meter.dial import Endpoint
from agent.meter.errors import TransferError
from agent.meter.http_lane import Asking, Upload
from agent.meter.lane import Heard, Lane

NAME = "librespeed"
_MOST_LANES = 6
_MOST_CHUNKS = 100  # of a MiB in one answer, as LibreSpeed's own client asks for
_CHUNK_BYTES = 1 << 20
_MAX_LIST_BYTES = 1 << 20

_Path = Annotated[str, Meta(min_length=1, max_length=1024)]


class Probe(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Measure download and upload; ``server`` is an http:// or https:// URL, or HOST:PORT for http.

    ``server_list`` is a file with a list of servers as LibreSpeed's clients use it; then the server and its paths are
    those of the entry ``server_id`` (of the only one, if there is one), and the other settings of them do not count.
    """

    download_path: _Path = "backend/garbage.php"
    upload_path: _Path = "backend/empty.php"
    server_list: str | None = None
    server_id: int | None = None

    def __post_init__(self) -> None:
        """Refuse a server that is no address (SettingsError)."""
        if self.server:
            dial.http_endpoint(self.server)

    def measure(self, deadline_s: float) -> Throughput | Failed:
        """Measure within ``deadline_s`` seconds; a direction that fails fails the whole test.

        Raises:
            SettingsError: the CA file or the server list cannot be used.
            InsecureUrlError: a plain address outside this computer and private networks.
        """
        deadline = time.monotonic() + deadline_s
        server, paths = self.server, (self.download_path, self.upload_path)
        if self.server_list is not None:
            entry = chosen(read(Path(self.server_list)), self.server_id, self.server_list)
            server, paths = entry.address, (entry.download_path, entry.upload_path)
        if not server:
            return Failed(probe=NAME, failure="no_server", detail="no server is set to measure against; give one")
        target = dial.http_endpoint(server)
        try:
            dial.check_security(target, deadline)
            return both_ways.Test(self, _LibreSpeed(self, target, paths), target, deadline).run()
        except TransferError as error:
            return Failed(probe=NAME, failure=error.failure, detail=str(error))


class _LibreSpeed:
    """The method, for agent.meter.both_ways."""

    name = NAME
    abilities = Abilities(stops_early=True, paces_download=False, upload_counted_at="acked", connections=_MOST_LANES)

    def __init__(self, probe: Probe, target: Endpoint, paths: tuple[str, str]) -> None:
        self._target = target
        self._lease = probe.lease
        self._fields = ticket.shown(probe.ticket)
        self._download, self._upload = (target_of(target, path) for path in paths)
        self.context = transport.tls_context(probe.ca_file) if target.is_secure else None

    def engine(self, asked: Asked) -> "_Engine":
        target = self._upload
        if asked.way == "download":
            chunks = _MOST_CHUNKS if asked.max_bytes is None else -(-asked.max_bytes // _CHUNK_BYTES)
            separator = "&" if "?" in self._download else "?"
            target = f"{self._download}{separator}ckSize={min(chunks, _MOST_CHUNKS)}"
        if self._lease is not None:
            target += f"{'&' if '?' in target else '?'}{both_ways.LEASE_PARAMETER}={self._lease}"
        asking = Asking(
            way=asked.way,
            endpoint=self._target,
            target=target,
            context=self.context,
            within_s=asked.opening_s,
            max_bytes=asked.max_bytes,
            fields=self._fields,
        )
        return _Engine(asking, asked.connections or _MOST_LANES)


class _Engine:
    """One direction: HTTP connections, each with one request after the other."""

    tells_count = False

    def __init__(self, asking: Asking, most_lanes: int) -> None:
        self.most_lanes = most_lanes
        self._opener = http_lane.Opener(asking)

    @property
    def rtt_s(self) -> float:
        return self._opener.rtt_s

    def open(self) -> Lane:
        return self._opener.open()

    def begin(self, lane: Lane, heard: Heard) -> None:  # noqa: ARG002 - this far end says nothing
        if isinstance(lane, Upload):
            lane.start()

    def tick(self, now: float) -> None:
        """Say nothing: the protocol has no word for it."""

    def server_limited(self) -> bool:
        return False


def target_of(endpoint: Endpoint, path: str) -> str:
    """Return what to ask the server for: a path under its own, which may bring a query with it."""
    return endpoint.prefix + "/" + quote(path.lstrip("/"), safe="/%:@!$&'()*+,;=~?")


class Entry(Struct, frozen=True, kw_only=True):
    """One server of a LibreSpeed server list; what the test does not use is left out."""

    server: Annotated[str, Meta(min_length=1, max_length=1024)]
    download_path: _Path = msgspec.field(name="dlURL")
    upload_path: _Path = msgspec.field(name="ulURL")
    id: int | str | None = None
    name: str = ""

    @property
    def address(self) -> str:
        """The server's URL; one that leaves the scheme to the page it stands in means https."""
        return f"https:{self.server}" if self.server.startswith("//") else self.server


def read(file: Path) -> list[Entry]:
    """Read a server list.

    Raises:
        SettingsError: the file cannot be read or is none.
    """
    try:
        with file.open("rb") as stream:
            text = stream.read(_MAX_LIST_BYTES + 1)
        if len(text) > _MAX_LIST_BYTES:
            raise SettingsError(f"server_list: {file} is longer than {_MAX_LIST_BYTES} bytes; is it a server list?")
        return msgspec.json.decode(text, type=list[Entry])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise SettingsError(f"server_list: {file} cannot be used as a LibreSpeed server list: {error}") from error


def chosen(entries: list[Entry], server_id: int | None, where: str) -> Entry:
    """Return the entry of that id, or the only one.

    Raises:
        SettingsError: there is none, or more than one.
    """
    fitting = [entry for entry in entries if server_id is None or str(entry.id) == str(server_id)]
    if len(fitting) == 1:
        return fitting[0]
    known = ", ".join(f"{entry.id} ({entry.name})" for entry in entries[:20]) or "none"
    raise SettingsError(f"server_list: set server_id to one of the servers in {where}: {known}")
