"""Promises about the repository itself: what must not be in it, and what must agree."""

import ast
import re
import shutil
import subprocess
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec
import pytest

import agent
from agent import probes

ROOT = Path(__file__).parent.parent
# The folders of people and of build machines; a user with one letter is an example. Spelt so that this file has none.
HOMES = re.compile(rb"(?<![\w.~-])/(?:(?:root|work)/|(?:home|Users)/\w{2})")


# Settings of probes that the session fills in: no default of one computer.
FROM_THE_POLICY = dict.fromkeys(
    [
        *("server", "purpose", "form", "target_download_bps", "target_upload_bps"),
        *("interface", "own_ssids_hex", "own_bssid_prefixes"),
    ]
)


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files that are, or would be, in the repository."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so nobody knows which files belong to it")
    listed = subprocess.run(
        [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=30,
    ).stdout
    return tuple(path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file())


@pytest.mark.parametrize("folder", ["packaging", "config", "tests"])
def test_no_folder_hides_a_library(folder: str) -> None:
    """These folders are no Python packages: ``packaging/__init__.py`` would hide the library of that name."""
    assert not list((ROOT / folder).glob("**/__init__.py"))


@pytest.mark.parametrize(
    "file", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda file: str(file.relative_to(ROOT))
)
def test_every_test_states_its_promise(file: Path) -> None:
    """Each test has a docstring that says what it promises."""
    functions = [
        node
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert [node.name for node in functions if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("side", ["agent", "collector"])
def test_the_example_settings_are_the_defaults(side: str) -> None:
    """What the annotated example file sets is exactly what holds without it."""
    settings = import_module(f"{side}.settings")
    file = ROOT / "config" / f"{side}.toml"
    example = tomllib.loads(file.read_text(encoding="utf-8"))
    probes_apart = {"probes": {}} if side == "agent" else {}
    defaults = settings.load(None)
    assert msgspec.structs.replace(settings.load(file), **probes_apart) == defaults
    assert missing_in(without_nulls(msgspec.to_builtins(defaults)), example) == []


@pytest.mark.parametrize("name", probes.names())
def test_the_example_settings_of_a_probe_are_its_defaults(name: str) -> None:
    """Every probe stands in the example with what it does by default; its server comes from the policy."""
    example = tomllib.loads((ROOT / "config" / "agent.toml").read_text(encoding="utf-8"))["probes"].get(name, {})
    default = probes.make(name, {})
    assert probes.make(name, example) == default
    assert missing_in(without_nulls(msgspec.to_builtins(default)), example | FROM_THE_POLICY) == []


def without_nulls(table: dict[str, Any]) -> dict[str, Any]:
    """Leave out what TOML cannot say: settings that are not set."""
    return {
        name: without_nulls(value) if isinstance(value, dict) else value
        for name, value in table.items()
        if value is not None
    }


def missing_in(wanted: dict[str, Any], found: dict[str, Any], prefix: str = "") -> list[str]:
    """Name the settings that have a default and are not in the example."""
    missing = []
    for name, value in wanted.items():
        if isinstance(value, dict) and isinstance(found.get(name, {}), dict):
            missing += missing_in(value, found.get(name, {}), f"{prefix}{name}.")
        elif name not in found:
            missing.append(prefix + name)
    return missing


def test_no_path_of_a_machine_is_committed() -> None:
    """No file names the home folder of whoever wrote it: nobody else has it."""
    told = [str(file.relative_to(ROOT)) for file in tracked() if HOMES.search(file.read_bytes())]
    assert told == []


def test_no_lock_file_is_committed() -> None:
    """Versions are pinned in constraints.txt, without download addresses; lock files record addresses."""
    names = {"uv.lock", "poetry.lock", "Pipfile.lock", "pdm.lock", "pylock.toml", "package-lock.json", "yarn.lock"}
    assert [file.name for file in tracked() if file.name in names] == []
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")


def test_no_program_is_committed() -> None:
    """No compiled program, library or archive is in the repository; captured packets are data and may be."""
    magic = (
        b"\x7fELF",
        b"MZ",
        b"\xca\xfe\xba\xbe",
        b"\xcf\xfa\xed\xfe",
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"!<arch>",
        b"SQLite",
    )
    spreadsheets = {".xlsx"}  # an archive by its first bytes, and a registry's file by its use
    told = [file for file in tracked() if file.read_bytes().startswith(magic) and file.suffix not in spreadsheets]
    assert [str(file.relative_to(ROOT)) for file in told] == []


def test_every_dependency_is_pinned() -> None:
    """Each package that pyproject.toml names has its exact version in constraints.txt."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *project["dependencies"],
        *(one for extra in project["optional-dependencies"].values() for one in extra),
    ]
    names = {canonical(re.match(r"[\w.-]+", one)[0]) for one in declared} - {"netready"}  # type: ignore[index]
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonical(line.partition("==")[0]) for line in lines if "==" in line}
    assert names - pinned == set()


def canonical(name: str) -> str:
    """Return the one spelling of a package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_changelog_tells_of_this_version() -> None:
    """What is released is described: the newest version in the changelog is the program's."""
    released = re.findall(r"^## \[(\d+\.\d+\.\d+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released[0] == agent.__version__


def test_the_licence_is_whole() -> None:
    """The licence in the repository is the full text that pyproject.toml names."""
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text
