"""What one report shows of the network inside its school, as a row of its own; pure."""

from collections.abc import Iterable
from typing import TypeVar

from agent.contract.coverage import heard_in
from agent.contract.lan import Lan
from agent.contract.measurement import Link, Measurement, Unknown
from agent.contract.report import Report
from agent.contract.wifi import Wifi
from collector.store.reports import Row

_Kind = TypeVar("_Kind", Link, Wifi, Lan)


def row(report: Report, measurements: Iterable[Measurement | Unknown]) -> Row | None:
    """Return the link and the strongest own access point of a report; None where it tells of neither."""
    seen = tuple(measurements)
    link, wifi, lan = _first(seen, Link), _first(seen, Wifi), _first(seen, Lan)
    if link is None and wifi is None:
        return None
    heard = heard_in(wifi, link)
    connection = (wifi.connection if wifi else None) or (link.wifi if link else None)
    return {
        "is_survey": report.trigger == "survey",
        "medium": link.medium if link else None,
        "adapter": link.adapter if link else None,
        "link_speed_bps": link.speed_bps if link else None,
        "duplex": link.duplex if link else None,
        "packets": link.packets if link else None,
        "errors": link.errors if link else None,
        "gateway": (link.gateway if link else None) or (lan.gateway if lan else None),
        "gateway_digest": lan.gateway_digest if lan else None,
        "gateway_ms": lan.gateway_echoes.median_ms if lan and lan.gateway_echoes else None,
        "ssid_hex": connection.ssid_hex if connection else None,
        "looked": heard is not None,
        "own_dbm": heard.signal_dbm if heard else None,
        "own_bssid": heard.bssid if heard else None,
        "own_ssid_hex": heard.ssid_hex if heard else None,
        "own_ssid": heard.ssid if heard else None,
        "own_channel": heard.channel if heard else None,
    }


def _first(seen: tuple[Measurement | Unknown, ...], kind: type[_Kind]) -> _Kind | None:
    return next((one for one in seen if isinstance(one, kind)), None)
