"""The files that put netready on a server: they parse, hold no secret, and name only what exists."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent import cli
from agent.host import files
from agent.updates import trial
from collector import settings

PACKAGING = Path(__file__).parent.parent.parent / "packaging"
COLLECTOR = PACKAGING / "collector"
SCRIPTS = [
    PACKAGING.parent / ".ci" / "run",
    PACKAGING / "linux" / "build-deb",
    PACKAGING / "linux" / "build-rpm",
    PACKAGING / "linux" / "install.sh",
    PACKAGING / "linux" / "netready-agent",
    PACKAGING / "single" / "build",
    *((PACKAGING / "linux" / "debian" / name) for name in ("postinst", "prerm", "postrm", "list-libraries")),
    Path(__file__).parent / "debian_package.sh",
    Path(__file__).parent / "debian_roots.sh",
    Path(__file__).parent / "single_file.sh",
]
UNITS = [
    PACKAGING / "linux" / "netready-agent.service",
    PACKAGING / "linux" / "netready-agent-update.service",
    PACKAGING / "linux" / "netready-agent-update.timer",
    PACKAGING / "linux" / "netready-agent-way-back.service",
    COLLECTOR / "netready-collector.service",
]


@pytest.fixture
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((COLLECTOR / "compose.yaml").read_text(encoding="utf-8"))
    return parsed


def test_compose_has_the_three_parts(compose: dict[str, Any]) -> None:
    """PostgreSQL 18, the collector and a reflector; the database is not reachable from outside."""
    services = compose["services"]
    assert set(services) == {"database", "collector", "reflector"}
    assert services["database"]["image"].endswith("postgres:18")
    assert "ports" not in services["database"]
    assert services["database"]["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert services["collector"]["command"] == ["netready-collector", "serve"]
    assert services["reflector"]["command"][:2] == ["netready-agent", "reflect"]


def test_a_coordinator_and_two_workers(compose: dict[str, Any]) -> None:
    """Over the plain file: three databases with Citus that only the inside reaches, told of each other."""
    over: dict[str, Any] = yaml.safe_load((COLLECTOR / "compose.citus.yaml").read_text(encoding="utf-8"))
    services = over["services"]
    assert set(services) == {"database", "worker-1", "worker-2", "cluster", "layout", "collector"}
    for name in ("database", "worker-1", "worker-2"):
        assert services[name]["image"].startswith("docker.io/citusdata/citus:")
        assert services[name]["networks"] == ["inside"]
        assert services[name]["environment"] == compose["services"]["database"]["environment"]
        assert "shared_preload_libraries=citus" in services[name]["command"]
    told = " ".join(services["cluster"]["entrypoint"])
    assert "citus_set_coordinator_host('database')" in told
    assert all(f"citus_add_node('{name}', 5432)" in told for name in ("worker-1", "worker-2"))
    assert services["layout"]["command"] == ["netready-collector", "db", "distribute"]
    assert services["collector"]["depends_on"] == {"layout": {"condition": "service_completed_successfully"}}
    assert set(over["volumes"]) == {"worker-1", "worker-2"}
    assert "ports" not in str(services)


def test_keys_outlive_their_containers(compose: dict[str, Any]) -> None:
    """The log's key and the test server's lie on volumes, in folders that the image makes for its user."""
    text = (COLLECTOR / "Containerfile").read_text(encoding="utf-8")
    collector, reflector = compose["services"]["collector"], compose["services"]["reflector"]
    kept, signs = collector["environment"]["NETREADY_DATA"], "/var/lib/netready-reflector"
    assert f"kept:{kept}" in collector["volumes"]
    assert f"signs:{signs}" in reflector["volumes"]
    assert f"--state={signs}" in reflector["command"]
    assert f"--home-dir {kept} --create-home" in text
    assert re.search(rf"install --directory --owner=netready .*{signs}$", text, re.MULTILINE)


def test_the_reflector_is_started_as_the_program_takes_it(compose: dict[str, Any]) -> None:
    """Its options are the program's own, and the one that has to be given is asked for by name."""
    words = [
        re.sub(r"\$\{NETREADY_NAME(:\?[^}]+)?\}", "netready.example", one)
        for one in compose["services"]["reflector"]["command"]
    ]
    options = cli._parser().parse_args(words[1:])
    assert (options.collector, options.name) == ("https://netready.example", "netready.example")
    assert "$" not in " ".join(words)
    assert ".env" in (COLLECTOR / "README.md").read_text(encoding="utf-8")


def test_compose_gives_no_rights_away(compose: dict[str, Any]) -> None:
    """Our containers run without capabilities, on a file system they cannot write to."""
    for name in ("collector", "reflector"):
        service = compose["services"][name]
        assert service["cap_drop"] == ["ALL"]
        assert service["read_only"] is True
        assert "privileged" not in service


def test_volumes_and_networks_are_declared(compose: dict[str, Any]) -> None:
    """Every named volume and network that a service uses is declared, and no other."""
    used = [volume.partition(":")[0] for service in compose["services"].values() for volume in service["volumes"]]
    networks = {network for service in compose["services"].values() for network in service["networks"]}
    assert {name for name in used if not name.startswith("./")} == set(compose["volumes"])
    assert networks == set(compose["networks"])
    for name in (name for name in used if name.startswith("./") and name != "./certs"):
        assert (COLLECTOR / name).exists()


def test_no_secret_is_shipped() -> None:
    """The example of the secrets has names and no values, and the real file is never committed."""
    lines = (COLLECTOR / "secrets.env.example").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == ["POSTGRES_PASSWORD=", "PGPASSWORD="]
    assert "/secrets.env" in (COLLECTOR / ".gitignore").read_text(encoding="utf-8").splitlines()
    for file in (COLLECTOR / "compose.yaml", COLLECTOR / "collector.toml"):
        assert not re.search(r"postgresql://[^@/]*:", file.read_text(encoding="utf-8"))


def test_the_containers_settings_load(compose: dict[str, Any]) -> None:
    """The collector's settings of the compose file are ones that the program accepts, and they fit it."""
    loaded = settings.load(COLLECTOR / "collector.toml")
    assert loaded.database.url == "postgresql://netready@database/netready"
    assert loaded.serve.tls_cert == "/certs/tls.crt"
    assert loaded.serve.listen.rpartition(":")[2] == compose["services"]["collector"]["ports"][0].rpartition(":")[2]


def test_the_container_is_not_root() -> None:
    """The image runs as a user of its own, says how it is, and copies only files that exist."""
    text = (COLLECTOR / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    for line in re.findall(r"^COPY (.*)$", text, re.MULTILINE):
        sources = [word for word in line.split()[:-1] if not word.startswith(("--", "dist/"))]
        assert all((PACKAGING.parent / source).is_file() for source in sources)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_can_be_run(script: Path) -> None:
    """Every script is executable and is read by its shell without a mistake."""
    assert os.access(script, os.X_OK)
    shell = script.read_text(encoding="utf-8").partition("\n")[0].split("/")[-1].split()[-1]
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_verified(unit: Path, tmp_path: Path) -> None:
    """Each unit is read by systemd without a complaint."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this computer: apt install systemd")
    # The program is not installed where the tests run; systemd wants to see one, and the units it starts.
    for one in unit.parent.glob("netready-*.*"):
        text = one.read_text(encoding="utf-8")
        (tmp_path / one.name).write_text(re.sub(r"(?m)^(ExecStart=)\S+", rf"\1{shutil.which('true')}", text))
    command = [analyze, "verify", str(tmp_path / unit.name)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_debian_service_keeps_its_limits() -> None:
    """The agent's service has a user and one folder of its own, no capability, and a bound on memory."""
    lines = UNITS[0].read_text(encoding="utf-8").splitlines()
    for wanted in (
        "User=netready",
        "StateDirectory=netready",
        "StateDirectoryMode=0750",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "MemoryMax=256M",
        "Restart=on-failure",
    ):
        assert wanted in lines


def test_the_service_has_no_quota_of_the_processor() -> None:
    """A quota stops a test in the middle of each tenth of a second: what would be measured is the quota."""
    text = UNITS[0].read_text(encoding="utf-8")
    assert not re.search(r"^CPUQuota=", text, re.MULTILINE)
    assert re.search(r"^CPUWeight=\d+$", text, re.MULTILINE)
    assert re.search(r"^TasksMax=\d+$", text, re.MULTILINE)


def test_the_way_back_is_where_the_agent_puts_it() -> None:
    """The unit looks for the script that a trial writes, under the lock that a look for a new version takes."""
    unit = (PACKAGING / "linux" / "netready-agent-way-back.service").read_text(encoding="utf-8")
    folder = "/var/lib/netready-updates"
    assert f"ConditionPathExists={folder}/{trial._WAY_BACK}\n" in unit
    assert f" {folder}/lock {folder}/{trial._WAY_BACK}\n" in unit
    update = (PACKAGING / "linux" / "netready-agent-update.service").read_text(encoding="utf-8")
    assert "OnFailure=netready-agent-way-back.service\n" in update


def test_a_look_under_way_keeps_the_way_back_shut(tmp_path: Path) -> None:
    """While somebody watches a trial, the unit's command does nothing and is no failure; then it runs the script."""
    unit = (PACKAGING / "linux" / "netready-agent-way-back.service").read_text(encoding="utf-8")
    (started,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    command = started.replace("/var/lib/netready-updates", str(tmp_path)).split()
    script = tmp_path / "way-back"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n", encoding="utf-8")
    script.chmod(0o700)
    with files.exclusive(tmp_path / "lock"):
        subprocess.run(command, timeout=20, check=True)
        assert not (tmp_path / "was-run").exists()
    subprocess.run(command, timeout=20, check=True)
    assert (tmp_path / "was-run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "which package?"),
        (("--package",), "--package wants a value"),
        (("--packet", "x"), "no option '--packet'"),
        (("--package", "http://updates.example/x.deb", "--collector", "u", "--token", "t"), "https://"),
        (("--package", "https://updates.example/x.deb", "--collector", "u", "--token", "t"), "--sha256"),
        (("--package", "/no/such.deb", "--collector", "u", "--token", "t"), "no file /no/such.deb"),
        (("--package", "/etc/hostname", "--sha256", "00", "--collector", "u", "--token", "t"), "not the package"),
        (("--package", "/etc/hostname", "--collector", "u", "--token", "t"), "no package of netready-agent"),
        (("--package", "x.deb", "--token", "t; touch /tmp/x"), "which collector?"),
    ],
)
def test_the_one_command_says_what_to_do(words: tuple[str, ...], said: str) -> None:
    """Wrong words of install.sh end before anything is installed, with what is missing."""
    command = ["sh", str(PACKAGING / "linux" / "install.sh"), *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode in {1, 2}
    assert said in done.stderr
