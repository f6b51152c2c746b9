import http.client
import time
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from agent import cli
from agent.contract import standards
from agent.page import Home, Judges
from agent.page.server import Server, Site, serving

JUDGES = Judges(
    target=lambda policy: (policy.target or standards.target_for(640), False),
    contract=cli._contract,
    zone=cli._zone,
)


class Browser:
    """Asks a page as a browser of this computer does."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.host = f"127.0.0.1:{server.server_port}"

    def ask(self, path="/", method="GET", body=None, **headers):
        """Send one request; return the status, the headers and the text. A header that is None is left out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=30)
        named = {"Host": self.host, "Accept-Language": "en"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in named.items():
            if value is not None:
                connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
        return reply.status, reply.headers, text

    def press(self, **changes):
        """Press the page's button; return the status and where it leads."""
        fields = {"token": self.server.guard.token, "lang": "en"} | changes.pop("form", {})
        headers = {"Origin": f"http://{self.host}", "Sec_Fetch_Site": "same-origin"} | changes
        status, told, text = self.ask("/check", "POST", urlencode(fields).encode(), **headers)
        return status, told.get("Location"), text

    def wait(self, within_s=60.0):
        """Wait until no check runs; return what came of the last."""
        ends = time.monotonic() + within_s
        while self.server.site.checks.step is not None:
            assert time.monotonic() < ends, "the check did not end"
            time.sleep(0.05)
        return self.server.site.checks.outcome


@pytest.fixture
def home(station) -> Home:
    """An enrolled computer for the page."""
    return Home(state=station.state, settings=station.settings, judges=JUDGES)


@pytest.fixture
def site(home) -> Site:
    """The page's site, without a pause between checks."""
    return Site(home, pause_s=0.0)


@pytest.fixture
def browser(site) -> Iterator[Browser]:
    """A browser beside a page that serves."""
    with serving(("127.0.0.1", 0), site) as server:
        yield Browser(server)
