"""What the installer has this program do, as SYSTEM: close folder and key, set how the service is restarted, firewall.

Windows Installer's own tables for these are missing in wixl, and what is here is tested like everything else. The
calls have never been run on Windows.
"""

import ctypes
import os
import shutil
import stat
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any

from agent.errors import StateError
from agent.windows import ENROLL_KEY, SERVICE

# SYSTEM and administrators: everything; LocalService: read, write and delete. Nobody else, nothing inherited.
FOLDER_RIGHTS = "O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;LS)"
KEY_RIGHTS = "O:BAD:PAI(A;CI;KA;;;SY)(A;CI;KA;;;BA)(A;CI;KRKW;;;LS)"
_FILE_OBJECT, _REGISTRY_KEY = 1, 4  # SE_OBJECT_TYPE
_OWNER, _DACL, _PROTECTED_DACL = 0x1, 0x4, 0x8000_0000  # SECURITY_INFORMATION
_CONNECT, _CHANGE_AND_START = 0x1, 0x2 | 0x10
_FAILURE_ACTIONS, _DELAYED_START, _FAILURE_FLAG = 2, 3, 4  # ChangeServiceConfig2W
_RESTART = 1
RESTART_AFTER_MS = (60_000, 300_000, 3_600_000)  # the last one again and again
RESET_AFTER_S = 86_400
RULES = {"netready-peer-tcp": ("TCP", "8871,8872"), "netready-peer-udp": ("UDP", "8872")}
_NETSH_S = 60.0


class Action(ctypes.Structure):
    """SC_ACTION."""

    _fields_ = [("type", ctypes.c_uint32), ("delay_ms", ctypes.c_uint32)]


class FailureActions(ctypes.Structure):
    """SERVICE_FAILURE_ACTIONSW."""

    _fields_ = [
        ("reset_s", ctypes.c_uint32),
        ("reboot_message", ctypes.c_wchar_p),
        ("command", ctypes.c_wchar_p),
        ("count", ctypes.c_uint32),
        ("actions", ctypes.POINTER(Action)),
    ]


def prepare(state: Path, advapi: Any, registry: Any) -> None:
    """Make the state folder and the key of what the installer is given, for the service and administrators only.

    Raises:
        StateError: Windows refuses, or somebody put a link in the folder's place.
    """
    try:
        state.mkdir(parents=True, exist_ok=True)
        is_link = state.is_symlink() or bool(getattr(state.lstat(), "st_file_attributes", 0) & _REPARSE_POINT)
    except OSError as error:
        raise StateError(f"cannot make the folder {state}: {error.strerror}; see what stands in its place") from error
    if is_link:
        raise StateError(f"{state} is a link to another folder: anybody may have made it; remove it, install again")
    _close(advapi, str(state), _FILE_OBJECT, FOLDER_RIGHTS)
    registry.CreateKeyEx(registry.HKEY_LOCAL_MACHINE, ENROLL_KEY, 0, 0x0100 | 0x20006).Close()
    _close(advapi, rf"MACHINE\{ENROLL_KEY}", _REGISTRY_KEY, KEY_RIGHTS)


_REPARSE_POINT = stat.FILE_ATTRIBUTE_REPARSE_POINT


def _close(advapi: Any, name: str, kind: int, rights: str) -> None:
    """Give a folder or a key this owner and these rights, and no others."""
    descriptor, owner, rules = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    is_there, is_default = ctypes.c_int32(), ctypes.c_int32()
    if not advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW(
        ctypes.c_wchar_p(rights), ctypes.c_uint32(1), ctypes.byref(descriptor), None
    ):
        raise StateError(f"Windows does not understand the rights that {name} should have")
    advapi.GetSecurityDescriptorOwner(descriptor, ctypes.byref(owner), ctypes.byref(is_default))
    advapi.GetSecurityDescriptorDacl(descriptor, ctypes.byref(is_there), ctypes.byref(rules), ctypes.byref(is_default))
    if not rules.value or not owner.value:  # a null list of rules would open it to everybody
        raise StateError(f"Windows gave no rules for {name}")
    told = ctypes.c_uint32(_OWNER | _DACL | _PROTECTED_DACL)
    code = advapi.SetNamedSecurityInfoW(ctypes.c_wchar_p(name), ctypes.c_int32(kind), told, owner, None, rules, None)
    if code:
        raise StateError(f"cannot close {name} to other people (Windows error {code}); run this as administrator")
    # The descriptor is a few bytes of a process that ends at once: it is not freed.


def set_recovery(advapi: Any) -> None:
    """Have Windows start the service again when it fails, later each time, and late at the computer's start.

    Raises:
        StateError: Windows refuses.
    """
    for function in ("OpenSCManagerW", "OpenServiceW"):
        getattr(advapi, function).restype = ctypes.c_void_p
    manager = advapi.OpenSCManagerW(None, None, ctypes.c_uint32(_CONNECT))
    service = manager and advapi.OpenServiceW(
        ctypes.c_void_p(manager), ctypes.c_wchar_p(SERVICE), ctypes.c_uint32(_CHANGE_AND_START)
    )
    if not service:
        raise StateError(f"the service {SERVICE} cannot be opened; run this as administrator, after it is installed")
    actions = (Action * len(RESTART_AFTER_MS))(*(Action(_RESTART, delay_ms) for delay_ms in RESTART_AFTER_MS))
    failures = FailureActions(reset_s=RESET_AFTER_S, count=len(actions), actions=actions)
    yes = ctypes.c_int32(1)
    try:
        for what, value in ((_FAILURE_ACTIONS, failures), (_FAILURE_FLAG, yes), (_DELAYED_START, yes)):
            if not advapi.ChangeServiceConfig2W(ctypes.c_void_p(service), ctypes.c_uint32(what), ctypes.byref(value)):
                raise StateError(f"Windows refuses how the service {SERVICE} shall be restarted (setting {what})")
    finally:
        advapi.CloseServiceHandle(ctypes.c_void_p(service))
        advapi.CloseServiceHandle(ctypes.c_void_p(manager))


Run = Callable[[list[str]], int]


def run_quietly(command: list[str]) -> int:
    """Run a program and return its exit code."""
    silent = subprocess.DEVNULL
    return subprocess.run(command, stdin=silent, stdout=silent, stderr=silent, check=False, timeout=_NETSH_S).returncode


def open_firewall(program: str, environment: Mapping[str, str], run: Run = run_quietly) -> None:
    """Let other computers of the school test against this one, on networks that Windows calls private.

    Raises:
        StateError: Windows refuses.
    """
    close_firewall(environment, run)
    for name, (protocol, ports) in RULES.items():
        rule = [f"name={name}", "dir=in", "action=allow", f"program={program}", f"protocol={protocol}"]
        code = run([_netsh(environment), *_ADD, *rule, f"localport={ports}", "profile=private"])
        if code:
            raise StateError(f"the firewall did not take the rule {name} (netsh: {code}); is its service running?")


def close_firewall(environment: Mapping[str, str], run: Run = run_quietly) -> None:
    """Remove our rules; netsh says 1 where there is none, which is what is wanted."""
    for name in RULES:
        run([_netsh(environment), "advfirewall", "firewall", "delete", "rule", f"name={name}"])


_ADD = ("advfirewall", "firewall", "add", "rule")


def _netsh(environment: Mapping[str, str]) -> str:
    return str(PureWindowsPath(environment.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "netsh.exe")


def purge(state: Path) -> None:
    """Remove key, reports and settings of this computer; raises StateError where something cannot be removed."""
    try:
        shutil.rmtree(state)
    except FileNotFoundError:
        return
    except OSError as error:
        where = os.fsdecode(error.filename or str(state))
        raise StateError(f"cannot remove {where}: {error.strerror}; stop what uses it and remove it") from error
