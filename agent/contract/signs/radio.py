"""Signs that the Wi-Fi is what limits a computer: its reach, the air, or how it is set up; pure."""

from collections.abc import Iterator

from agent.contract.causes import Evidence
from agent.contract.signs import router
from agent.contract.signs.seen import Seen, fact, held, rate, towards
from agent.contract.wifi import Network, Wifi, WifiConnection

_NEARER = "the same test beside the access point"
_CABLE = "the same test by cable from the same room, equally slow"
_OLD_BAND_MHZ, _NEW_BAND_MHZ = 3000, 4900
_OLD_BAND_CHANNELS = frozenset({1, 6, 11})


def coverage(seen: Seen) -> tuple[Evidence, ...]:
    """Return that the signal is too weak, of the connection or, where that is not told, of the best own network."""
    limit = seen.rules.wifi.signal_dbm
    link = seen.connection
    of = seen.link if seen.link is not None and seen.link.wifi is not None else seen.wifi
    if not seen.is_wifi or of is None:
        return ()
    if link is not None and link.signal_dbm is not None:
        signal = link.signal_dbm
    else:
        heard = [one.signal_p20_dbm or one.signal_dbm for one in _own(seen)]
        known = [one for one in heard if one is not None]
        if not known:
            return ()
        signal = max(known)
    return (held(of, "signal of the Wi-Fi", signal, limit, _NEARER),) if signal < limit.value else ()


def interference(seen: Seen) -> tuple[Evidence, ...]:
    """Return that the air was full or disturbed: by what was counted, or by the way to the router."""
    if not seen.is_wifi:
        return ()
    rules, link = seen.rules.wifi, seen.connection
    found = [*_busy_air(seen)]
    if link is not None and seen.link is not None and (link.retry_ratio or 0.0) > rules.retry_ratio.value:
        found.append(held(seen.link, "frames sent again", link.retry_ratio or 0.0, rules.retry_ratio, _NEARER))
    found += router.way(seen).bad
    level_bps = seen.rules.line.delivers_ratio.value * seen.contract.widest_bps
    for one in seen.peer.peers if seen.peer is not None else ():
        rates = [bps for bps in (one.download_bps, one.upload_bps) if bps is not None]
        if rates and one.medium_there == "ethernet" and max(rates) < level_bps and seen.peer is not None:
            found.append(
                rate(seen.peer, "a computer on a cable, reached over this Wi-Fi", max(rates), level_bps, _CABLE)
            )
    return tuple(found)


def crowd(seen: Seen) -> tuple[Evidence, ...]:
    """Return what may disturb without proving it: other networks on the channel, many devices."""
    link, wifi, rules = seen.connection, seen.wifi, seen.rules.wifi
    if not seen.is_wifi or wifi is None:
        return ()
    found = []
    signal = link.signal_dbm if link is not None else None
    channel = link.channel if link is not None else None
    if signal is not None and channel is not None:
        rivals = _rivals(seen, wifi, channel, max(signal - rules.rival_db.value, rules.rival_dbm.value))
        if rivals >= rules.rivals.value:
            found.append(held(wifi, f"other networks on channel {channel}", rivals, rules.rivals, _NEARER))
    found += [
        held(wifi, "devices on the access point", one.stations, rules.stations, "the same test with fewer devices")
        for one in _serving(seen)
        if one.stations is not None and one.stations > rules.stations.value
    ]
    return tuple(found)


def setup(seen: Seen) -> tuple[Evidence, ...]:
    """Return that the Wi-Fi is set up so that it cannot be fast, although the signal is good."""
    link, of = seen.connection, seen.link or seen.wifi
    if not seen.is_wifi or link is None or of is None:
        return ()
    found = list(_old_band(seen, link))
    if link.generation == "legacy":
        found.append(fact(of, "Wi-Fi older than 802.11n", 1, "mark", "a newer adapter or access point"))
    limit = seen.rules.wifi.full_rate_ratio
    for name, one, _ in seen.directions:
        radio_bps = (link.receive_bps if name == "download" else link.transmit_bps) or 0.0
        if radio_bps > 0 and not one.is_lower_bound and one.ip_bps > limit.value * radio_bps:
            share = one.ip_bps / radio_bps
            used = held(of, f"share of the radio's rate used, {name}", share, limit, _CABLE)
            found.append(towards(name, used))
    if seen.throughput is not None and "link_limited" in seen.throughput.tainted:
        found.append(fact(seen.throughput, "test marked link_limited", 1, "mark", _CABLE))
    return tuple(found)


def held_back(seen: Seen) -> tuple[Evidence, ...]:
    """Return that a radio with a good rate carried little: then something behind the access point is slow."""
    link, limit = seen.connection, seen.rules.wifi.idle_rate_ratio
    if not seen.is_wifi or link is None or seen.link is None:
        return ()
    for name, one, _ in seen.directions:
        radio_bps = (link.receive_bps if name == "download" else None) or 0.0
        if radio_bps > 0 and not one.is_lower_bound and one.ip_bps < limit.value * radio_bps:
            share = one.ip_bps / radio_bps
            used = held(seen.link, f"share of the radio's rate used, {name}", share, limit, _CABLE)
            return (towards(name, used),)
    return ()


def _busy_air(seen: Seen) -> Iterator[Evidence]:
    wifi, limit = seen.wifi, seen.rules.wifi.busy_ratio
    if wifi is None:
        return
    told = [one.utilisation for one in _serving(seen) if one.utilisation is not None]
    busy = max([*told, *([] if wifi.busy_ratio is None else [wifi.busy_ratio])], default=0.0)
    if busy > limit.value:
        yield held(wifi, "channel in use", busy, limit, "the same test while the channel is quiet")


def _old_band(seen: Seen, link: WifiConnection) -> Iterator[Evidence]:
    of = seen.link or seen.wifi
    if of is None or link.frequency_mhz is None or link.frequency_mhz >= _OLD_BAND_MHZ:
        return
    rules = seen.rules.wifi
    better = [
        one.signal_dbm
        for one in _own(seen)
        if (one.frequency_mhz or 0) >= _NEW_BAND_MHZ and (one.signal_dbm or -110.0) >= rules.no_signal_dbm.value
    ]
    if better:
        yield fact(of, "on 2.4 GHz although the school's 5 GHz is heard here", 1, "mark", "the same test on 5 GHz")
    if link.width_mhz is not None and link.width_mhz > rules.wide_2ghz_mhz.value:
        yield held(of, "channel width on 2.4 GHz", link.width_mhz, rules.wide_2ghz_mhz, "the same test with 20 MHz")
    if link.channel is not None and link.channel not in _OLD_BAND_CHANNELS:
        yield fact(
            of, "channel other than the usual 1, 6 and 11", link.channel, "channel", "the same test on one of them"
        )


def _own(seen: Seen) -> list[Network]:
    """Return the school's own networks: known as such, or with the name of the one this computer is on."""
    link = seen.connection
    name = link.ssid_hex if link is not None else None
    networks = seen.wifi.networks if seen.wifi is not None else ()
    return [one for one in networks if one.own or (name and one.ssid_hex == name)]


def _serving(seen: Seen) -> list[Network]:
    link = seen.connection
    bssid = link.bssid if link is not None else None
    networks = seen.wifi.networks if seen.wifi is not None else ()
    return [one for one in networks if one.associated or (bssid is not None and one.bssid == bssid)]


def _rivals(seen: Seen, wifi: Wifi, channel: int, least_dbm: float) -> int:
    serving = {one.bssid for one in _serving(seen)}
    own = sum(
        one.channel == channel and one.bssid not in serving and (one.signal_dbm or -110.0) >= least_dbm
        for one in wifi.networks
    )
    # Of foreign networks only the strongest of a channel is told.
    foreign = sum(
        one.networks for one in wifi.foreign if one.channel == channel and (one.strongest_dbm or -110.0) >= least_dbm
    )
    return own + foreign
