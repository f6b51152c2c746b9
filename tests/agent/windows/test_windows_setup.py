"""What the installer has done as SYSTEM, under libraries of our own: nothing here has run on Windows."""

import ctypes

import pytest

from agent.errors import StateError
from agent.windows import setup
from tests.fakes.windows import FakeRegistry, FakeSecurity, Opening


@pytest.mark.parametrize(("structure", "bytes_x64"), [(setup.Action, 8), (setup.FailureActions, 40)])
def test_sizes_are_those_of_winsvc_h(structure, bytes_x64) -> None:
    """The structures are as long as Windows' own on x64."""
    assert ctypes.sizeof(structure) == bytes_x64


def test_only_three_read_the_state(tmp_path) -> None:
    """Folder and key belong to administrators, and SYSTEM, administrators and LocalService alone may read them."""
    windows, registry = FakeSecurity(), FakeRegistry()
    state = tmp_path / "netready"
    setup.prepare(state, windows, registry)
    assert state.is_dir()
    assert registry.made == [r"Software\netready\Enroll"]
    assert windows.closed == {
        str(state): (1, setup.FOLDER_RIGHTS),
        r"MACHINE\Software\netready\Enroll": (4, setup.KEY_RIGHTS),
    }
    for rights in (setup.FOLDER_RIGHTS, setup.KEY_RIGHTS):
        assert rights.startswith("O:BAD:PAI(")  # protected: nothing comes from the folder above
        assert sorted(rule.rstrip(")").split(";")[-1] for rule in rights.split("(")[1:]) == ["BA", "LS", "SY"]


def test_a_link_is_refused(tmp_path) -> None:
    """A link that somebody left in the folder's place is not followed."""
    (tmp_path / "netready").symlink_to(tmp_path)
    windows = FakeSecurity()
    with pytest.raises(StateError, match="is a link"):
        setup.prepare(tmp_path / "netready", windows, FakeRegistry())
    assert windows.closed == {}


def test_windows_refuses(tmp_path) -> None:
    """An installation that cannot close the folder fails, and says why."""
    with pytest.raises(StateError, match="Windows error 5"):
        setup.prepare(tmp_path / "netready", FakeSecurity(5), FakeRegistry())


def test_recovery() -> None:
    """A failed service is started again after a minute, five, and then every hour; every handle is closed."""
    windows = FakeSecurity()
    setup.set_recovery(windows)
    assert windows.set == {2: (86_400, [(1, 60_000), (1, 300_000), (1, 3_600_000)]), 3: 1, 4: 1}
    assert windows.handles == 2


def test_recovery_without_a_service() -> None:
    """Where the service is not there the installation fails, and says so."""
    windows = FakeSecurity()
    windows.OpenServiceW = Opening(None)
    with pytest.raises(StateError, match="cannot be opened"):
        setup.set_recovery(windows)


def test_firewall() -> None:
    """Two rules, for our ports, on private networks only, with netsh of the system's folder and no shell."""
    asked = []
    setup.open_firewall(r"C:\Program Files\netready\netready-service.exe", {"SYSTEMROOT": r"D:\Win"}, record(asked))
    assert {command[0] for command in asked} == {r"D:\Win\System32\netsh.exe"}
    added = [command for command in asked if "add" in command]
    assert [command[-2:] for command in added] == [
        ["localport=8871,8872", "profile=private"],
        ["localport=8872", "profile=private"],
    ]
    assert all(r"program=C:\Program Files\netready\netready-service.exe" in command for command in added)
    removed = []
    setup.close_firewall({}, record(removed))
    assert [command[-1] for command in removed] == [f"name={name}" for name in setup.RULES]


def test_the_firewall_refuses() -> None:
    """A firewall that does not take the rule is told; one that has no old rule to remove is not."""
    with pytest.raises(StateError, match="netready-peer-tcp"):
        setup.open_firewall("x", {}, record([], 1))


def record(asked, code=0):
    def run(command):
        asked.append(command)
        return code

    return run


def test_purge(tmp_path) -> None:
    """Purging leaves nothing, and purging nothing is no failure."""
    state = tmp_path / "netready"
    state.mkdir()
    (state / "key").write_text("x")
    setup.purge(state)
    assert not state.exists()
    setup.purge(state)
