"""Addresses from settings."""

import pytest

from agent.contract.errors import SettingsError
from agent.meter import dial
from agent.meter.dial import Endpoint


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("10.0.0.1:8080", Endpoint("ws", "10.0.0.1", 8080)),
        ("ws://host.example", Endpoint("ws", "host.example", 80)),
        ("wss://host.example/", Endpoint("wss", "host.example", 443)),
        ("https://host.example:8443/under/", Endpoint("wss", "host.example", 8443, "/under")),
        ("http://[fd00::1]:9", Endpoint("ws", "fd00::1", 9)),
        ("[::1]:7000", Endpoint("ws", "::1", 7000)),
        ("  localhost:1 ", Endpoint("ws", "localhost", 1)),
        ("wss://мектеп.қаз/тест", Endpoint("wss", "xn--e1aaogsq.xn--80ao21a", 443, "/%D1%82%D0%B5%D1%81%D1%82")),
    ],
)
def test_a_server_setting(server: str, expected: Endpoint) -> None:
    """URLs and HOST:PORT mean the same endpoints; IPv6 stands in brackets, also when written back."""
    assert dial.endpoint(server) == expected
    assert dial.endpoint(expected.url) == expected


@pytest.mark.parametrize(
    "server",
    ["", ":80", "ftp://host", "host:0", "host:70000", "::1:80", "a b:1", "ws://h/a b", "a\0b:1", f"ws://{'қ' * 70}.kz"],
)
def test_no_address(server: str) -> None:
    """What is no address is refused with an example of one."""
    with pytest.raises(SettingsError):
        dial.endpoint(server)
