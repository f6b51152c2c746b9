# ruff: noqa: T201 - a script tells what it does
"""One journey through an installed netready, with the commands of DESIGN section 5 and nothing else.

    python installed_wheel.py FOLDER_OF_THE_COMMANDS

Not a pytest module: it runs where only the wheel is installed, from an empty folder. Everything is on loopback.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

READY_S = 90.0  # the first start makes a PostgreSQL cluster
COMMAND_S = 150.0
REGISTRY = """\
school_id_govt,school_name,admin1,admin2,latitude,longitude,num_students,connectivity_type,operator,download_speed_contracted,upload_speed_contracted
00042,Мектеп № 42,KZ-75,Медеу ауданы,43.25,76.95,640,fiber,Operator,100,50
00043,Мектеп № 43,KZ-75,Медеу ауданы,43.26,76.96,120,fiber,Operator,20,5
"""


def main(commands: Path) -> None:
    """Walk the whole way once; any wrong step ends with an error that names it."""
    # Not 0700: a collector started as root hands its data to a user of its own, who has to get there.
    with tempfile.TemporaryDirectory(prefix="netready-journey-") as folder:
        Path(folder).chmod(0o755)
        walk(commands, Path(folder))
    print("the journey from the installed wheel ended well")


def walk(commands: Path, folder: Path) -> None:
    """Serve, reflect, import, enrol, measure, rank."""
    collector, agent = commands / "netready-collector", commands / "netready-agent"
    data, state = ["--data", str(folder / "data")], {"NETREADY_STATE": str(folder / "state")}
    serving, reflecting = free_port(), free_port()
    reflector = f"ws://127.0.0.1:{reflecting}"
    (folder / "schools.csv").write_text(REGISTRY, encoding="utf-8")
    with (
        process(folder, "reflect", agent, "reflect", "--listen", f"127.0.0.1:{reflecting}"),
        process(folder, "serve", collector, "serve", "--listen", f"127.0.0.1:{serving}", "--server", reflector, *data),
    ):
        wait_for(f"http://127.0.0.1:{reflecting}/healthz")
        wait_for(f"http://127.0.0.1:{serving}/healthz")
        run(folder, collector, "schools", "import", str(folder / "schools.csv"), *data)
        token = run(folder, collector, "enrollment", "create", "--school", "00042", *data).strip()
        url = f"http://127.0.0.1:{serving}"
        run(folder, agent, "enroll", "--collector", url, "--token", token, "--room", "12", **state)
        run(folder, agent, "run", "--once", **state)
        ranking = json.loads(run(folder, collector, "ranking", "schools", "--format", "json", *data))
    check(ranking)


def check(ranking: dict[str, list[dict[str, object]]]) -> None:
    """Both schools are listed, the measured one with speeds, the other without an invented zero."""
    rows = {row["id"]: row for row in ranking["items"]}
    measured, other = rows["00042"], rows["00043"]
    print(json.dumps(measured, ensure_ascii=False))
    expect(ranking["total"] == 2, f"two schools are registered, the ranking counts {ranking['total']}")
    expect(measured["tests"] == 1, f"one session was sent, the ranking counts {measured['tests']}")
    for name in ("download_bps", "upload_bps"):
        rate = measured[name]
        expect(isinstance(rate, int | float) and rate > 1_000_000, f"{name} is {rate}: no speed of a loopback")
        expect(other[name] is None, f"{name} of a school that never measured is {other[name]}, not null")
    expect(measured["required_download_bps"] == 32_000_000, f"640 pupils need {measured['required_download_bps']}")


def expect(held: bool, sentence: str) -> None:
    """Stop the journey with a sentence if something does not hold."""
    if not held:
        raise SystemExit(f"the journey failed: {sentence}")


def free_port() -> int:
    """Return a port that is free now, for TCP and so most likely for UDP."""
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        return int(chosen.getsockname()[1])


def run(folder: Path, *command: str | Path, **environment: str) -> str:
    """Run a command to its end and return what it printed; a failure shows both its outputs."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=COMMAND_S,
        check=False,
    )
    shown = " ".join([Path(command[0]).name, *(str(part) for part in command[1:3])])
    print(f"{shown}: exit {done.returncode}")
    expect(done.returncode == 0, f"{shown} ended with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def process(folder: Path, name: str, *command: str | Path) -> Iterator[None]:
    """Keep a server running; end it with SIGTERM, and expect that it ends cleanly."""
    with (folder / f"{name}.log").open("w+", encoding="utf-8") as log:
        started = subprocess.Popen(
            [str(part) for part in command], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        try:
            yield
        except BaseException:
            log.seek(0)
            print(f"--- {name} said:\n{log.read()[-4000:]}", file=sys.stderr)
            raise
        finally:
            started.send_signal(signal.SIGTERM)
            try:
                code = started.wait(30)
            except subprocess.TimeoutExpired:
                started.kill()
                code = started.wait()
        expect(code in {0, -signal.SIGTERM}, f"{name} ended with {code} after SIGTERM")


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    until = time.monotonic() + READY_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own http address
                expect(answer.status == 200, f"{url} answers {answer.status}")
                return
        except OSError as error:
            expect(time.monotonic() < until, f"{url} does not answer after {READY_S:.0f} s: {error}")
            time.sleep(0.2)


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
