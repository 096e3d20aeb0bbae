"""What a command finds around it inside the wall: one pure function from a boundary to the words of `bwrap`.

The root is built from nothing. bwrap mounts in the order of its words, so what comes later covers what came before:
toolchains, then what may be written, then the holes in it that may not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from factory_tui.engine.ports import Boundary, Limits

HOME = "/home/seat"
UID = "1000"
MEBIBYTE = 1 << 20
HOME_BYTES = 256 * MEBIBYTE
SHARED_MEMORY_BYTES = 64 * MEBIBYTE
"""Of `/dev/shm`, where semaphores live."""

PASSWD = f"seat:x:{UID}:{UID}::{HOME}:/bin/sh\n"
GROUP = f"seat:x:{UID}:\n"
HOSTS = "127.0.0.1 localhost\n::1 localhost\n"
SWITCH = "passwd: files\ngroup: files\nhosts: files dns\n"
FILES = {"/etc/passwd": PASSWD, "/etc/group": GROUP, "/etc/hosts": HOSTS, "/etc/nsswitch.conf": SWITCH}
"""Made for the sandbox: no name of the machine's accounts is in them."""

START = 'printf . >&0 && read -r go && exec "$@" </dev/null; exit 125'
"""Run inside, on a socket as standard input: says that the wall stands and waits for the answer. When the factory died
meanwhile there is none, and the command never begins."""

INHERITED = ("LANG", "LC_ALL", "TERM", "TZ")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_LOADER = re.compile(r"(LD_|GLIBC_|MALLOC_)|GCONV_PATH$|LOCPATH$|NLSPATH$|GETCONF_DIR$|HOSTALIASES$|LOCALDOMAIN$")
"""Variables that the dynamic loader and the C library obey: bwrap itself must never be started with them."""


@dataclass(frozen=True, kw_only=True)
class Host:
    """What of this machine a root is built from; looked up once, by us and never by a seat."""

    bwrap: str
    """Absolute."""
    links: tuple[tuple[str, str], ...] = (("/bin", "usr/bin"), ("/sbin", "usr/sbin"), ("/lib", "usr/lib"))
    """Top-level links and what they hold."""
    system: tuple[str, ...] = ("/usr",)
    """Read-only, at the same place."""
    resolver: tuple[str, ...] = ()
    """Files that only a command with a network is given."""
    toolchains: tuple[str, ...] = ()
    """Read-only directories outside of `/usr` that every command may read: where our own Python lives."""


@dataclass(frozen=True, kw_only=True)
class Descriptors:
    """Numbers of open files that bwrap is given."""

    info: int
    """It writes there who the sandbox's first process is."""
    files: tuple[tuple[str, int], ...] = ()
    """A path inside, and where its bytes come from."""
    seccomp: int | None = None


def profile(
    command: Sequence[str],
    boundary: Boundary,
    limits: Limits,
    host: Host,
    descriptors: Descriptors,
    *,
    masked: Sequence[str] = (),
    opening: str = START,
) -> list[str]:
    """The whole argument list. Pure: that what it names exists and is no link was found out before.

    `masked` are files in readable places that hold credentials: inside they are empty. `opening` is the shell's line
    that begins the command.
    """
    words = [
        host.bwrap,
        "--unshare-user",
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
        *(() if boundary.network else ("--unshare-net",)),
        *("--uid", UID, "--gid", UID),
        *("--cap-drop", "ALL"),
        "--disable-userns",
        "--die-with-parent",
        "--new-session",
        *("--hostname", "sandbox"),
        *("--info-fd", str(descriptors.info)),
    ]
    for path in (*host.system, *(host.resolver if boundary.network else ())):
        words += ["--ro-bind", path, path]
    for link, target in host.links:
        words += ["--symlink", target, link]
    for path, number in descriptors.files:
        words += ["--file", str(number), path]
    # Read-only as a whole: run as root, a seat owns the files below /proc/sys, whatever its capabilities.
    words += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev"]
    words += ["--size", str(SHARED_MEMORY_BYTES), "--tmpfs", "/dev/shm", "--remount-ro", "/dev"]  # noqa: S108
    words += ["--size", str(limits.scratch_bytes), "--tmpfs", "/tmp", "--size", str(HOME_BYTES), "--tmpfs", HOME]  # noqa: S108
    for path in (*host.toolchains, *boundary.readable):
        words += ["--ro-bind", path, path]
    for path in masked:
        words += ["--ro-bind", "/dev/null", path]
    if not any(_is_at_or_below(boundary.cwd, path) for path in boundary.writable):
        words += ["--ro-bind", boundary.cwd, boundary.cwd]
    for path in sorted(boundary.writable):
        words += ["--bind", path, path]
    for path in sorted(boundary.protected):
        words += ["--ro-bind", path, path]
    if descriptors.seccomp is not None:
        words += ["--seccomp", str(descriptors.seccomp)]
    for name, value in sorted(boundary.environment.items()):
        if is_for_loader(name):
            words += ["--setenv", name, value]
    words += ["--remount-ro", "/", "--chdir", boundary.cwd, "--"]
    return [*words, *limiter(limits), "/bin/sh", "-c", opening, "sh", *command]


def limiter(limits: Limits) -> list[str]:
    """Set inside: counted from outside, the number of processes is that of the whole user."""
    return [
        "/usr/bin/prlimit",
        # The kernel counts bwrap's own three too.
        f"--nproc={limits.processes + 3}",
        # Not the address space: runtimes reserve far more of it than they use.
        f"--data={limits.reserved_bytes or limits.memory_bytes}",
        f"--fsize={limits.file_bytes}",
        "--core=0",
        "--nofile=4096",
        "--",
    ]


def environment(boundary: Boundary, host: Host, ours: Mapping[str, str]) -> dict[str, str]:
    """What bwrap and the command are started with: an allowlist of ours, then what the boundary names."""
    kept = {name: ours[name] for name in INHERITED if name in ours}
    own = {
        "PATH": search_path(ours.get("PATH", ""), (*host.toolchains, *boundary.readable)),
        "HOME": HOME,
        "USER": "seat",
        "LOGNAME": "seat",
        "SHELL": "/bin/sh",
        "TMPDIR": "/tmp",  # noqa: S108 - its own
        "XDG_CACHE_HOME": f"{HOME}/.cache",
        "XDG_CONFIG_HOME": f"{HOME}/.config",
    }
    quiet = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "NO_COLOR": "1"}
    given = {name: value for name, value in boundary.environment.items() if not is_for_loader(name)}
    return {**kept, **own, **quiet, **given}


def is_for_loader(name: str) -> bool:
    """Whether the dynamic loader or the C library obeys a variable of that name."""
    return _LOADER.match(name) is not None


def search_path(ours: str, roots: Sequence[str]) -> str:
    """Our own PATH as far as it can be seen inside, the usual places, and the `bin` of each toolchain last."""
    seen = [
        part
        for part in ours.split(":")
        if part.startswith("/") and any(_is_at_or_below(part, root) for root in ("/usr", "/bin", "/sbin", *roots))
    ]
    return ":".join(dict.fromkeys([*seen, *PATH.split(":"), *(f"{root}/bin" for root in roots)]))


def covers(path: str, secret: str) -> bool:
    """Whether showing `path` shows `secret`."""
    return _is_at_or_below(secret, path)


def _is_at_or_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root.rstrip('/')}/")
