"""Starts one command and outlives everything it started. Run as a script by `processes.py`, never imported.

The launcher is a subreaper: whatever the command starts, a daemon in a session of its own included, stays below it
in the process tree. Only a parent may reap, so killing direct children is free of races: as each level dies, its
children become ours, until there are none.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
SWEEP_SECONDS = 3.0
WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}


def prctl(option: int, value: int) -> None:
    """Does nothing where there is no prctl: `sweep` then reaches the command's process group only."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def children() -> list[int]:
    """Process ids whose parent we are, zombies included."""
    found = []
    me = os.getpid()
    for name in os.listdir("/proc") if sys.platform == "linux" else ():  # noqa: PTH208 - /proc, and no pathlib here
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == me:
            found.append(int(name))
    return found


def reap(main: int) -> int | None:
    """Collects the dead; the wait status of `main` when it was among them."""
    status = None
    while True:
        try:
            pid, word = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if pid == 0:
            return status
        if pid == main:
            status = word


def sweep(main: int) -> bool:
    """Kills everything below us; False when something is still there after `SWEEP_SECONDS`."""
    deadline = time.monotonic() + SWEEP_SECONDS
    while time.monotonic() < deadline:
        if sys.platform != "linux":
            with contextlib.suppress(OSError):
                os.killpg(main, signal.SIGKILL)
        for pid in children():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        reap(main)
        try:
            # Blocks no longer than a moment: a child in an uninterruptible wait must not hold us.
            if os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                signal.sigtimedwait({signal.SIGCHLD}, 0.05)
        except ChildProcessError:
            return True
    return False


def start(argv: list[str], launcher: int) -> int:
    """The child's process id. In the child: its own session, and death when the launcher dies."""
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != launcher:
            os._exit(125)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execvp(argv[0], argv)  # noqa: S606 - running commands is what this file is for
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def main() -> None:
    """`launcher.py STATUS_FD PARENT_PID COMMAND...`; tells `exit N`, `signal N` or `ended`, and `left`: survivors."""
    report, parent, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(report, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)
    child = start(argv, os.getpid())
    status = None
    while status is None:
        number = signal.sigwait(WATCHED)
        if number != signal.SIGCHLD:
            break
        status = reap(child)
    clean = sweep(child)
    if status is None:
        text = "ended"
    elif os.WIFSIGNALED(status):
        text = f"signal {os.WTERMSIG(status)}"
    else:
        text = f"exit {os.WEXITSTATUS(status)}"
    with contextlib.suppress(OSError):
        os.write(report, (text if clean else f"{text} left").encode())
    os._exit(0)


if __name__ == "__main__":
    main()
