"""Running git: the only module that does.

GitPython's command layer starts the processes and nothing else of it is used. Every call names its git directory,
inherits nothing from our environment (`env -i`), and has everything off that a repository could make git execute.

Two places are ever named. *Objects* work in a git directory of our own that borrows the repository's object store: the
repository's config, info/attributes, info/exclude, grafts, shallow hooks and drivers are simply not there. Only calls
about refs, the index and checkouts name the repository's own git directory, with what executes switched off.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from factory_tui.domain.errors import WorldError

OLDEST = (2, 38)
"""`merge-tree --write-tree` came with it."""

_GIT = shutil.which("git") or ""
_ENV = shutil.which("env", path="/usr/bin:/bin") or "/usr/bin/env"


@contextmanager
def _git_variables_hidden() -> Iterator[None]:
    """GitPython runs git once while it is imported; whatever GIT_* we inherited must not steer that run."""
    inherited = {name: value for name, value in os.environ.items() if name.startswith("GIT_")}
    for name in inherited:
        del os.environ[name]
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    if _GIT:
        os.environ["GIT_PYTHON_GIT_EXECUTABLE"] = _GIT
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            del os.environ[name]
        os.environ.update(inherited)


with _git_variables_hidden():
    from git.cmd import Git

_SETTINGS: Mapping[str, str] = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.untrackedCache": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.quotePath": "false",
    "core.pager": "cat",
    "core.editor": "false",
    "core.sshCommand": "false",
    "core.askPass": "false",
    "core.alternateRefsCommand": "false",
    "core.filesRefLockTimeout": "5000",
    "core.fsync": "committed",
    "core.fsyncMethod": "batch",
    "core.logAllRefUpdates": "true",
    "safe.bareRepository": "explicit",
    "submodule.recurse": "false",
    "diff.ignoreSubmodules": "none",
    "diff.external": "",
    "gpg.program": "false",
    "gpg.ssh.program": "false",
    "gpg.x509.program": "false",
    "commit.gpgSign": "false",
    "credential.helper": "",
    "protocol.allow": "never",
    "gc.auto": "0",
    "gc.autoDetach": "false",
    "maintenance.auto": "false",
    "advice.detachedHead": "false",
    "i18n.commitEncoding": "UTF-8",
}

_BARE_ENVIRONMENT: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LC_ALL": "C",
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "false",
    "GIT_SSH_COMMAND": "false",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_SEQUENCE_EDITOR": "false",
    "GIT_AUTHOR_NAME": "Factory",
    "GIT_AUTHOR_EMAIL": "factory@factory.invalid",
    "GIT_COMMITTER_NAME": "Factory",
    "GIT_COMMITTER_EMAIL": "factory@factory.invalid",
}


_HIDES_THE_USER = frozenset(
    {
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_ATTR_NOSYSTEM",
        "core.attributesFile",
        "core.hooksPath",
    }
)


def _environment(extra: Mapping[str, str], hidden: frozenset[str] = frozenset()) -> dict[str, str]:
    settings = [(key, value) for key, value in _SETTINGS.items() if key not in hidden]
    environment = {key: value for key, value in _BARE_ENVIRONMENT.items() if key not in hidden}
    environment["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings):
        environment[f"GIT_CONFIG_KEY_{number}"], environment[f"GIT_CONFIG_VALUE_{number}"] = key, value
    return {**environment, **extra}


@dataclass(frozen=True)
class Answer:
    """How one git command ended."""

    code: int
    out: bytes
    error: str


class GitAt:
    """Git with one git directory. Every method blocks: the callers run off the event loop."""

    def __init__(self, git_dir: str, work_tree: str, index: str, objects: str = "") -> None:
        """`work_tree` and `index` are always named, so that git discovers nothing. All paths absolute."""
        for path in (git_dir, work_tree, index):
            if not path.startswith("/"):
                raise ValueError(f"git needs absolute paths, got {path!r}")
        self.git_dir, self.work_tree, self.index, self.objects = git_dir, work_tree, index, objects

    def with_index(self, index: str) -> GitAt:
        return GitAt(self.git_dir, self.work_tree, index, self.objects)

    def start(
        self,
        *arguments: str,
        stdin: IO[bytes] | int = subprocess.PIPE,
        extra: Mapping[str, str] = {},
        hidden: frozenset[str] = frozenset(),
    ) -> Any:
        """A running process with pipes. Raises WorldError when git is missing."""
        if not _GIT:
            raise WorldError(what="git is not installed", why="no `git` on PATH", next_step="install git 2.38 or newer")
        place = {"GIT_DIR": self.git_dir, "GIT_WORK_TREE": self.work_tree, "GIT_INDEX_FILE": self.index}
        if self.objects:
            place["GIT_OBJECT_DIRECTORY"] = self.objects
        environment = _environment({**place, **extra}, hidden)
        command = [_ENV, "-i", *(f"{key}={value}" for key, value in environment.items()), _GIT, *arguments]
        return Git(self.work_tree).execute(command, istream=stdin, as_process=True)  # type: ignore[arg-type]

    def ask(
        self,
        *arguments: str,
        stdin: bytes | IO[bytes] = b"",
        extra: Mapping[str, str] = {},
        seconds: float = 600.0,
    ) -> Answer:
        """Run to the end, whatever the exit code. Raises WorldError after `seconds`."""
        is_bytes = isinstance(stdin, bytes)
        process = self.start(*arguments, stdin=subprocess.PIPE if is_bytes else stdin, extra=extra)  # type: ignore[arg-type]
        try:
            out, error = process.communicate(stdin if is_bytes else None, timeout=seconds)
        except subprocess.TimeoutExpired:
            process.proc.kill()
            process.communicate()
            raise WorldError(
                what=f"git {arguments[0]} did not end within {seconds:g} s",
                why="a huge repository, a stuck disk, or a pattern that explodes",
                next_step="look at the repository, then try again",
            ) from None
        return Answer(process.returncode, out, error.decode("utf-8", "replace").strip())

    def run(self, *arguments: str, stdin: bytes | IO[bytes] = b"", extra: Mapping[str, str] = {}) -> bytes:
        """Standard output as it came. Raises WorldError with git's own words on any other exit code than 0."""
        answer = self.ask(*arguments, stdin=stdin, extra=extra)
        if answer.code != 0:
            raise failed(arguments, answer)
        return answer.out

    def read_as_user(self, *arguments: str, stdin: bytes = b"") -> bytes:
        """What git would say to the user, whose own config and attributes files count. For reading settings only."""
        if arguments[0] not in ("check-attr", "config"):
            raise ValueError(f"git {arguments[0]} may execute what a config names")
        home = {name: os.environ[name] for name in ("HOME", "XDG_CONFIG_HOME") if name in os.environ}
        process = self.start(*arguments, extra=home, hidden=_HIDES_THE_USER)
        out, _ = process.communicate(stdin)
        return bytes(out)

    def line(self, *arguments: str) -> str:
        return self.run(*arguments).decode("utf-8", "surrogateescape").strip()


def failed(arguments: Sequence[str], answer: Answer) -> WorldError:
    why = answer.error or f"exit code {answer.code}"
    step = "another git command may be running: wait for it, then try again" if ".lock" in why else ""
    return WorldError(what=f"git {arguments[0]} refused", why=why, next_step=step or "read git's words above")


_UNSAFE_TO_SHOW = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")


def shown(path: str) -> str:
    """A path as it may stand on a screen or in the ledger: nothing invisible, nothing undecodable."""
    return _UNSAFE_TO_SHOW.sub(lambda match: f"\\u{ord(match[0]):04x}", path)


@dataclass(frozen=True)
class Repository:
    """Where one repository keeps its things, found by reading two small files, never by git's discovery."""

    checkout: str
    git_dir: str
    common_dir: str

    @property
    def objects(self) -> str:
        return str(Path(self.common_dir, "objects"))

    def at(self, checkout: str = "", git_dir: str = "") -> GitAt:
        """The repository's own git directory, for refs, index and checkouts only."""
        place = git_dir or self.git_dir
        return GitAt(place, checkout or self.checkout, str(Path(place, "index")))


def find_repository(directory: str) -> Repository:
    """Raises WorldError when `directory` is not the top of a checkout."""
    top = Path(directory).resolve()
    pointer = top / ".git"
    if pointer.is_file():
        text = pointer.read_text(encoding="utf-8", errors="surrogateescape").strip()
        git_dir = (top / text.removeprefix("gitdir:").strip()).resolve()
    else:
        git_dir = pointer.resolve()
    common_file = git_dir / "commondir"
    common = (git_dir / common_file.read_text().strip()).resolve() if common_file.is_file() else git_dir
    if not (git_dir / "HEAD").exists() or not (common / "objects").is_dir():
        raise WorldError(
            what=f"{top} is not the top of a git checkout",
            why="there is no .git with a HEAD and objects in it",
            next_step="run this at the top of the repository, or `git init` first",
        )
    return Repository(str(top), str(git_dir), str(common))


def open_private(repository: Repository, place: str) -> GitAt:
    """Git over the repository's objects, with a git directory of our own and no config but ours.

    Raises WorldError when git is older than 2.38.
    """
    home = Path(place)
    git_dir, empty = home / "git", home / "empty"
    for directory in (home, empty, git_dir / "refs", git_dir / "objects"):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    probe = repository.at()
    words = re.search(r"(\d+)\.(\d+)", probe.line("version"))
    if words is None or (int(words[1]), int(words[2])) < OLDEST:
        raise WorldError(
            what=f"git is too old: {probe.line('version')}",
            why="merging without a checkout needs git 2.38",
            next_step="install git 2.38 or newer",
        )
    kind = probe.line("rev-parse", "--show-object-format")
    config = "[core]\n\trepositoryformatversion = 1\n\tbare = false\n[extensions]\n\tobjectFormat = " + kind + "\n"
    (git_dir / "config").write_text(config if kind != "sha1" else "[core]\n\tbare = false\n")
    (git_dir / "HEAD").write_text("ref: refs/heads/none\n")
    return GitAt(str(git_dir), str(empty), str(git_dir / "no-index"), repository.objects)


class RefLock:
    """One ref, locked and verified to hold `old`, until `commit`. If this process dies, git lets go by itself."""

    def __init__(self, git: GitAt, ref: str, old: str, new: str, reason: str) -> None:
        """Raises WorldError when the ref holds something else or somebody else has it locked."""
        self._process = git.start("update-ref", "--create-reflog", "-m", reason, "--stdin", "-z")
        verb = f"update {ref}\0{new}\0{old or '0' * len(new)}\0"
        self._what = f"{ref} cannot move to {new[:12]}"
        self._say("start\0", "start: ok")
        self._say(f"{verb}prepare\0", "prepare: ok")

    def _say(self, words: str, wanted: str) -> None:
        heard = ""
        try:
            self._process.stdin.write(words.encode())
            self._process.stdin.flush()
            heard = self._process.stdout.readline().decode().strip()
        except BrokenPipeError:
            pass
        if heard != wanted:
            _, error = self._process.communicate()
            raise WorldError(
                what=self._what,
                why=error.decode("utf-8", "replace").strip() or "git ended without a word",
                next_step="look at the branch, then plan the landing again",
            )

    def commit(self) -> None:
        self._say("commit\0", "commit: ok")
        self._process.communicate()

    def abandon(self) -> None:
        """Ends the transaction without moving anything."""
        self._process.communicate()


def move_ref(git: GitAt, ref: str, old: str, new: str, reason: str) -> None:
    """Compare-and-swap of one ref; `old` empty = it must not exist yet. Raises WorldError when it holds another."""
    RefLock(git, ref, old, new, reason).commit()
