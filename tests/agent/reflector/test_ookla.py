"""Ookla's legacy paths: what speedtest-cli asks for, one by one, and then the whole of it."""

import json
import os
import subprocess
import sys
from xml.etree import ElementTree as ET

import httpx
import pytest

from agent.reflector import ookla
from tests.fakes import reflectors

# The program has no option for the host of its configuration: what it builds for Ookla's hosts is sent to ours.
SPEEDTEST_CLI = """
import sys, speedtest
place, build = sys.argv.pop(1), speedtest.build_request
def build_for_us(url, *arguments, **options):
    for host in ("www.speedtest.net", "c.speedtest.net"):
        url = url.replace(f"://{host}/", f"://{place}/")
    return build(url, *arguments, **options)
speedtest.build_request = build_for_us
speedtest.main()
"""


def speedtest_cli(place: str, *options: str, **environment: str) -> dict:
    """Run the real program against a reflector and return its JSON."""
    command = [sys.executable, "-W", "ignore", "-c", SPEEDTEST_CLI, place, "--json", "--no-pre-allocate", *options]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env=os.environ | environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def document(url: str, **fields: str) -> ET.Element:
    """Fetch an XML document of our own server."""
    return ET.fromstring(httpx.get(url, headers=fields).content)  # noqa: S314 - it is our own


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each direction end after a second."""
    monkeypatch.setattr(ookla, "TEST_S", 1)


def test_the_configuration(server: str) -> None:
    """Every attribute that speedtest-cli reads is there, of the type it reads."""
    settings = document(f"http://{server}/speedtest-config.php?x=1.0")
    client, upload = settings.find("client").attrib, settings.find("upload").attrib
    assert client["ip"] == "127.0.0.1"
    assert (float(client["lat"]), float(client["lon"])) == (0, 0)
    assert {"ratio", "maxchunkcount", "threads", "testlength"} <= upload.keys()
    assert int(settings.find("download").attrib["testlength"]) == 10
    assert int(settings.find("server-config").attrib["threadcount"]) > 0


@pytest.mark.parametrize("path", ["/speedtest-servers-static.php?threads=8", "/speedtest-servers.php"])
@pytest.mark.parametrize("host", ["reflector.school.kz:4443", "[2001:db8::1]:8870", "192.0.2.1"])
def test_the_server_list(server: str, path: str, host: str) -> None:
    """The one server is this one, under the name that the client knows it by."""
    (entry,) = document(f"http://{server}{path}", Host=host).iter("server")
    assert entry.attrib["url"] == f"http://{host}/speedtest/upload.php"
    assert entry.attrib["host"] == host
    assert int(entry.attrib["id"])


@pytest.mark.parametrize(
    "host", ['x"/><server url="http://elsewhere/', "a b", "user@host", "host/path", "h:123456", ""]
)
def test_a_host_that_is_none(server: str, host: str) -> None:
    """What is no host name is not repeated: 400 and a sentence."""
    answer = httpx.get(f"http://{server}/speedtest-servers.php", headers={"Host": host})
    assert answer.status_code == 400
    assert "Host" in answer.json()["detail"]


def test_without_a_host(server: str) -> None:
    """A client of HTTP/1.0 that does not say how it calls this server gets the socket's own address."""
    answer = reflectors.said(server, b"GET /speedtest-servers.php HTTP/1.0\r\n\r\n")
    assert f'url="http://{server}/speedtest/upload.php"'.encode() in answer


def test_latency(server: str) -> None:
    """The latency file begins with what clients compare."""
    answer = httpx.get(f"http://{server}/speedtest/latency.txt?x=1.0")
    assert answer.content[:9] == b"test=test"


@pytest.mark.parametrize("edge", ookla.SIZES)
def test_pictures(server: str, edge: int) -> None:
    """A picture of each known size has about two bytes a pixel, and says so before it comes."""
    answer = httpx.head(f"http://{server}/speedtest/random{edge}x{edge}.jpg")
    assert int(answer.headers["content-length"]) == 2 * edge * edge


def test_a_picture_comes_whole(server: str) -> None:
    """What is promised is sent; sizes that nobody knows are not there."""
    assert len(httpx.get(f"http://{server}/speedtest/random1000x1000.jpg?x=1").content) == 2_000_000
    assert httpx.get(f"http://{server}/speedtest/random1000x2000.jpg").status_code == 404


def test_upload_answers_what_it_counted(server: str) -> None:
    """An upload is answered with its size; asked without one, the answer still tells which kind of server this is."""
    url = f"http://{server}/speedtest/upload.php"
    assert httpx.get(url).text == "size=0\n"
    assert httpx.post(url, content=b"content1=" + b"x" * 99_991).text == "size=100000\n"
    assert httpx.post(url, content=iter([b"x" * 1000, b"y" * 234])).text == "size=1234\n"


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("mini", [False, True], ids=["list", "mini"])
def test_speedtest_cli_itself(server: str, *, mini: bool) -> None:
    """The real speedtest-cli runs from its configuration to its result, by the list or told the address."""
    options = ["--mini", f"http://{server}"] if mini else []
    result = speedtest_cli(server, *options)
    assert result["bytes_received"] > 1_000_000
    assert result["bytes_sent"] > 1_000_000
    assert result["download"] > 0
    assert result["upload"] > 0
    assert 0 < result["ping"] < 1_000_000  # a latency file that it does not like counts as an hour
    assert result["server"]["url"] == f"http://{server}/speedtest/upload.php"
    assert result["client"]["ip"] == "127.0.0.1"


@pytest.mark.usefixtures("short")
def test_speedtest_cli_over_tls(tmp_path) -> None:
    """With --secure everything goes over TLS, the transfers too."""
    files = reflectors.certificate(tmp_path)
    with reflectors.reflector(tls=files) as place:
        name = f"localhost:{place.rpartition(':')[2]}"
        result = speedtest_cli(name, "--secure", SSL_CERT_FILE=files[0])
    assert result["server"]["url"] == f"https://{name}/speedtest/upload.php"
    assert result["bytes_received"] > 1_000_000
    assert result["bytes_sent"] > 1_000_000
