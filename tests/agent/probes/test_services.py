"""The services probe: what it asks and in which order, cameras and their headroom, its catalogue."""

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.contract.errors import SettingsError
from agent.contract.measurement import decode, encode
from agent.contract.services import Camera, Services
from agent.contract.wire import CameraAsked, PlatformAsked
from agent.meter.player import MAX_SEGMENT_BYTES, SEGMENT_S
from agent.probes import _services_cameras, _services_catalogue, _services_platforms
from agent.probes.services import Probe, in_turn
from tests.fakes.bad_server import BadServer, drips, says, wait

DEADLINE_S = 5.0
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def camera(url: str, deadline_s: float = DEADLINE_S) -> Camera:
    """Ask one camera."""
    return Probe(platforms=(), cameras=(CameraAsked(name="gate", url=url),)).measure(deadline_s).cameras[0]


def test_four_at_a_time_and_in_order() -> None:
    """However many there are, four are under way at most, and the answers stand in the order of the questions."""
    lock, under_way, most = threading.Lock(), 0, 0

    def job(number: int) -> Callable[[float], int]:
        def work(_deadline: float) -> int:
            nonlocal under_way, most
            with lock:
                under_way += 1
                most = max(most, under_way)
            time.sleep(0.02)
            with lock:
                under_way -= 1
            return number

        return work

    assert in_turn([job(number) for number in range(12)], time.monotonic() + 10) == list(range(12))
    assert most == 4


def test_all_are_over_in_time() -> None:
    """Where none answers each has an equal share; none is left out, and none comes after the end."""
    ends, deadlines = time.monotonic() + 0.5, []

    def silent(deadline: float) -> None:
        deadlines.append(deadline)
        time.sleep(max(0.0, deadline - time.monotonic()))

    in_turn([silent] * 10, ends)
    assert len(deadlines) == 10
    assert max(deadlines) <= ends + 0.01
    assert in_turn([], ends) == []


@pytest.mark.parametrize(("line", "code"), [("200 OK", 200), ("401 Unauthorized", 401), ("454 Session Not Found", 454)])
def test_a_camera_answers(line: str, code: int) -> None:
    """Any status of RTSP is an answer, the wish for a password too."""
    with BadServer(says(f"RTSP/1.0 {line}\r\nCSeq: 1\r\n\r\n".encode())) as good:
        found = camera(f"rtsp://{good.server}/stream")
    assert (found.failure, found.status) == (None, code)
    assert found.connect_ms is not None


def test_what_a_camera_is_asked() -> None:
    """Its options, and nothing more: a name and a password in the address are not sent."""
    said: list[bytes] = []

    def behave(sock: socket.socket) -> None:
        said.append(sock.recv(4096))
        sock.sendall(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")

    with BadServer(behave) as good:
        camera(f"rtsp://admin:secret@{good.server}/ch1/main?x=1")
    assert said[0].startswith(f"OPTIONS rtsp://{good.server}/ch1/main?x=1 RTSP/1.0\r\nCSeq: 1\r\n".encode())
    assert b"secret" not in said[0]


@pytest.mark.parametrize(
    ("behave", "word"),
    [
        (says(OK), "protocol_error"),
        (says(b"RTSP/1.0 000 Odd\r\n\r\n"), "protocol_error"),
        (says(b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 100 + b"\r\n"), "protocol_error"),
        (says(b"x" * 100_000), "protocol_error"),
        (lambda sock: sock.recv(4096), "closed_early"),
        (wait, "stalled"),
        (drips(b"RTSP/1.0 200 OK\r\n"), "stalled"),
    ],
)
def test_what_is_no_camera(behave: Callable[[socket.socket], object], word: str) -> None:
    """What answers in another way, or not at all, has its word."""
    with BadServer(behave) as bad:
        found = camera(f"rtsp://{bad.server}/stream", deadline_s=2.0)
    assert (found.failure, found.status) == (word, None)
    assert found.detail


def test_the_control_centre() -> None:
    """Where only reach is asked for, a connection is the answer; nothing is sent over it."""
    received: list[bytes] = []
    with BadServer(lambda sock: received.append(sock.recv(4096))) as good:
        centre = CameraAsked(name="police", kind="control_centre", url=f"tcp://{good.server}")
        gone = CameraAsked(name="gone", kind="control_centre", url="tcp://127.0.0.1:1")
        result = Probe(platforms=(), cameras=(centre, gone)).measure(DEADLINE_S)
    answered, missing = result.cameras
    assert (answered.kind, answered.failure, answered.status) == ("control_centre", None, None)
    assert answered.connect_ms is not None
    assert (missing.failure, missing.connect_ms) == ("connect_refused", None)
    assert set(received) <= {b""}


WRONG = ["", "http://", "https://[::1", "http://x:99999/", "http://exa mple/", "ftp://x", "http://a\0b/", "\udc80", "x"]


@pytest.mark.parametrize("url", [*WRONG, "http://10.0.0.1", "tcp://10.0.0.1", "rtsp://admin:secret@10.0.0.9:x/"])
def test_an_address_of_a_camera_that_is_none(url: str) -> None:
    """It is that camera's failure, in words without what the address may hold, and the next one is asked."""
    with BadServer(says(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n")) as good:
        asked = (CameraAsked(name="gate", url=url), CameraAsked(name="yard", url=f"rtsp://{good.server}/"))
        result = Probe(platforms=(), cameras=asked).measure(DEADLINE_S)
    gate, yard = result.cameras
    assert (gate.name, gate.failure, gate.connect_ms, gate.status) == ("gate", "no_server", None, None)
    assert "gate is none that can be asked" in gate.detail
    assert "secret" not in gate.detail
    assert (yard.failure, yard.status) == (None, 200)
    assert decode(encode(result)) == result


@pytest.mark.parametrize("url", WRONG)
@pytest.mark.parametrize("by_policy", [True, False])
def test_an_address_of_a_platform_that_is_none(tmp_path: Path, lesson, url: str, *, by_policy: bool) -> None:
    """It is that platform's failure, whether the policy or the catalogue names it, and the others are measured."""
    with BadServer(says(OK)) as good:
        places = {"wrong": url if url.isprintable() else "http://a b/", "diary": f"http://{good.server}/"}
        if by_policy:
            asked = tuple(PlatformAsked(name=name, url=place) for name, place in places.items())
            result = Probe(platforms=asked, catalogue=lesson()).measure(DEADLINE_S)
        else:
            file = tmp_path / "own.toml"
            tables = [f'[[platforms]]\nname = "{name}"\nurl = "{place}"\n' for name, place in places.items()]
            file.write_text(Path(lesson()).read_text() + "\n" + "".join(tables))
            result = Probe(catalogue=str(file)).measure(DEADLINE_S)
    wrong, diary = result.services
    assert (wrong.name, wrong.host, wrong.failure, wrong.first_byte_ms) == ("wrong", "", "no_server", None)
    assert "wrong is none that can be asked" in wrong.detail
    assert (diary.failure, diary.status) == (None, 200)
    assert diary.first_byte_ms is not None
    assert decode(encode(result)) == result


def test_a_camera_s_usual_port() -> None:
    """RTSP has port 554 unless it says otherwise; a name in Cyrillic is written as name servers know it."""
    found = _services_cameras.place(CameraAsked(name="gate", url="rtsp://камера.қаз/ағын"))
    assert found.port == 554
    assert found.url is not None
    assert found.url.isascii()


@pytest.mark.parametrize(
    ("registered", "upload_bps", "needed", "headroom"),
    [
        (10, 50e6, 40e6, 10e6),
        (10, 30e6, 40e6, -10e6),
        (0, 5e6, 0, 5e6),
        (10, None, 40e6, None),
        (None, 5e6, None, None),
    ],
)
def test_the_headroom_for_cameras(lesson, registered, upload_bps, needed, headroom) -> None:
    """What the line sends less what the registered cameras need; null where either is not known."""
    result = Probe(catalogue=lesson(), cameras_registered=registered, upload_bps=upload_bps).measure(DEADLINE_S)
    assert (result.cameras_registered, result.cameras_upload_bps, result.cameras_headroom_bps) == (
        registered,
        needed,
        headroom,
    )


def test_the_shipped_catalogue() -> None:
    """What is shipped can be asked: https addresses, each named once with its reason, and figures with a source."""
    catalogue = _services_catalogue.read(None)
    targets = [_services_platforms.platform(one.asked) for one in catalogue.platforms]
    assert {"Kundelik", "Bilimal", "EDUS", "Zoom", "eGov"} <= {one.name for one in targets}
    assert len({one.name for one in targets}) == len({one.endpoint.host for one in targets}) == len(targets)
    assert all(one.endpoint.is_secure for one in targets)
    assert all(one.why for one in catalogue.platforms)
    assert catalogue.video.source
    assert catalogue.cameras.source
    assert catalogue.video.bitrate_bps == 2_500_000


def test_the_largest_segment_can_be_fetched(tmp_path: Path) -> None:
    """Whatever bitrate a catalogue may have, a reflector serves its segments."""
    file, most = tmp_path / "services.toml", int(MAX_SEGMENT_BYTES * 8 / SEGMENT_S)
    file.write_text(f'[video]\nsource = "x"\nbitrate_bps = {most}\n[cameras]\nsource = "x"\nbitrate_bps = 1000\n')
    with pytest.raises(SettingsError, match="bitrate_bps"):
        _services_catalogue.read(file)


def test_the_policy_comes_first(lesson: Callable[..., str]) -> None:
    """Platforms that are given are the only ones asked, and none given by name means none."""
    assert Probe(platforms=(), catalogue=lesson()).measure(1.0).services == ()
    given = (PlatformAsked(name="our diary", url="http://127.0.0.1:1"),)
    assert [one.name for one in Probe(platforms=given, catalogue=lesson()).measure(5.0).services] == ["our diary"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[video]\n", "video"),
        ("nonsense = 1\n", "nonsense"),
        ('[[platforms]]\nname = "x"\n', "video|platforms"),
        ("[video", "cannot be read"),
    ],
)
def test_a_wrong_catalogue(tmp_path: Path, text: str, key: str) -> None:
    """What is wrong in it is said with the file and the key."""
    file = tmp_path / "wrong.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=key):
        Probe(catalogue=str(file)).measure(1.0)


def test_it_reports_what_the_contract_says(server: str, lesson: Callable[..., str]) -> None:
    """Whatever was measured is a report's measurement."""
    result = Probe(server=server, catalogue=lesson(most_streams=2)).measure(20.0)
    assert isinstance(result, Services)
    assert decode(encode(result)) == result
