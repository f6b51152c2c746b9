"""What speedtest-cli 2.1 asks of Ookla: configuration, servers, latency, download and upload (the legacy HTTP paths).

The list names one server: this one. It does not know where on earth it is, so server and client stand at 0, 0.
"""

from xml.sax.saxutils import quoteattr

from agent.reflector import payload
from agent.reflector.request import XML, Exchange, Handler, Routes, base_url, peer, reading, reply

TEST_S = 10  # as at speedtest.net; the client reads a whole number
SIZES = (350, 500, 750, 1000, 1500, 2000, 2500, 3000, 3500, 4000)  # the client's list of picture edges, in pixels
_BYTES_PER_PIXEL = 2  # about what speedtest.net's pictures have


def index(exchange: Exchange) -> None:
    """Say what this is, to people and to ``speedtest-cli --mini``, which then tries which upload address answers."""
    reply(exchange, "This is a netready reflector, the far end of a speed test.\n")


def configuration(exchange: Exchange) -> None:
    """Say how to test: threads, times and sizes like speedtest.net's.

    The upload's ratio of 5 begins with bodies of 512 KiB: of the smaller ones speedtest-cli sends that of 64 KiB seven
    bytes short of its Content-Length.
    """
    client = quoteattr(peer(exchange))
    document = f"""<?xml version="1.0" encoding="UTF-8"?>
<settings>
<client ip={client} lat="0" lon="0" isp="unknown" country=""/>
<server-config threadcount="4" ignoreids=""/>
<download testlength="{TEST_S}" threadsperurl="4"/>
<upload testlength="{TEST_S}" ratio="5" maxchunkcount="50" threads="2" threadsperurl="4"/>
</settings>
"""
    reply(exchange, document, XML)


def servers(exchange: Exchange) -> None:
    """List this server under the name that the client used for it."""
    base = base_url(exchange)
    url, host = quoteattr(f"{base}/speedtest/upload.php"), quoteattr(base.partition("://")[2])
    document = f"""<?xml version="1.0" encoding="UTF-8"?>
<settings><servers>
<server url={url} lat="0" lon="0" name={host} country="" cc="" sponsor="netready reflector" id="1" host={host}/>
</servers></settings>
"""
    reply(exchange, document, XML)


def latency(exchange: Exchange) -> None:
    """Answer at once."""
    reply(exchange, "test=test\n")


def uploaded(exchange: Exchange) -> None:
    """Take the body and say its size; for a GET, by which clients find out the server's kind, that is 0."""
    reply(exchange, f"size={payload.count(exchange)}\n")


def _picture(edge: int) -> Handler:
    def send(exchange: Exchange) -> None:
        payload.send_random(exchange, _BYTES_PER_PIXEL * edge * edge, "image/jpeg")

    return send


ROUTES: Routes = {
    **reading("/", index),
    **reading("/speedtest-config.php", configuration),
    **reading("/speedtest-servers-static.php", servers),
    **reading("/speedtest-servers.php", servers),
    **reading("/speedtest/latency.txt", latency),
    **reading("/speedtest/upload.php", uploaded),
    ("POST", "/speedtest/upload.php"): uploaded,
    **{(method, f"/speedtest/random{edge}x{edge}.jpg"): _picture(edge) for edge in SIZES for method in ("GET", "HEAD")},
}
