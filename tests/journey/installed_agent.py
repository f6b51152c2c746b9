# ruff: noqa: T201 - a script tells what it does
"""The agent alone, as installed from the wheel: a reflector and probes against it, without the collector's packages.

python installed_agent.py FOLDER_OF_THE_COMMANDS
"""

import json
import subprocess
import sys
from pathlib import Path

LIMIT_S = 60


def main(commands: Path) -> None:
    """Reflect on a free port, measure against it, end it with SIGTERM."""
    agent = str(commands / "netready-agent")
    with subprocess.Popen(
        [agent, "reflect", "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as reflector:
        try:
            port = port_of(reflector)
            throughput = probe(agent, "msak", f"server=ws://127.0.0.1:{port}", "max_s=1")
            latency = probe(agent, "latency", f"server=ws://127.0.0.1:{port}")
        finally:
            reflector.terminate()
            try:
                code = reflector.wait(30)
            except subprocess.TimeoutExpired:
                reflector.kill()
                raise
    expect(throughput["kind"] == "throughput", throughput)
    expect(throughput["download"]["ip_bps"] > throughput["download"]["goodput_bps"] > 1_000_000, throughput)
    expect(throughput["upload"]["counted_at"] in {"server", "receiver"}, throughput)
    expect(latency["kind"] == "latency" and latency["received"] > 0, latency)
    expect(code == 0, f"reflect ended with {code} after SIGTERM")
    print("the agent installed from the wheel measures")


def port_of(reflector: subprocess.Popen[str]) -> int:
    """Read the line ``listening ...`` and return the port in it."""
    if reflector.stdout is None:
        raise SystemExit("reflect has no output")
    line = reflector.stdout.readline()
    expect(line.startswith("listening "), line)
    address = next(word for word in line.split() if "127.0.0.1:" in word)
    return int(address.rpartition("127.0.0.1:")[2].strip("/,;"))


def probe(agent: str, name: str, *settings: str) -> dict[str, dict[str, float]]:
    """Run one probe and return its object; it is one line."""
    options = [part for setting in settings for part in ("--set", setting)]
    done = subprocess.run(
        [agent, "probe", name, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    expect(done.stdout.count("\n") == 1, done.stdout)
    measured: dict[str, dict[str, float]] = json.loads(done.stdout)
    return measured


def expect(held: bool, seen: object) -> None:
    """Stop with what was seen if something does not hold."""
    if not held:
        raise SystemExit(f"not as promised: {seen}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).absolute())
