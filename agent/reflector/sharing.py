"""Several processes behind one address: the kernel hands a network's connections and echoes always to the same one.

With SO_REUSEPORT alone the kernel spreads connections by their ports, and a test's connections would lie in several
processes. So a classic BPF program looks at the sender's network (an IPv4 /24, an IPv6 /48, as the records name it) and
picks the process: limits of a network, nonces and the record of a test stay exact, and no process asks another.
Linux 4.5 for UDP and 4.6 for TCP (socket(7), SO_ATTACH_REUSEPORT_CBPF; linux/filter.h).
"""

import ctypes
import socket
import struct
import sys

from agent.contract.errors import SettingsError

MAX_PROCESSES = 64

_SO_ATTACH_REUSEPORT_CBPF = 51  # include/uapi/asm-generic/socket.h
_NETWORK_HEADER = 0xFFF00000  # SKF_NET_OFF
_LOAD_BYTE, _LOAD_HALF, _LOAD_WORD = 0x30, 0x28, 0x20  # BPF_LD | BPF_ABS | BPF_B, BPF_H, BPF_W
_IF_EQUAL, _GO_ON = 0x15, 0x05  # BPF_JMP | BPF_JEQ | BPF_K, BPF_JA
_SHIFT_RIGHT, _MULTIPLY, _MODULO, _ADD_X = 0x74, 0x24, 0x94, 0x0C  # BPF_ALU | ...
_TO_X, _RETURN_A = 0x07, 0x16  # BPF_MISC | BPF_TAX, BPF_RET | BPF_A
_SPREAD = 0x9E3779B1  # Knuth's multiplicative hash: 2^32 / golden ratio, to a prime near it
_IPV4_SOURCE, _IPV6_SOURCE = 12, 8  # RFC 791, 3.1; RFC 8200, 3

Instruction = tuple[int, int, int, int]


def program(processes: int) -> tuple[Instruction, ...]:
    """Return the instructions (code, jump if true, jump if false, operand) that pick one of so many processes."""
    return (
        (_LOAD_BYTE, 0, 0, _NETWORK_HEADER),
        (_SHIFT_RIGHT, 0, 0, 4),
        (_IF_EQUAL, 3, 0, 6),
        (_LOAD_WORD, 0, 0, _NETWORK_HEADER + _IPV4_SOURCE),
        (_SHIFT_RIGHT, 0, 0, 8),
        (_GO_ON, 0, 0, 5),
        (_LOAD_WORD, 0, 0, _NETWORK_HEADER + _IPV6_SOURCE),
        (_MULTIPLY, 0, 0, _SPREAD),
        (_TO_X, 0, 0, 0),
        (_LOAD_HALF, 0, 0, _NETWORK_HEADER + _IPV6_SOURCE + 4),
        (_ADD_X, 0, 0, 0),
        (_MULTIPLY, 0, 0, _SPREAD),
        (_SHIFT_RIGHT, 0, 0, 16),
        (_MODULO, 0, 0, processes),
        (_RETURN_A, 0, 0, 0),
    )


def check(processes: int) -> None:
    """Raise SettingsError where so many processes cannot share a port here."""
    if processes > 1 and sys.platform != "linux":
        raise SettingsError("--processes is for Linux: other systems cannot hand a network to one of several processes")


def prepare(sock: socket.socket) -> None:
    """Let a socket share its address with others of this user; before it is bound."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)


def spread(sock: socket.socket, processes: int) -> None:
    """Have the kernel pick by the sender's network among the sockets that share this one's address.

    They are numbered as they were bound (UDP) or began to listen (TCP); one of them is enough to tell it.

    Raises:
        SettingsError: this kernel cannot.
    """
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program(processes))
    held = ctypes.create_string_buffer(code, len(code))
    told = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_REUSEPORT_CBPF, told)
    except OSError as error:
        raise SettingsError(
            f"this kernel does not let {processes} processes share a port ({error.strerror}); leave --processes out"
        ) from error
