# ruff: noqa: N802, ARG002 - names and parameters are those of Windows
"""Windows' libraries as far as the service asks them: they keep what they were told, in the structures of winsvc.h."""

import ctypes
import threading
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from agent.windows import dispatcher, setup


class FakeService:
    """advapi32.dll's service control manager: starts the service, and gives it the controls that a test gives."""

    def __init__(self, *, by_hand: bool = False) -> None:
        self.by_hand, self.states, self.codes = by_hand, [], []
        self.handler: Any = None
        self.running = threading.Event()
        self.RegisterServiceCtrlHandlerExW = Registering(self)

    def StartServiceCtrlDispatcherW(self, table: Any) -> int:
        if self.by_hand:
            return 0
        assert (table[0].name, table[1].name) == ("NetreadyAgent", None)
        table[0].main(1, None)
        return 1

    def SetServiceStatus(self, handle: Any, status: Any) -> int:
        assert handle.value == 77
        told = ctypes.cast(status, ctypes.POINTER(dispatcher.Status)).contents
        self.states.append(told.state)
        self.codes.append((told.exit_code, told.specific_code))
        if told.state == dispatcher.RUNNING:
            self.running.set()
        return 1

    def tell(self, control: int, event: int = 0) -> int:
        assert self.running.wait(5)
        return int(self.handler(control, event, None, None))


class Registering:
    """RegisterServiceCtrlHandlerExW, whose result's type is set by whoever calls."""

    def __init__(self, service: FakeService) -> None:
        self.service, self.restype = service, None

    def __call__(self, name: Any, handler: Any, context: Any) -> int:
        assert (name.value, context) == ("NetreadyAgent", None)
        assert self.restype is ctypes.c_void_p  # else half of a handle is lost
        self.service.handler = handler
        return 77


class FakeRegistry:
    """winreg with one key; ``values`` are (value, kind) by name, None where there is no such key."""

    HKEY_LOCAL_MACHINE = 0x8000_0002

    def __init__(self, values: dict[str, tuple[Any, int]] | None = None) -> None:
        self.values = values
        self.made: list[str] = []

    def OpenKeyEx(self, root: int, name: str, _reserved: int, access: int) -> Any:
        assert (root, name) == (self.HKEY_LOCAL_MACHINE, r"Software\netready\Enroll")
        assert access & 0x0100  # the 64 bit view, where a 64 bit installer writes
        if self.values is None:
            raise FileNotFoundError(2, "no such key")
        return opened()

    def CreateKeyEx(self, _root: int, name: str, _reserved: int, _access: int) -> Any:
        self.made.append(name)
        return SimpleNamespace(Close=lambda: None)

    def QueryValueEx(self, _key: Any, name: str) -> tuple[Any, int]:
        if name not in self.values:
            raise FileNotFoundError(2, "no such value")
        return self.values[name]

    def DeleteValue(self, _key: Any, name: str) -> None:
        del self.values[name]


@contextmanager
def opened():
    yield object()


class FakeSecurity:
    """advapi32.dll's rights and service settings; ``code`` is what SetNamedSecurityInfoW answers."""

    def __init__(self, code: int = 0) -> None:
        self.code, self.closed, self.set, self.handles = code, {}, {}, 0
        self.rights = ""
        self.OpenSCManagerW = Opening(0x1_0000_0001)
        self.OpenServiceW = Opening(0x1_0000_0002)

    def ConvertStringSecurityDescriptorToSecurityDescriptorW(self, rights, revision, found, size):
        assert (revision.value, size) == (1, None)
        self.rights = rights.value
        found._obj.value = 11
        return 1

    def GetSecurityDescriptorOwner(self, descriptor, owner, is_default):
        owner._obj.value = 12
        return 1

    def GetSecurityDescriptorDacl(self, descriptor, is_there, rules, is_default):
        is_there._obj.value, rules._obj.value = 1, 13
        return 1

    def SetNamedSecurityInfoW(self, name, kind, told, owner, group, rules, audit):
        assert (owner.value, group, rules.value, audit) == (12, None, 13, None)
        assert told.value == 0x8000_0005  # owner, rules, and nothing inherited
        self.closed[name.value] = (kind.value, self.rights)
        return self.code

    def ChangeServiceConfig2W(self, service, what, value):
        assert service.value == 0x1_0000_0002
        if what.value == 2:
            told = ctypes.cast(value, ctypes.POINTER(setup.FailureActions)).contents
            self.set[2] = (told.reset_s, [(told.actions[n].type, told.actions[n].delay_ms) for n in range(told.count)])
        else:
            self.set[what.value] = ctypes.cast(value, ctypes.POINTER(ctypes.c_int32)).contents.value
        return 1

    def CloseServiceHandle(self, handle):
        self.handles += 1
        return 1


class Opening:
    """A function that returns a handle of more than 32 bits."""

    def __init__(self, handle: int | None) -> None:
        self.handle, self.restype = handle, None

    def __call__(self, *_arguments: Any) -> int | None:
        assert self.restype is ctypes.c_void_p
        return self.handle


class FakeProtection:
    """crypt32.dll and kernel32.dll: seals by turning bytes around behind the machine's name, and lends its answers."""

    def __init__(self, machine: bytes = b"this") -> None:
        self.machine, self.lent = machine, {}

    def CryptProtectData(self, source, words, entropy, reserved, prompt, flags, answer):
        assert (words, entropy, reserved, prompt, flags.value) == (None, None, None, None, 5)
        return self._lend(self.machine + given(source)[::-1], answer)

    def CryptUnprotectData(self, source, words, entropy, reserved, prompt, flags, answer):
        sealed = given(source)
        if not sealed.startswith(self.machine):
            return 0
        return self._lend(sealed.removeprefix(self.machine)[::-1], answer)

    def LocalFree(self, data):
        del self.lent[ctypes.addressof(data.contents)]

    def _lend(self, told: bytes, answer: Any) -> int:
        room = (ctypes.c_ubyte * len(told)).from_buffer_copy(told)
        self.lent[ctypes.addressof(room)] = room
        answer._obj.size = len(told)
        answer._obj.data = ctypes.cast(room, type(answer._obj.data))
        return 1


def given(source: Any) -> bytes:
    """Read what a DATA_BLOB points to."""
    return ctypes.string_at(source._obj.data, source._obj.size)
