"""Checks of the way out: addresses, route, names, proxy, the collector, its certificate and clock, the test servers."""

import ipaddress
import socket
import threading
import time
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec

from agent.contract.errors import InsecureUrlError, NetreadyError, SettingsError
from agent.contract.values import is_address
from agent.doctor import words
from agent.doctor.far import Far, Look
from agent.doctor.finding import Found, fault, unknown, warning, well
from agent.doctor.installation import Installation
from agent.errors import RevokedError, UplinkError
from agent.host import addresses, link, linux_addresses, proxy, transport
from agent.meter import dial, interception
from agent.uplink import Uplink

# Documentation addresses (RFC 5737, RFC 3849): the way there is the default route, and nothing is sent.
_SOMEWHERE = ((socket.AF_INET, ("192.0.2.1", 9)), (socket.AF_INET6, ("2001:db8::1", 9)))
_LITTLE_S, _MUCH_S = 60.0, 300.0
_CONNECT_S = 4.0
_ANSWER_S = 8.0
_MOST_SERVERS = 8
_ENROL = "netready-agent enroll --collector URL --token TOKEN"
_SET_CLOCK = "Set the date and time, and let the system keep them (NTP); reports are judged by when they were made."


def route(_: Installation) -> Found:
    """Whether there is a way out, by which interface and router."""
    ways = [(_way(family, place)) for family, place in _SOMEWHERE]
    interface = next((link.interface_of(way) for way in ways if way), None)
    if not any(ways):
        return fault("there is no route to the internet", "Plug the cable in or join the Wi-Fi; then look at its DHCP.")
    raw = link.fetch(interface) if interface else None
    kind = link.decode(raw).medium if raw is not None else None
    router = addresses.gateway(interface) if interface else None
    shown = f"router {router}" if router and _is_inside(router) else "a router" if router else "no router known"
    return well(f"by {interface or 'an interface'} ({kind or 'kind not known'}), {shown}")


def families(_: Installation) -> Found:
    """Whether IPv4 and IPv6 can be used; which addresses this computer has is nobody's business."""
    four, six = (_way(family, place) for family, place in _SOMEWHERE)
    seen = f"IPv4 {'yes' if four else 'no'}, IPv6 {'yes' if six else 'no'}"
    if four and ipaddress.ip_address(four).is_link_local:
        return fault(
            f"{seen}; IPv4 only an address that this computer gave itself (169.254...)",
            "Its router gave it no address: check the cable and the router's DHCP.",
        )
    if not four and not six:
        return fault(seen, "Check the cable or Wi-Fi, and that the router gives addresses (DHCP).")
    if not four:
        return warning(seen, "Works only where the collector and test servers have IPv6; ask the operator for IPv4.")
    return well(seen)


def names(here: Installation) -> Found:
    """Whether the collector's name, or that of the proxy on the way, is found."""
    far = Far(here)
    parts = far.parts
    through = far.through()
    host, whose = parts.hostname or "", "the collector's name"
    if through is not None:
        host, whose = urlsplit(through).hostname or "", "the proxy's name"
    asked = f"by {_resolvers()}"
    if is_address(host):
        return well(f"not needed: {whose} is an address; names would be asked for {asked}")
    began = time.monotonic()
    try:
        answers = socket.getaddrinfo(host, transport.port_of(parts), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        advice = "Check the name server that the router gives (DHCP); if only this name fails, check the address."
        return fault(f"{whose} {host} is not found ({reason}) {asked}", advice)
    took_ms = (time.monotonic() - began) * 1000
    four = sum(each[0] == socket.AF_INET for each in answers)
    six = sum(each[0] == socket.AF_INET6 for each in answers)
    return well(f"{whose} {host} has {four} IPv4 and {six} IPv6 addresses, found in {took_ms:.0f} ms {asked}")


def through(here: Installation) -> Found:
    """Which proxy is on the way to the collector, and whether it can be reached."""
    told = here.settings.uplink.proxy
    pac_file = proxy.pac_file()
    try:
        way = Far(here).through()
    except SettingsError as error:
        return fault(f"the proxy that is set cannot be used: {error}", "Correct [uplink] proxy in agent.toml.")
    source = "agent.toml says so" if told is not None else "by the environment or the system's settings"
    if way is None:
        if pac_file is not None and told is None:
            return warning(
                f"none in force; this computer's settings name the PAC file {pac_file}, by which no proxy was found",
                "If the collector is not reached, set [uplink] proxy in agent.toml to the proxy that it should name.",
            )
        return well(f"none: {source}" if told is not None else "none is set")
    seen = f"{proxy.shown(way)} ({source}); tests never go through it"
    parts = urlsplit(way)
    try:
        _connect(parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
    except (OSError, UnicodeError) as error:
        return fault(
            f"{seen}: it cannot be reached ({_reason(error)})", "Ask for the proxy's address, or switch it on."
        )
    return well(seen)


def trust(far: Far) -> Found:
    """Whether the collector's certificate is trusted, and who signed it."""
    if far.parts.scheme == "http":
        try:
            transport.check_security(far.parts)
        except InsecureUrlError as error:
            return fault(str(error), "Enrol this computer again with the collector's https address.")
        return well("none is used: the collector is on this computer or the own network (http)")
    seen = far.look()
    if seen.distrust is not None:
        advice = (
            "Let the filter pass the collector as it is; if the school really wants to read this traffic, name its "
            "authority's file in agent.toml: [agent] ca_file"
        )
        if not seen.is_intercepted:
            advice = (
                "Set the clock if it is wrong; if the collector has an own authority: [agent] ca_file in agent.toml."
            )
        return fault(seen.distrust, advice)
    if seen.certificate is None:
        return unknown(f"no certificate was seen: {seen.trouble or 'none came'}", "See the collector.")
    who = f"issued by {seen.certificate.issuer}, valid until {words.local(seen.certificate.not_after)}"
    if seen.by_own_authority:
        return well(f"trusted only by the authority in ca_file: {who}")
    return well(f"trusted: {who}")


def clock(here: Installation, far: Far | None) -> Found:
    """Whether the clock is right: by the collector's where it can be asked, else by what happened before."""
    now = here.place.clock.now()
    known = [here.identity.enrolled_at] if here.identity else []
    known += [here.stored.last.created_at] if here.stored and here.stored.last else []
    before = max(known, default=None)
    seen = far.look() if far is not None else Look()
    if seen.ahead_s is not None:
        return _judged(seen, now)
    shown = f"it says {now:%Y-%m-%d %H:%M} UTC"
    if before is not None and (before - now).total_seconds() > _LITTLE_S:
        return fault(f"{shown}, which is before the last report or the enrolment ({before:%Y-%m-%d})", _SET_CLOCK)
    if seen.certificate is not None and not seen.certificate.not_before <= now <= seen.certificate.not_after:
        return fault(f"{shown}, when the collector's certificate does not hold", _SET_CLOCK)
    if far is None:
        return well(f"{shown}, not before anything that happened here; it was compared with no other clock")
    return unknown(f"{shown}; the collector told no time to compare it with", "See the collector.")


def collector(here: Installation, far: Far) -> Found:
    """Whether the collector answers, knows this computer and speaks as a collector does."""
    if here.enrolled is None:
        return _unproven(far)
    brisk = msgspec.structs.replace(here.settings.uplink, timeout_s=min(_ANSWER_S, here.settings.uplink.timeout_s))
    uplink = Uplink(msgspec.structs.replace(here.settings, uplink=brisk))
    address = here.enrolled.identity.collector
    began = time.monotonic()
    try:
        fetched = uplink.fetch_policy(here.enrolled)
    except RevokedError as error:
        return fault(str(error), f"If that is a mistake, ask for a new token: {_ENROL}")
    except UplinkError as error:
        said = _other(far)
        return fault(f"{error}{said}", "Do what the sentence says; reports wait here until then, and none is lost.")
    took_ms = (time.monotonic() - began) * 1000
    version = (fetched.policy or here.policy).version
    more = ", another than the one here: the service fetches it by itself" if fetched.policy != here.policy else ""
    return well(f"{address} knows this computer and answered in {took_ms:.0f} ms, policy {version}{more}")


def servers(here: Installation) -> Found:
    """Whether the test servers can be reached: one connection each, and nothing is sent over it."""
    asked = of_probes(here)[:_MOST_SERVERS]
    reached: dict[str, str | None] = {}

    def call(server: str) -> None:
        try:
            place = dial.endpoint(server)
            _connect(place.host, place.port)
            reached[server] = None
        except (NetreadyError, OSError, UnicodeError) as error:
            reached[server] = _reason(error)

    threads = [threading.Thread(target=call, args=(each,), daemon=True) for each in asked]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + 2 * _CONNECT_S
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    lost = {each: reached.get(each, "no answer in time") for each in asked if reached.get(each, "late") is not None}
    seen = f"{len(asked) - len(lost)} of {len(asked)} can be reached"
    if not lost:
        return well(seen)
    told = "; ".join(f"{server}: {reason}" for server, reason in [*lost.items()][:3])
    advice = "Let the firewall pass these servers and ports; tests go there directly, never through a proxy."
    return (warning if len(lost) < len(asked) else fault)(f"{seen} ({told})", advice)


def of_probes(here: Installation) -> tuple[str, ...]:
    """Return the test servers of the policy, and those that the settings name."""
    own = [table["server"] for table in here.settings.probes.values() if isinstance(table.get("server"), str)]
    return tuple(dict.fromkeys([*here.policy.servers, *own]))


def _judged(seen: Look, now: datetime) -> Found:
    ahead_s = seen.ahead_s or 0.0
    whose = "the collector's" if seen.distrust is None else "that of whoever answers in the collector's place"
    shown = f"it says {now:%Y-%m-%d %H:%M} UTC"
    if abs(ahead_s) < _LITTLE_S:
        return well(f"{shown}, within {max(1, round(abs(ahead_s)))} s of {whose}")
    there = datetime.fromtimestamp(now.timestamp() - ahead_s, UTC)
    way = "ahead of" if ahead_s > 0 else "behind"
    told = f"{shown} and is {words.span(ahead_s)} ({abs(ahead_s):.0f} s) {way} {whose} ({there:%Y-%m-%d %H:%M} UTC)"
    return (fault if abs(ahead_s) >= _MUCH_S else warning)(told, _SET_CLOCK)


def _unproven(far: Far) -> Found:
    """Say what answers where this computer cannot prove who it is, because its key is missing."""
    seen = far.look()
    if seen.status is None:
        return fault(f"it was not reached: {seen.trouble or seen.distrust}", "Check the network and the address.")
    return warning(
        f"something answers there (HTTP status {seen.status}), but without its key this computer cannot ask",
        "See the school.",
    )


def _other(far: Far) -> str:
    """Say who seems to answer in the collector's place; empty where nothing tells."""
    seen = far.look()
    if seen.status is None or (seen.status == 200 and seen.body.lstrip()[:1] == b"{"):
        return ""
    host = far.parts.hostname or ""
    failure, sentence = interception.answered(
        seen.status,
        seen.headers,
        seen.body,
        host=host,
        encrypted=far.parts.scheme == "https" and seen.distrust is None,
        server="the collector",
    )
    return f"; {sentence}" if failure in {"captive_portal", "intercepted"} else ""


def _way(family: socket.AddressFamily, place: tuple[str, int]) -> str | None:
    try:
        return link.local_address(family, place)
    except OSError:
        return None


def _resolvers() -> str:
    """Say which name servers the system asks; public ones by address, too: they are no secret of the school's."""
    try:
        told = linux_addresses.resolvers()
    except OSError:
        told = ()
    return words.count(len(told), "name server") if told else "the system's name servers"


def _is_inside(address: str) -> bool:
    return not ipaddress.ip_address(address.partition("%")[0]).is_global


def _connect(host: str, port: int) -> None:
    with socket.create_connection((host, port), timeout=_CONNECT_S):
        pass


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
