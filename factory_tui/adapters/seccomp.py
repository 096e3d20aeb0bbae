"""System calls that no seat's command makes, as a classic BPF program for x86-64.

Refused are calls that reach past one's own process or namespace (tracing, mounting, kernel modules, keyrings, other
name spaces), memory that no limit of ours counts, and sockets with a path, which ignore the network namespace. A
refused call fails with an error that programs know how to live with; only another call table ends the process.
"""

from __future__ import annotations

import struct

REFUSED = {
    "ptrace": 101,
    "personality": 135,
    "pivot_root": 155,
    "mount": 165,
    "umount2": 166,
    "init_module": 175,
    "kexec_load": 246,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "unshare": 272,
    "perf_event_open": 298,
    "open_by_handle_at": 304,
    "setns": 308,
    "process_vm_readv": 310,
    "process_vm_writev": 311,
    "finit_module": 313,
    "kexec_file_load": 320,
    "bpf": 321,
    "userfaultfd": 323,
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
}
"""Name and number; they fail with EPERM."""
ABSENT = {"memfd_create": 319, "clone3": 435, "memfd_secret": 447}
"""Name and number; they fail with ENOSYS, and callers fall back. Files in memory are counted nowhere; the flags of
`clone3` lie behind a pointer, where no filter can look."""

_SOCKET, _IOCTL, _CLONE = 41, 16, 56
WITH_A_PATH = 1
"""`AF_UNIX`."""
INTO_TERMINALS = (0x5412, 0x541C)
"""`TIOCSTI`, `TIOCLINUX`: put text into the terminal's input."""
NEW_USER = 0x10000000
"""`CLONE_NEWUSER`."""
_X86_64 = 0xC000003E
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _EPERM, _ENOSYS, _KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
"""Offsets in `struct seccomp_data`; of an argument its low half, which is all that the kernel looks at here."""

_Instruction = tuple[int, int, int, int]


def program(machine: str) -> bytes | None:
    """The filter for `platform.machine()`; None where we have no table."""
    if machine not in ("x86_64", "amd64"):
        return None
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in _instructions())


def _instructions() -> list[_Instruction]:
    out: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _X86_64),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        # The x32 table has the same calls under other numbers.
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _EPERM),
    ]
    for number in sorted(REFUSED.values()):
        out += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _EPERM)]
    for number in sorted(ABSENT.values()):
        out += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ENOSYS)]
    out += [
        (_EQUAL, 0, 5, _IOCTL),
        (_LOAD, 0, 0, _SECOND),
        (_EQUAL, 1, 0, INTO_TERMINALS[0]),
        (_EQUAL, 0, 1, INTO_TERMINALS[1]),
        (_RETURN, 0, 0, _EPERM),
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, 0, 3, _SOCKET),
        (_LOAD, 0, 0, _FIRST),
        (_EQUAL, 0, 1, WITH_A_PATH),
        (_RETURN, 0, 0, _EPERM),
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, 0, 3, _CLONE),
        (_LOAD, 0, 0, _FIRST),
        (_ANY_BIT, 0, 1, NEW_USER),
        (_RETURN, 0, 0, _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    return out
