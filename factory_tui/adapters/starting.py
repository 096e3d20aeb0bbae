"""Starting: a home's first files, written where nothing is, and one commit of exactly these files.

The repository is the user's own: no file of theirs is overwritten, nothing they staged or changed is touched, and the
commit bears their name. It moves the branch the way a landing does, or not at all.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from factory_tui.adapters.documents import library_files, read_home
from factory_tui.adapters.git import find_repository, open_private
from factory_tui.adapters.home_commits import commit_of, identity, tree_with
from factory_tui.adapters.home_files import SETTINGS
from factory_tui.adapters.landing import Landings
from factory_tui.adapters.state_place import StatePlace, new_repo_id
from factory_tui.domain.charter import DNA
from factory_tui.domain.errors import UsageError, WorldError
from factory_tui.domain.gate import Dependencies, Smoke
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.terms import CommitId

IGNORES_DIGESTS = "memory/digests/.gitignore"
SIGNERS = "trust/allowed_signers"


@dataclass(frozen=True, kw_only=True)
class Written:
    """What became of a draft."""

    new: tuple[str, ...]
    """Paths relative to the home, written now."""
    there: tuple[str, ...]
    """Paths that were there before; they were left as they are."""


def draft(
    *,
    repo_id: str,
    smoke: Smoke,
    dependencies: Dependencies,
    dna: str,
    signers: str,
    ignore_digests: bool,
    seconds: float,
    tried: Sequence[str] = (),
) -> dict[str, str]:
    """The first files of a home by their path in it. `seconds` is what the smoke command took; `tried` what failed."""
    files = {SETTINGS: settings(repo_id, smoke, dependencies, seconds, tried), DNA: dna}
    if ignore_digests:
        files[IGNORES_DIGESTS] = "# Digests stay on this machine; the ledger has them too.\n*\n!.gitignore\n"
    if signers:
        files[SIGNERS] = signers
    return files


def settings(repo_id: str, smoke: Smoke, dependencies: Dependencies, seconds: float, tried: Sequence[str] = ()) -> str:
    """A `factory.toml` that says what each setting is for."""
    lines = [
        "# The gate of this repository's factory. `factory check` says whether this file is right.",
        "# A change here is a proposal until you adopt it: `factory adopt`, or commit it before a session starts.",
        "",
        "# Names the place outside the tree where the ledger is kept. A clone gets its own: `factory init --new-id`.",
        f'repo_id = "{repo_id}"',
        "",
        "# Rules beside the core: `extended`, or single ids of it.",
        "packs = []",
        "# Paths that no seat may change, beside those protected everywhere (CI, agents' files, this home).",
        "protected = []",
        "",
        "[smoke]",
        "# Level 2: runs in a clean copy of the tree that would be committed. Empty = nothing can be committed.",
    ]
    if smoke.command:
        lines.append(f"# Seen to work on the base, twice, in {seconds:.1f} s.")
    else:
        lines += ["# None was found that works here:", *(f"#   {line}" for line in tried)]
    lines += [f"command = {_text(smoke.command)}", f"runner = {_text(smoke.runner)}"]
    lines.append(f"seconds = {max(60.0, min(smoke.seconds, 900.0)):.1f}")
    if smoke.environment:
        lines.append(
            "environment = { " + ", ".join(f"{_text(k)} = {_text(v)}" for k, v in smoke.environment.items()) + " }"
        )
    lines += ["# Red or flaky on the base before anybody here touched it; mend them one by one, then take them out."]
    lines += [f"known_red = {_texts(smoke.known_red)}", f"known_flaky = {_texts(smoke.known_flaky)}"]
    lines += [
        "",
        "[dependencies]",
        "# What tests need: a command that fills `prepared` once per lock file, and directories that runs may read.",
        f"prepare = {_text(dependencies.prepare)}",
        "# `true`: prepare, and nothing else, may use the network. This is your approval, on record with this file.",
        f"network = {'true' if dependencies.network else 'false'}",
        f"lock_files = {_texts(dependencies.lock_files)}",
        f"prepared = {_texts(dependencies.prepared)}",
        f"toolchains = {_texts(dependencies.toolchains)}",
        "",
        "[pace]",
        "# step: one handoff for each answer of yours. flow: only what must, stops.",
        'mode = "step"',
        "",
        "[landing]",
        "# branch: approved changes land on one of their own. base: on the branch you are on, when it is clean there.",
        'onto = "branch"',
        'branch = "factory/{task}"',
        "",
        "[seats]",
        "# Who fills a role, a tier of models, or all: anthropic_api, claude_code, acp, human, or a seat of your own",
        "# config.toml. Nothing named: a model if you have a key, else Claude Code if it is let in, else you.",
        '# default = "human"',
        "",
    ]
    return "\n".join(lines)


def _text(value: str) -> str:
    # A basic TOML string is JSON's, save for what JSON may leave as it is.
    return json.dumps(value).replace("\x7f", "\\u007f")


def _texts(values: Iterable[str]) -> str:
    known = [_text(value) for value in values]
    if sum(map(len, known)) < 80:
        return f"[{', '.join(known)}]"
    return "[\n" + "".join(f"  {one},\n" for one in known) + "]"


def write_new(home_dir: str, files: Mapping[str, str]) -> Written:
    """Writes each file that is not there yet. Raises UsageError when the home or a folder of it is a link."""
    root = Path(home_dir)
    new, there = [], []
    for name, text in sorted(files.items()):
        place = root / name
        for folder in (root, *reversed(place.relative_to(root).parents[:-1])):
            where = root / folder
            if where.is_symlink():
                raise UsageError(what=f"{where} is a link", why="it could lead anywhere", next_step="move it away")
            where.mkdir(exist_ok=True, parents=True)
        try:
            descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
        except FileExistsError:
            there.append(name)
            continue
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        new.append(name)
    (root / "memory" / "knowledge").mkdir(exist_ok=True, parents=True)
    return Written(new=tuple(new), there=tuple(there))


# --- one commit ----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One commit of a few new files, which the user can make themselves as well."""

    commands: tuple[str, ...]
    """The exact commands that do the same."""
    blocked: str = ""
    """Why it cannot be made for the user; empty = it can."""


MESSAGE = "Add a home for the factory\n\nIts gate settings, what is known of this project, and who may sign.\n"


def offer(repo_root: str, paths: Sequence[str]) -> Offer:
    """Whether the commit can be made here, and how to make it by hand."""
    words = " ".join(quoted(path) for path in paths)
    subject = MESSAGE.splitlines()[0]
    commands = (f"git add -f -- {words}", f"git commit -m {quoted(subject)} -- {words}")
    name, email = identity(repo_root)
    blocked = "" if name and email else "git knows no user.name and user.email for you here"
    return Offer(commands=commands, blocked=blocked)


def commit_new(place: StatePlace, repo_root: str, paths: Sequence[str]) -> CommitId:
    """One commit of these files on the branch that is checked out; the index gets these paths and no other.

    The files lie in the checkout already. Raises WorldError, with nothing moved, when the branch or one of these paths
    is not as it was. The user's hooks are not run and nothing is signed.
    """
    repository = find_repository(repo_root)
    who = identity(repo_root)
    scratch = Path(place.root) / "init"
    scratch.mkdir(exist_ok=True, mode=0o700)
    git = open_private(repository, str(scratch))
    landings = Landings(repository, git, scratch)
    refs = repository.at()
    ref = refs.line("symbolic-ref", "-q", "HEAD")
    head = landings.value(ref)
    files = {path: (Path(repo_root) / path).read_bytes() for path in paths}
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        tree = tree_with(git.with_index(f"{folder}/index"), head, files)
    commit = commit_of(git, tree, head, MESSAGE, who)
    plan = landings.plan(ref, commit, head)
    if plan.blocked:
        raise WorldError(
            what="the commit cannot be made here", why=plan.blocked, next_step="make it yourself, as shown"
        )
    landings.land(plan)
    return commit


def quoted(text: str) -> str:
    """As a shell takes it."""
    import shlex

    return shlex.quote(text)


def shipped_cards() -> tuple[RoleCard, ...]:
    """The roles of a home that adds none of its own."""
    files = {"factory.toml": f'repo_id = "{new_repo_id()}"\n', "memory/DNA.md": "# DNA\n"}
    reading = read_home(files, library_files(), prefix=".factory")
    return reading.charter.roles if reading.charter else ()
