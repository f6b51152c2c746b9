"""The installer, built by wixl from a stand-in payload and read back table by table. Nothing has run on Windows."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import agent
from agent import cli
from agent.windows import ENROLL_KEY, SERVICE, handed, setup

ROOT = Path(__file__).parent.parent.parent
WINDOWS = ROOT / "packaging" / "windows"
PAYLOAD = (
    "netready-service.exe",
    "netready-agent.exe",
    "_internal/python312.dll",
    "_internal/agent/_config/standards.toml",
)
UPGRADE_CODE = "{5C9E1D7A-3B42-4E0F-9A67-2D8F40B1C3E6}"


def build(folder: Path, version: str = "0.1.0", leave_out: str = "") -> subprocess.CompletedProcess[str]:
    payload = folder / "payload"
    for name in PAYLOAD:
        if name != leave_out:
            (payload / name).parent.mkdir(parents=True, exist_ok=True)
            (payload / name).write_text(f"stands for {name}\n")
    return subprocess.run(
        [sys.executable, WINDOWS / "build-msi", payload, version, folder / "made.msi"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def msi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("msi")
    done = build(folder)
    assert (done.returncode, done.stderr) == (0, "")  # wixl warns of what it does not understand, and goes on
    return folder / "made.msi"


def table(msi: Path, name: str) -> list[dict[str, str]]:
    """Read a table: its rows by the names of the columns."""
    told = subprocess.run(["msiinfo", "export", msi, name], check=True, capture_output=True, timeout=30).stdout
    lines = [line.split("\t") for line in told.decode().replace("\r\n", "\n").split("\n") if line]
    return [dict(zip(lines[0], row, strict=True)) for row in lines[3:]]


def properties(msi: Path) -> dict[str, str]:
    return {row["Property"]: row["Value"] for row in table(msi, "Property")}


def test_the_service_is_installed_for_all_users(msi: Path) -> None:
    """A service of its own process, started with the computer, as LocalService; deleted when uninstalled."""
    (service,) = table(msi, "ServiceInstall")
    assert (service["Name"], service["StartName"], service["Password"]) == (SERVICE, r"NT AUTHORITY\LocalService", "")
    assert (service["ServiceType"], service["StartType"]) == ("16", "2")
    (control,) = table(msi, "ServiceControl")
    start, stop, stop_at_uninstall, delete_at_uninstall = 0x1, 0x2, 0x20, 0x80
    assert int(control["Event"]) == start | stop | stop_at_uninstall | delete_at_uninstall
    assert properties(msi)["ALLUSERS"] == "1"


def test_the_token_is_hidden_and_passes(msi: Path) -> None:
    """What is given silently reaches the installer's own rights, and the token is kept out of its log."""
    told = properties(msi)
    assert told["MsiHiddenProperties"].split(";") == ["TOKEN"]
    assert {"COLLECTOR", "TOKEN", "ROOM", "SCHOOL", "PURGE"} <= set(told["SecureCustomProperties"].split(";"))
    assert not {"COLLECTOR", "TOKEN", "ROOM", "SCHOOL", "PURGE"} & set(told)  # no default of anybody's


def test_what_is_given_goes_to_the_registry_alone(msi: Path) -> None:
    """Each property is a string behind our mark where the service looks; no command line holds anything typed."""
    rows = table(msi, "Registry")
    assert {row["Name"]: row["Value"] for row in rows} == {
        name: f"{handed.PREFIX}[{name.upper()}]" for name in handed.NAMES
    }
    assert {(row["Root"], row["Key"]) for row in rows} == {("2", ENROLL_KEY)}
    assert [row["Target"] for row in table(msi, "CustomAction") if "[" in row["Target"]] == []


def test_the_order_of_the_installation(msi: Path) -> None:
    """The key is closed before it holds the token; recovery is set before the service starts; all before the end."""
    order = {row["Action"]: int(row["Sequence"]) for row in table(msi, "InstallExecuteSequence")}
    wanted = [
        *("InstallValidate", "RemoveExistingProducts", "InstallInitialize", "StopServices", "DeleteServices"),
        *("CloseFirewall", "Purge", "RemoveRegistryValues", "RemoveFiles", "InstallFiles", "Prepare"),
        *("WriteRegistryValues", "InstallServices", "Finish", "StartServices", "InstallFinalize"),
    ]
    assert sorted(wanted, key=order.__getitem__) == wanted
    conditions = {row["Action"]: row["Condition"] for row in table(msi, "InstallExecuteSequence")}
    assert conditions["CloseFirewall"] == 'REMOVE="ALL"'
    assert conditions["Purge"] == 'REMOVE="ALL" AND PURGE="1" AND NOT UPGRADINGPRODUCTCODE'


def test_what_is_done_as_system(msi: Path) -> None:
    """Four fixed words of our own program, deferred and without the person's own rights; a failed setup is an error."""
    exe_of_file, goes_on, deferred, no_impersonation = 18, 0x40, 0x400, 0x800
    told = {row["Action"]: (row["Source"], row["Target"], int(row["Type"])) for row in table(msi, "CustomAction")}
    as_system = exe_of_file | deferred | no_impersonation
    assert told == {
        "Prepare": ("ServiceExe", "prepare", as_system),
        "Finish": ("ServiceExe", "finish", as_system),
        "CloseFirewall": ("ServiceExe", "remove", as_system | goes_on),
        "Purge": ("ServiceExe", "purge", as_system | goes_on),
    }


def test_the_start_menu(msi: Path) -> None:
    """The entry of all users opens the local page, with words that the program understands."""
    (shortcut,) = table(msi, "Shortcut")
    assert (shortcut["Directory_"], shortcut["Target"]) == ("ProgramMenuFolder", "[#AgentExe]")
    assert cli._parser().parse_args(shortcut["Arguments"].split()).open


def test_upgrades(msi: Path, tmp_path: Path) -> None:
    """A newer version takes the place of an older one: one upgrade code for ever, a product code of each build."""
    first = properties(msi)
    assert build(tmp_path, "0.2.0").returncode == 0
    second = properties(tmp_path / "made.msi")
    assert first["UpgradeCode"] == second["UpgradeCode"] == UPGRADE_CODE
    assert first["ProductCode"] != second["ProductCode"]
    assert (first["ProductVersion"], second["ProductVersion"]) == ("0.1.0", "0.2.0")
    found = {row["ActionProperty"]: (row["VersionMin"], row["VersionMax"]) for row in table(msi, "Upgrade")}
    assert found == {"OLDERFOUND": ("0.0.0", "0.1.0"), "NEWERFOUND": ("0.1.0", "")}
    assert not any(int(row["Attributes"]) & 0x2 for row in table(msi, "Upgrade"))  # none is only detected: it goes
    # A newer one goes only where an update is taken back; what is said before that runs before anything is removed.
    wanted = {"NOT NEWERFOUND OR NETREADY_WAY_BACK = 1"}
    assert {row["Condition"] for row in table(msi, "LaunchCondition")} >= wanted
    order = {row["Action"]: int(row["Sequence"]) for row in table(msi, "InstallExecuteSequence")}
    steps = (
        "FindRelatedProducts",
        "LaunchConditions",
        "InstallValidate",
        "RemoveExistingProducts",
        "InstallInitialize",
    )
    assert [order[one] for one in steps] == sorted(order[one] for one in steps)
    assert "NETREADY_WAY_BACK" in first["SecureCustomProperties"].split(";")  # else lost where SYSTEM goes on
    components = [{row["ComponentId"] for row in table(one, "Component")} for one in (msi, tmp_path / "made.msi")]
    assert components[0] == components[1]  # else Windows would remove what the new version has just installed


def test_every_file_is_there_for_64_bit(msi: Path, tmp_path: Path) -> None:
    """The whole payload comes out of the MSI byte for byte, in 64 bit components below Program Files."""
    subprocess.run(["msiextract", "-C", tmp_path, msi], check=True, capture_output=True, timeout=30)
    out = {file.name: file.read_text() for file in tmp_path.rglob("*") if file.is_file()}
    assert out == {Path(name).name: f"stands for {name}\n" for name in PAYLOAD}
    assert all(int(row["Attributes"]) & 0x100 for row in table(msi, "Component"))
    summary = subprocess.run(["msiinfo", "suminfo", msi], check=True, capture_output=True, text=True).stdout
    assert "Template: x64;1033" in summary
    folders = {row["Directory"]: row["Directory_Parent"] for row in table(msi, "Directory")}
    assert folders["INSTALLDIR"] == "ProgramFiles64Folder"


@pytest.mark.parametrize(
    ("version", "leave_out", "said"),
    [("0.1.0", "netready-service.exe", "has no netready-service.exe"), ("1.0rc1", "", "takes three numbers")],
)
def test_what_cannot_be_built(tmp_path: Path, version: str, leave_out: str, said: str) -> None:
    """An incomplete payload, or a version that Windows cannot compare, ends the build with a sentence."""
    done = build(tmp_path, version, leave_out)
    assert done.returncode != 0
    assert said in done.stderr
    assert not (tmp_path / "made.msi").exists()


def test_a_foreign_file_name_cannot_be_built(tmp_path: Path) -> None:
    """The installer's tables have one alphabet: a name outside of it ends the build instead of breaking the MSI."""
    (tmp_path / "payload").mkdir()
    (tmp_path / "payload" / "Қазақша.txt").touch()
    done = build(tmp_path)
    assert done.returncode != 0
    assert "Қазақша.txt" in done.stderr


def test_our_own_version_can_be_built() -> None:
    """The agent's version is one that Windows Installer can compare."""
    assert re.fullmatch(r"\d{1,3}\.\d{1,3}\.\d{1,5}", agent.__version__)


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "windows.yml").read_text(encoding="utf-8"))
    return read


def test_the_workflow(workflow: dict[str, Any]) -> None:
    """Program and trial on Windows, the MSI between them; every job ends by itself and may only read the repository."""
    jobs = workflow["jobs"]
    assert [(name, job["runs-on"], job.get("needs")) for name, job in jobs.items()] == [
        ("program", "windows-latest", None),
        ("installer", "ubuntu-latest", "program"),
        ("trial", "windows-latest", "installer"),
    ]
    assert workflow["permissions"] == {"contents": "read"}
    assert all(0 < job["timeout-minutes"] <= 30 for job in jobs.values())
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    kept = [step["with"]["name"] for step in steps if step.get("uses", "").startswith("actions/upload-artifact")]
    fetched = [step["with"]["name"] for step in steps if step.get("uses", "").startswith("actions/download-artifact")]
    assert set(fetched) <= set(kept)
    assert "netready-agent-msi" in kept


def test_the_workflow_names_what_exists(workflow: dict[str, Any]) -> None:
    """Each file of ours that a step runs or reads is in the repository, and signing waits for a certificate."""
    runs = "\n".join(step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step)
    named = set(re.findall(r"packaging/windows/[\w.-]+", runs))
    assert named == {f"packaging/windows/{name}" for name in ("requirements.txt", "sign.ps1", "build-msi", "trial.ps1")}
    assert all((ROOT / name).is_file() for name in named)
    for job in workflow["jobs"].values():
        signing = [step for step in job["steps"] if "sign.ps1" in step.get("run", "")]
        assert all(step["if"] == "${{ env.CERTIFICATE != '' }}" and "CERTIFICATE" in job["env"] for step in signing)


def test_the_trial_looks_for_what_is_installed() -> None:
    """The check on Windows asks for the service, the key, the folder and the rules by the names they really have."""
    trial = (WINDOWS / "trial.ps1").read_text(encoding="utf-8")
    assert f"Get-Service {SERVICE}" in trial
    assert rf"HKLM:\{ENROLL_KEY}" in trial
    assert handed.FILE_NAME in trial
    assert all(name.startswith("netready-peer-") for name in setup.RULES)
    assert "netready-peer-*" in trial


def test_the_programs_of_the_payload() -> None:
    """PyInstaller's description makes the two programs that the installer wants, from scripts that parse."""
    spec = (WINDOWS / "netready.spec").read_text(encoding="utf-8")
    compile(spec, "netready.spec", "exec")
    for name in ("agent", "service"):
        assert f'name="netready-{name}"' in spec
        assert f'"start_{name}.py"' in spec
        compile((WINDOWS / f"start_{name}.py").read_text(encoding="utf-8"), name, "exec")


def test_the_readme_tells_the_properties_and_places(msi: Path) -> None:
    """Whoever installs reads every property, every place, and that nothing of it has run on Windows."""
    readme = (WINDOWS / "README.md").read_text(encoding="utf-8")
    for word in ("COLLECTOR", "TOKEN", "ROOM", "SCHOOL", "PURGE", SERVICE, ENROLL_KEY, *setup.RULES):
        assert word in readme
    for place in (r"%ProgramData%\netready", r"%LocalAppData%\netready", r"%ProgramFiles%\netready"):
        assert place in readme
    assert "never run on Windows" in readme
