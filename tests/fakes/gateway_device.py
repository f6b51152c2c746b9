"""A school's router with UPnP, on loopback or inside a namespace; its bytes run as told."""

import http.server
import socket
import threading
import time
from contextlib import suppress
from typing import Self

COMMON = "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1"
CONNECTION = "urn:schemas-upnp-org:service:WANIPConnection:1"
_DESCRIPTION = """<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">{base}<device><manufacturer>{maker}</manufacturer>
<modelName>Router 7</modelName><deviceList><device><serviceList><service><serviceType>{common}</serviceType>
<controlURL>{at}/common</controlURL></service></serviceList><deviceList><device><serviceList><service>
<serviceType>{connection}</serviceType><controlURL>{at}/connection</controlURL></service></serviceList></device>
</deviceList></device></deviceList></device></root>"""
_RESULT = """<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>
<u:Response xmlns:u="x">{values}</u:Response></s:Body></s:Envelope>"""


class GatewayDevice:
    """What it says of itself can be changed while it runs; counters run by the clock of time.monotonic."""

    def __init__(self, address: str = "127.0.0.1", search_port: int = 0) -> None:
        self.address = address
        self.maker, self.base, self.control_at = "Maker", "", ""
        self.link = {"DownstreamMaxBitRate": "100000000", "UpstreamMaxBitRate": "20000000"}
        self.external = "203.0.113.7"
        self.received, self.sent = 2**32 - 1_000_000, 5_000
        self.receives_bps, self.sends_bps = 8_000_000, 800_000
        self.description: bytes | None = None
        self.location: str | None = None
        self.big: dict[str, str] = {}
        self.asked: list[str] = []
        self._began = time.monotonic()
        self._http = http.server.ThreadingHTTPServer((address, 0), self._handler())
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self._search = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._search.bind((address, search_port))
        self.search_port = self._search.getsockname()[1]

    def __enter__(self) -> Self:
        """Begin to answer."""
        for work in (self._http.serve_forever, self._answer_searches):
            threading.Thread(target=work, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        """End."""
        self._http.shutdown()
        self._http.server_close()
        with suppress(OSError):
            self._search.shutdown(socket.SHUT_RDWR)
        self._search.close()

    def _answer_searches(self) -> None:
        with suppress(OSError):
            while True:
                asked, sender = self._search.recvfrom(2048)
                if not asked:
                    return
                where = self.location or f"http://{self.address}:{self.port}/desc.xml"
                if asked.startswith(b"M-SEARCH"):
                    self._search.sendto(f"HTTP/1.1 200 OK\r\nST: x\r\nLocation: {where}\r\n\r\n".encode(), sender)

    def results(self, action: str) -> dict[str, str]:
        """Return what an action returns."""
        passed_s = time.monotonic() - self._began
        received = (self.received + int(self.receives_bps / 8 * passed_s)) % 2**32
        sent = (self.sent + int(self.sends_bps / 8 * passed_s)) % 2**32
        return {
            "GetCommonLinkProperties": {f"NewLayer1{name}": value for name, value in self.link.items()}
            | {"NewPhysicalLinkStatus": "Up"},
            "GetTotalBytesReceived": {"NewTotalBytesReceived": str(received)},
            "GetTotalBytesSent": {"NewTotalBytesSent": str(sent)},
            "GetExternalIPAddress": {"NewExternalIPAddress": self.external},
            "GetAddonInfos": self.big,
        }.get(action, {})

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        device = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                told = _DESCRIPTION.format(
                    base=device.base, maker=device.maker, common=COMMON, connection=CONNECTION, at=device.control_at
                )
                self._say(told.encode() if device.description is None else device.description)

            def do_POST(self) -> None:
                action = self.headers["SOAPAction"].strip('"').partition("#")[2]
                device.asked.append(action)
                self.rfile.read(int(self.headers["Content-Length"]))
                values = "".join(f"<{name}>{value}</{name}>" for name, value in device.results(action).items())
                self._say(_RESULT.format(values=values).encode())

            def _say(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                pass

        return Handler
