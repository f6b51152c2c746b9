"""The reflector's systemd unit, and two reflectors that somebody points at each other."""

import re
import selectors
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from agent.contract.measurement import Throughput
from agent.meter import echo
from agent.probes import librespeed
from agent.reflector.echo import EchoServer
from tests.fakes import reflectors

UNIT = Path(__file__).resolve().parents[2] / "packaging/reflector/netready-reflector.service"


def test_systemd_reads_the_unit_without_complaint(tmp_path: Path) -> None:
    """The unit is verified; only the program, which is not installed where tests run, is another."""
    analyze, program = shutil.which("systemd-analyze"), shutil.which("true")
    assert analyze is not None, "apt install systemd"
    copy = tmp_path / UNIT.name
    copy.write_text(re.sub(r"(?m)^(ExecStart=)\S+", rf"\1{program}", UNIT.read_text(encoding="utf-8")))
    done = subprocess.run([analyze, "verify", str(copy)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_units_command_serves(tmp_path: Path) -> None:
    """What the unit starts listens, with its key in its own folder, and ends on SIGTERM without a complaint."""
    found = re.search(r"(?m)^ExecStart=\S+ (.*)$", UNIT.read_text(encoding="utf-8"))
    assert found is not None
    keys = tmp_path / "keys.txt"
    keys.write_text(f"{'01' * 32}  # the ministry's collector\n")
    options = f"--require-lease {keys} --url wss://test.example:4443 --metrics 0"
    line = found[1].replace("${STATE_DIRECTORY}", str(tmp_path / "state")).replace("[::]:4443", "127.0.0.1:0")
    line = line.replace("$REFLECT_OPTIONS", options)
    command = [sys.executable, "-m", "agent", *shlex.split(line)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            listening = process.stdout.readline().split()
            assert listening[0] == "listening"
            refused = httpx.get(f"http://{listening[1]}/backend/garbage.php")
            assert (refused.status_code, refused.headers["netready-refusal"]) == (403, "ticket-missing")
            assert (tmp_path / "state" / "reflector.key").is_file()
        finally:
            process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--require-lease", "{keys}"], "--require-lease needs --url"),
        (["--require-lease", "{none}", "--url", "wss://x"], "servers lease-key"),
        (["--tests-per-hour", "-1"], "is not a whole number"),
        (["--metrics", "70000"], "is not a port"),
    ],
)
def test_what_cannot_be_meant_is_said(tmp_path: Path, options: list[str], said: str) -> None:
    """A wrong option ends the start with a sentence, not with an open reflector."""
    (tmp_path / "keys.txt").write_text("01" * 32)
    told = [one.format(keys=tmp_path / "keys.txt", none=tmp_path / "none.txt") for one in options]
    command = [sys.executable, "-m", "agent", "reflect", "--listen", "127.0.0.1:0", *told]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_librespeed_through_nginx(tmp_path: Path) -> None:
    """The example, with only its ports, its names and its certificate changed, carries a whole test over TLS."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    assert nginx is not None, "apt install nginx-light"
    certificate, key = reflectors.certificate(tmp_path)
    with reflectors.reflector() as place, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        example = (UNIT.parent / "nginx-librespeed.conf").read_text(encoding="utf-8")
        for old, new in (
            ("server 127.0.0.1:8443;", f"server {place};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
            ("    listen [::]:443 ssl;\n", ""),
            ("/etc/nginx/tls/speed.example.crt", certificate),
            ("/etc/nginx/tls/speed.example.key", key),
        ):
            assert old in example
            example = example.replace(old, new)
        paths = "\n".join(
            f"{one}_temp_path {tmp_path}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        whole = tmp_path / "nginx.conf"
        whole.write_text(
            f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{}} http {{ {paths}\n{example} }}",
            encoding="utf-8",
        )
        with subprocess.Popen([nginx, "-p", str(tmp_path), "-e", "stderr", "-c", str(whole)]) as process:
            try:
                wait_for(port)
                url = f"https://localhost:{port}"
                told = httpx.get(f"{url}/backend/getIP.php", verify=ssl.create_default_context(cafile=certificate))
                assert told.json()["processedString"] == "127.0.0.1"
                seen = librespeed.Probe(server=url, ca_file=certificate, max_s=1.0, max_bytes=20_000_000).measure(20)
            finally:
                process.terminate()
    assert isinstance(seen, Throughput), seen


def wait_for(port: int) -> None:
    """Wait until something listens."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError("nginx does not listen")


def test_two_reflectors_pointed_at_each_other_do_not_loop() -> None:
    """A request in the other's name brings it one answer of the same length, and the other says nothing to that."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) for _ in range(2))
        for sock in (first, second):
            sock.bind(("127.0.0.1", 0))
            sock.setblocking(False)
        selector = stack.enter_context(selectors.DefaultSelector())
        for sock in (first, second):
            selector.register(sock, selectors.EVENT_READ, EchoServer(sock))
        # Sent from the second's own socket, which is what a forged source address looks like to the first.
        second.sendto(echo.request(b"forged!!", 1), first.getsockname())
        heard = []
        while ready := selector.select(0.3):
            for key, _events in ready:
                heard.append((key.fileobj is first, len(key.fileobj.recv(2048, socket.MSG_PEEK))))
                key.data.answer()
            assert len(heard) <= 2, "the reflectors answer each other"
        assert heard == [(True, echo.DATAGRAM_BYTES), (False, echo.DATAGRAM_BYTES)]
