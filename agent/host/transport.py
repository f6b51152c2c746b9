"""May this URL be used without TLS? Plain http and ws only to this computer and to private networks (DESIGN 5)."""

import socket
import ssl
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from agent.contract.errors import InsecureUrlError, SettingsError
from agent.contract.values import is_address, stays_inside

_SECURE = {"https": 443, "wss": 443}
_PLAIN = {"http": 80, "ws": 80}


def parse(url: str, schemes: tuple[str, ...]) -> SplitResult:
    """Split a URL whose scheme is one of ``schemes``; raises SettingsError saying what is wrong with it."""
    try:
        parts = urlsplit(url.strip())
        port_is_fine = parts.port != 0
    except ValueError as error:
        raise SettingsError(f"{url!r} is not a URL: {error}") from error
    # A host or path with a space, a line break or a NUL would end up inside a request, or in a system call.
    written_well = all(letter.isprintable() and not letter.isspace() for letter in url.strip())
    if parts.scheme not in schemes or not parts.hostname or not port_is_fine or not written_well:
        example = f"{schemes[-1]}://host.example"
        raise SettingsError(f"{url!r} is not a URL that can be used here; expected for example {example}")
    return parts


def port_of(parts: SplitResult) -> int:
    """Return the port that the URL means."""
    return parts.port or (_SECURE | _PLAIN)[parts.scheme]


def is_private(host: str, port: int) -> bool:
    """Tell whether every address of the host is this computer's own or in a private network.

    Raises:
        OSError: the name cannot be resolved.
    """
    if is_address(host.strip("[]")):
        return stays_inside(host.strip("[]"))
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return bool(answers) and all(stays_inside(str(answer[4][0])) for answer in answers)


def check_security(parts: SplitResult) -> str | None:
    """Return a warning for a plain URL that is allowed, or None for one with TLS.

    Raises:
        InsecureUrlError: plain http or ws to a public address.
        OSError: the name cannot be resolved.
    """
    if parts.scheme in _SECURE:
        return None
    host = parts.hostname or ""
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # a name and password are nobody's to read
    if is_private(host, port_of(parts)):
        return f"{shown} is not encrypted; allowed because {host} is on this computer or network"
    secure = {"http": "https", "ws": "wss"}[parts.scheme]
    raise InsecureUrlError(f"{shown} is not encrypted and {host} is a public address; use {secure}:// there")


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return a verifying client context: the system's authorities, and an own CA beside them if given.

    Raises:
        SettingsError: the CA file cannot be read or is no certificate.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=str(Path(ca_file)))
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"the CA file {ca_file} cannot be used: {error}; give a PEM file") from error
    return context
