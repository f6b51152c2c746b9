"""The opening handshake, against the example of the RFC and against answers that are none."""

import pytest

from agent.meter import handshake, http_head
from agent.meter.errors import HeadError, TransferError
from agent.meter.http_head import Head


def test_the_example_of_the_rfc() -> None:
    """The key of RFC 6455, section 1.3, has the answer given there."""
    assert handshake.accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_both_sides_agree() -> None:
    """What our client asks our server accepts, and the other way round."""
    key = handshake.new_key()
    asked = http_head.parse(handshake.request("/x", "host:1", key, "some.protocol", "me"))
    answered = http_head.parse(handshake.accept(asked, "some.protocol"))
    handshake.check_response(answered, key, "some.protocol")


@pytest.mark.parametrize(
    ("start", "fields", "failure"),
    [
        ("HTTP/1.1 101 Switching Protocols", {}, "protocol_error"),
        ("HTTP/1.1 101 ok", {"upgrade": "websocket", "sec-websocket-accept": "wrong"}, "protocol_error"),
        ("HTTP/1.1 307 Moved", {"location": "http://login.test"}, "redirected"),
        ("HTTP/1.1 401 Unauthorized", {}, "refused_by_server"),
        ("HTTP/1.1 500 Oops", {}, "http_status"),
        ("HTTP/1.1", {}, "protocol_error"),
        ("hello", {}, "protocol_error"),
    ],
)
def test_a_wrong_answer_has_its_word(start: str, fields: dict[str, str], failure: str) -> None:
    """Every answer but the right one is named by its failure word."""
    with pytest.raises(TransferError) as caught:
        handshake.check_response(Head(start, fields), "key", "some.protocol")
    assert caught.value.failure == failure


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
