"""Commands in papers are run, or at least read by the real parser; ports, hosts and fields in them are the code's.

A collector and an agent work in a folder of the test; each paper's commands run from top to bottom, as its reader types
them, with the collector's real address and real tokens in the places of the paper's own.
"""

import re
import shlex
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from agent import cli as agent_cli
from agent.host import echoing, error_queue, hops
from agent.meter import echo, greeting
from agent.probes import _lan_names, _lan_upnp, _services_cameras, ndt7, ookla
from agent.reflector import peer_advert
from agent.settings import Settings as AgentSettings
from agent.windows import setup
from collector import cli as collector_cli
from collector.settings import Settings
from tests import papers
from tests.journey.place import Place

ROOT = Path(__file__).parents[1]
PAPERS = ROOT / "packaging" / "papers"
FILES = sorted(PAPERS.glob("*.md"))
MAINS = {"netready-agent": agent_cli.main, "netready-collector": collector_cli.main}
PARSERS = {"netready-agent": agent_cli._parser(), "netready-collector": collector_cli._parser()}

# Read by the parser only, each with the reason. Whatever is not here is run, and has to work.
PARSED_ONLY = {
    "netready-agent check": "fills the line for half a minute; tests/journey runs it",
    "netready-agent page": "goes on until it is ended; tests/agent/page runs it",
    "netready-agent import-receipts": "needs the file that is sealed for this computer: tests/journey/test_carried.py",
    "netready-collector reports import": "imports a file from a stick: tests/journey/test_carried.py",
    "netready-collector evidence": "needs a month of verdicts: tests/collector/evidence and pack",
    "netready-collector exclusions add": "needs a school under contract: tests/collector/test_agreements_cli.py",
    "netready-collector backup": "takes long; tests/collector/test_backup.py runs it",
    "netready-collector enrollment end": "needs a mark that is shown before: tests/collector/test_enrollment.py",
    "netready-agent update": "needs an installed package: tests/agent/updates runs it",
    "netready-collector agents": "needs a computer's id; tests/collector/test_membership.py runs it",
}
# Some tell by their exit code what they found; all others end with 0.
FOUND = {"netready-agent doctor": {0, 1}, "netready-agent probe": {0, 3}, "netready-agent diagnose": {0, 4}}


def blocks(file: Path) -> list[str]:
    """Return the shell blocks of a paper."""
    return re.findall(r"^```sh\n(.*?)^```$", file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands(file: Path) -> list[list[str]]:
    """Return the words of each command of a paper."""
    return [shlex.split(line, comments=True) for block in blocks(file) for line in block.splitlines() if line.strip()]


EVERY = [pytest.param(words, id=f"{file.stem} {' '.join(words[:3])}") for file in FILES for words in commands(file)]

# Translations have the same commands (test_translations_have_the_same_parts): running them once is enough.
WITH_COMMANDS = [file for file in FILES if blocks(file) and not file.stem.endswith((".kk", ".ru"))]


def begins(words: list[str], known: dict) -> str | None:
    """Return which of the known beginnings a command has."""
    line = " ".join(words) + " "
    return next((one for one in known if line.startswith(one + " ")), None)


@pytest.mark.parametrize("words", EVERY)
def test_the_parser_understands_each_command(words):
    """A command or option that was renamed is found; what is none of ours has no place in a shell block."""
    assert words[0] in PARSERS, f"no command of ours: {words}; such lines stand in a text block"
    PARSERS[words[0]].parse_args(words[1:])


def test_each_reason_is_needed():
    """What is not run is in some paper."""
    assert [one for one in PARSED_ONLY if not any(begins(param.values[0], {one: ""}) for param in EVERY)] == []


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Start a collector that knows a school, in a folder of its own."""
    made = Place(tmp_path_factory.mktemp("papers"))
    try:
        made.serve()
        made.import_school("0042")
        yield made
    finally:
        made.stop()


@pytest.fixture
def desk(place, tmp_path, monkeypatch):
    """A reader's folder: his own state, the files that papers name, real tokens for those that they print."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NETREADY_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("NETREADY_DATA", str(place.data))
    monkeypatch.setenv("NETREADY_CONFIG", str(place.folder / "agent.toml"))
    school = place.collector("enrollment", "create", "--school", "0042", "--uses", "9").strip()
    region = place.collector("enrollment", "create", "--region", "KZ-75").strip()
    (tmp_path / "registry.csv").write_bytes((place.folder / "registry.csv").read_bytes())
    filed = f'collector = "{place.address}"\ntoken = "{region}"\nschool = "0042"\nroom = "Room 12"\n'
    (tmp_path / "enroll.toml").write_text(filed)
    return {"https://collector.example": place.address, "REGION-TOKEN": region, "TOKEN": school}


@pytest.mark.parametrize("file", WITH_COMMANDS, ids=[file.stem for file in WITH_COMMANDS])
def test_each_command_works(file, desk, capsys):
    """Whoever types what the paper says sees it work."""
    code = ""
    for words in commands(file):
        if begins(words, PARSED_ONLY):
            continue
        if words[0] == "netready-agent" and words[1] != "enroll" and not Path("state", "identity.json").exists():
            agent_cli.main(["enroll", "--collector", desk["https://collector.example"], "--token", desk["TOKEN"]])
        typed = [fill(word, desk | {"CODE": code}) for word in words]
        capsys.readouterr()
        ended = MAINS[words[0]](typed[1:])
        said = capsys.readouterr()
        assert ended in FOUND.get(begins(words, FOUND) or "", {0}), f"{words}: {ended}\n{said.out}\n{said.err}"
        code = re.sub(r".*Recovery code: ", "", said.out.strip(), flags=re.DOTALL) if "recovery-code" in words else code


def fill(word: str, given: dict[str, str]) -> str:
    """Put what is real in the places of what the paper prints."""
    for printed, real in given.items():
        word = re.sub(rf"(?<![A-Z-]){re.escape(printed)}(?![A-Z-])", lambda _, real=real: real, word)
    return word


def test_the_data_dictionary_is_up_to_date():
    """Whoever changes a struct of the contract writes the paper anew, and says what a new field means."""
    assert papers.FILE.read_text(encoding="utf-8") == papers.text(), "run: python -m tests.papers"


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_links_lead_somewhere(file):
    """What a paper points to is there."""
    links = re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", file.read_text(encoding="utf-8"))
    assert [link for link in links if not (PAPERS / link).exists()] == []


def test_every_paper_is_in_the_index():
    """Nobody finds a paper that no list names."""
    index = (PAPERS / "README.md").read_text(encoding="utf-8")
    assert [file.name for file in FILES if file.name != "README.md" and f"({file.name})" not in index] == []


@pytest.mark.parametrize("name", ["school", "operator"])
@pytest.mark.parametrize("language", ["kk", "ru"])
def test_translations_have_the_same_parts(name, language):
    """The same headings, blocks, rows and links in every language; what stands as code is the same in all."""

    def parts(file: Path) -> dict[str, object]:
        text = file.read_text(encoding="utf-8")
        lines = text.splitlines()
        plain = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        return {
            "headings": [line.split(" ")[0] for line in lines if line.startswith("#")],
            "blocks": re.findall(r"^```.*?^```$", text, re.MULTILINE | re.DOTALL),
            "rows": [line.count("|") for line in lines if line.startswith("|")],
            "points": sum(line.startswith("- ") for line in lines),
            "code": sorted(re.findall(r"`([^`\n]+)`", plain)),
            "links": sorted(re.findall(r"\]\(([^)]+)\)", text.replace(f".{language}.md", ".en.md"))),
        }

    said = (PAPERS / f"{name}.en.md", PAPERS / f"{name}.{language}.md")
    assert parts(said[1]) == parts(said[0])


FIREWALL = (PAPERS / "firewall.en.md").read_text(encoding="utf-8")


def rows_of_firewall() -> list[list[str]]:
    """Return the cells of each row of the sheet."""
    lines = [line for line in FIREWALL.splitlines() if line.startswith("| ") and not line.startswith("| what")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def ports_of_the_code() -> set[int]:
    """Return every port that the programs themselves know."""
    first = error_queue._FIRST_PORT
    return {
        443,  # https and wss, where an address names no other
        67, 68,  # DHCP (RFC 2131)
        _port(agent_cli.DEFAULT_LISTEN),
        _port(agent_cli.PAGE_LISTEN),
        _port(Settings().serve.listen),
        Settings().notices.smtp_port,
        greeting.PORT,
        greeting.PORT + 1,
        peer_advert.MDNS_PORT,
        _lan_upnp.SEARCH_PORT,
        _lan_names._PORT,
        _lan_names._TLS_PORT,
        _services_cameras._RTSP_PORT,
        *echoing.PORTS,
        first, first + hops.MOST_HOPS * hops.PROBES - 1,
    }  # fmt: skip


def test_the_firewall_sheet_names_the_ports_of_the_code():
    """No port is missing in it, and none is there that nothing uses."""
    named = {int(number) for row in rows_of_firewall() for number in re.findall(r"\b\d+\b", " ".join(_ports(row)))}
    assert named == ports_of_the_code()


def _ports(row: list[str]) -> list[str]:
    """Return what of a row says TCP or UDP, as far as it names ports."""
    return [
        " ".join(found)
        for found in re.findall(
            r"(?:TCP|UDP)((?: (?:and |to )?\d+,?)+)|rtsp: (\d+)|default is (\d+)", " ".join(row[1:3])
        )
    ]


def test_the_firewall_sheet_names_the_hosts_of_the_code():
    """Every host that the programs ask without having been told to; and no other."""
    catalogue = tomllib.loads((ROOT / "config" / "services.toml").read_text(encoding="utf-8"))
    wanted = {urlsplit(one["url"]).hostname for one in catalogue["platforms"]}
    wanted |= {urlsplit(ndt7.Probe(server="").locate).hostname, ookla._SPEEDTEST_NET}
    named = set(re.findall(r"\b(?:[a-z0-9-]+\.)+(?:kz|org|net|com|us)\b", FIREWALL))
    assert named == wanted
    groups = {peer_advert.GROUP, _lan_upnp.SEARCH_GROUP}
    assert set(re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", FIREWALL)) == groups


def test_the_firewall_sheet_has_the_defaults_of_the_code():
    """How often and how much."""
    policy, agent = Settings().policy, AgentSettings()
    light = next(row for row in rows_of_firewall() if row[0].startswith("round trips (UDP echo)"))
    assert f"every {policy.latency_interval_s} s" in light[3]
    assert f"{agent.probes['latency'].count if 'latency' in agent.probes else 25} echoes" in light[3]
    assert f"{echo.DATAGRAM_BYTES + 28} bytes" in light[4]
    assert f"every {agent.uplink.interval_s} s" in FIREWALL
    assert f"{agent.uplink.batch_reports} reports in a delivery" in FIREWALL
    assert f"{policy.capacity_sessions_per_day} a day in lessons" in FIREWALL
    assert f"every {policy.long_capacity_days} days" in FIREWALL
    assert f"at most {policy.peer_bytes // 1_000_000} MB and {greeting.MAX_S:.0f} s" in FIREWALL
    assert all(rule in FIREWALL for rule in setup.RULES)
