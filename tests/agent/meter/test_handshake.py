"""The opening handshake, against the example of the RFC and against answers that are none."""

import socket
import time

import pytest

from agent.meter import handshake, http_head
from agent.meter.errors import HeadError, TransferError
from agent.meter.handshake import Asked
from agent.meter.http_head import Head

ASKED = Asked(key="key", subprotocol="some.protocol", host="speed.example.kz")
RIGHT = {
    "upgrade": "websocket",
    "sec-websocket-accept": handshake.accept_key("key"),
    "sec-websocket-protocol": "some.protocol",
}


def test_the_example_of_the_rfc() -> None:
    """The key of RFC 6455, section 1.3, has the answer given there."""
    assert handshake.accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_both_sides_agree() -> None:
    """What our client asks our server accepts, and the other way round."""
    key = handshake.new_key()
    asked = http_head.parse(handshake.request("/x", "host:1", key, "some.protocol", "me"))
    answered = http_head.parse(handshake.accept(asked, "some.protocol"))
    handshake.check_response(answered, Asked(key=key, subprotocol="some.protocol"))


@pytest.mark.parametrize(
    ("start", "fields", "failure", "says"),
    [
        ("HTTP/1.1 101 Switching Protocols", {}, "protocol_error", "not to WebSocket"),
        ("HTTP/1.1 101", {**RIGHT, "sec-websocket-accept": "x"}, "protocol_error", "a wrong Sec-WebSocket-Accept"),
        ("HTTP/1.1 101", {"upgrade": "websocket"}, "protocol_error", "without Sec-WebSocket-Accept"),
        ("HTTP/1.1 101", {**RIGHT, "sec-websocket-protocol": "x"}, "protocol_error", "but not some.protocol"),
        ("HTTP/1.1 101", {**RIGHT, "upgrade": "h2c", "via": "1.1 box"}, "intercepted", "the header Via: 1.1 box"),
        ("HTTP/1.1 101", {"upgrade": "websocket", "x-cache": "HIT"}, "intercepted", "X-Cache: HIT"),
        ("HTTP/1.1 307 Moved", {"location": "http://login.test"}, "captive_portal", "http://login.test"),
        ("HTTP/1.1 307 Moved", {"location": "/there"}, "redirected", "/there"),
        ("HTTP/1.1 401 Unauthorized", {}, "refused_by_server", "401"),
        ("HTTP/1.1 500 Oops", {}, "http_status", "500"),
        ("HTTP/1.1", {}, "protocol_error", "HTTP"),
        ("HTTP/1.1 2x0 ok", {}, "protocol_error", "HTTP"),
        ("hello", {}, "protocol_error", "HTTP"),
    ],
)
def test_a_wrong_answer_has_its_word(start: str, fields: dict[str, str], failure: str, says: str) -> None:
    """Every answer but the right one is named by its failure word, with what was seen of it."""
    with pytest.raises(TransferError) as caught:
        handshake.check_response(Head(start, fields), ASKED)
    assert (caught.value.failure, says in str(caught.value)) == (failure, True), str(caught.value)


def test_over_tls_a_proxy_s_mark_is_the_server_s_own() -> None:
    """What a trusted certificate stands for was not tampered with on the way."""
    asked = Asked(key="key", subprotocol="some.protocol", encrypted=True)
    with pytest.raises(TransferError) as caught:
        handshake.check_response(Head("HTTP/1.1 101", {"via": "1.1 google"}), asked)
    assert caught.value.failure == "protocol_error"


@pytest.mark.parametrize(
    ("fields", "sent", "found"),
    [({}, b"lo!", b"hello!"), ({"content-length": "5"}, b"lo!", b"hello"), ({"content-length": "2"}, b"", b"he"),
     ({"content-length": "9" * 30}, b"x" * 50, b"hel" + b"x" * 17), ({}, b"", b"hel")],
)  # fmt: skip
def test_the_beginning_of_a_body(fields, sent, found) -> None:
    """As much of a body as there is, as was announced, and as is enough; a far end that is silent gets little time."""
    near, far = socket.socketpair()
    with near, far:
        far.sendall(sent)
        began = time.monotonic()
        body = http_head.body_start(near, Head("HTTP/1.1 200", fields), b"hel", 20, began + 0.05)
    assert body == found


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"sec-websocket-version": "8"}, 426),
        ({"sec-websocket-key": "short"}, 426),
        ({"upgrade": "h2c"}, 426),
        ({"connection": "close"}, 426),
        ({"sec-websocket-protocol": "another"}, 400),
    ],
)
def test_a_wrong_request_has_its_status(change: dict[str, str], status: int) -> None:
    """A request that asks for something else is told what is spoken here."""
    head = http_head.parse(handshake.request("/x", "host", handshake.new_key(), "some.protocol", "me"))
    with pytest.raises(HeadError) as caught:
        handshake.accept(Head(head.start, {**head.fields, **change}), "some.protocol")
    assert caught.value.status == status
