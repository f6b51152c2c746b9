"""LibreSpeed's backend: random bytes to fetch, a place to send any to, and the client's own address.

Source: librespeed/speedtest, doc.md and backend/*.php. With ``cors`` in the query a page of another origin may ask.
"""

import msgspec

from agent.reflector import payload
from agent.reflector.request import JSON, Exchange, Routes, number, peer, reading, reply

CHUNK_BYTES = 1 << 20
DEFAULT_CHUNKS, MAX_CHUNKS = 4, 1024
_CORS = (
    "Access-Control-Allow-Origin: *",
    "Access-Control-Allow-Methods: GET, POST",
    "Access-Control-Allow-Headers: Content-Encoding, Content-Type",
)


def garbage(exchange: Exchange) -> None:
    """Send as many chunks of random bytes as asked for; more than the most are cut to it, none means the default."""
    chunks = min(number(exchange.request.query, "ckSize") or DEFAULT_CHUNKS, MAX_CHUNKS)
    payload.send_random(exchange, chunks * CHUNK_BYTES, "application/octet-stream", _cors(exchange))


def empty(exchange: Exchange) -> None:
    """Take whatever is sent, and answer with nothing: the end of an upload, a ping, or a browser's CORS question."""
    payload.count(exchange)
    reply(exchange, "", fields=_cors(exchange))


def address(exchange: Exchange) -> None:
    """Say from which address the client comes. Who provides it is not known here, as at LibreSpeed without a key."""
    answer = msgspec.json.encode({"processedString": peer(exchange), "rawIspInfo": ""})
    reply(exchange, answer.decode(), JSON, _cors(exchange))


def _cors(exchange: Exchange) -> tuple[str, ...]:
    return _CORS if "cors" in exchange.request.query else ()


ROUTES: Routes = {
    **reading("/backend/garbage.php", garbage),
    **reading("/backend/empty.php", empty),
    **reading("/backend/getIP.php", address),
    ("POST", "/backend/empty.php"): empty,
    ("OPTIONS", "/backend/garbage.php"): empty,
    ("OPTIONS", "/backend/empty.php"): empty,
    ("OPTIONS", "/backend/getIP.php"): empty,
}
