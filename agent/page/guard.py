"""Who may ask: only a browser on this computer, at this computer's own address, and only this page's own button.

A foreign page must not read this one by a name that it points here (DNS rebinding), nor press the button for somebody
(cross-site request forgery; Fetch Metadata, W3C, and Origin, RFC 6454).
"""

import hmac
import ipaddress
import secrets
from collections.abc import Mapping

from msgspec import Struct

from agent.contract.errors import SettingsError

_USUAL_PORT = 80


def loopback(host: str, port: int) -> tuple[str, int]:
    """Return the address to listen on; raises SettingsError for any that others could reach."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host.lower() == "localhost" else host)
    except ValueError as error:
        raise SettingsError(
            f"--listen {host}: give an address of this computer, for example 127.0.0.1:{port}"
        ) from error
    if not address.is_loopback:
        raise SettingsError(
            f"--listen {host}: the page needs no account, so it opens on this computer only: "
            f"give 127.0.0.1:{port} or [::1]:{port}"
        )
    return str(address), port


def bracketed(host: str) -> str:
    """Return a host as it stands in an address."""
    return f"[{host}]" if ":" in host else host


class Guard(Struct, frozen=True, kw_only=True):
    """The addresses under which the page may be asked for, and the token of its own forms."""

    hosts: frozenset[str]
    token: str

    def knows_host(self, headers: list[str]) -> bool:
        """Tell whether the one Host header there is names this computer and this port."""
        return len(headers) == 1 and headers[0].strip().lower() in self.hosts

    def is_own(self, origin: str | None, site: str | None) -> bool:
        """Tell whether a request that changes something comes from this page; browsers say at least one of both."""
        if origin is None and site is None:
            return False
        knows = origin is None or (origin.startswith("http://") and origin[7:].lower() in self.hosts)
        return knows and site in {None, "same-origin"}

    def has_token(self, form: Mapping[str, list[str]]) -> bool:
        """Tell whether a form carries this process's token, once."""
        given = form.get("token", [])
        return len(given) == 1 and hmac.compare_digest(given[0].encode(), self.token.encode())


def guard(host: str, port: int) -> Guard:
    """Return the guard of an address that is listened on."""
    names = {"localhost", "127.0.0.1", "[::1]", bracketed(host)}
    hosts = {f"{name}:{port}" for name in names} | (names if port == _USUAL_PORT else set())
    return Guard(hosts=frozenset(hosts), token=secrets.token_urlsafe(24))
