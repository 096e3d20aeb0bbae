#!/usr/bin/env python3
"""Was this commit let through by the gate? Answered from git and `ssh-keygen` alone, by this one file.

    python3 verify.py [--repo DIR] [--trust FILE] [--at ci|pre-receive] [--json] COMMIT | A..B

Exit code 0: every commit asked about is open. 1: at least one is closed, and each reason is printed. 2: wrong use.

It needs nothing of the factory: copy it into a CI job or call it from a pre-receive hook, with `refs/notes/factory`
fetched or pushed along. What is believed:

- Nothing in the commit itself. Who may sign (`trust/allowed_signers`) and what the policy is come from the commit's
  *base*, its first parent, or from `--trust`, a file of the verifier's own.
- A statement, only after its signature was checked under the one namespace its kind has, for the one kind of signer
  that may make it, and only about exactly the commit and tree it names. One line that fails closes the commit.
- The landing statement lists every other one. What is listed and missing, or there and not listed, closes the commit.
- A deployment, only with an approval of exactly its plan that somebody else gave, in time, for this one alone.

To read: `Gate` gathers a `Case`; every guard is a function that says why not, in the tables `GUARDS`, `BY_HAND` and
`DEPLOYED`; `CONDITIONS` say how far an open commit can be trusted.

What it cannot see: whoever holds all the keys can sign anything. `level` in the answer says who that is.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

PAYLOAD = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
NOTES = "refs/notes/factory"

SMOKE = "https://in-toto.io/attestation/test-result/v0.1"
LANDING = "https://in-toto.io/attestation/svr/v0.1"
REVIEW = "https://factory-os.invalid/attestation/review/v0.1"
APPROVAL = "https://factory-os.invalid/attestation/approval/v0.1"
DEPLOYMENT = "https://factory-os.invalid/attestation/deployment/v0.1"

NAMESPACES = {
    SMOKE: "factory.smoke",
    REVIEW: "factory.review",
    APPROVAL: "factory.approval",
    DEPLOYMENT: "factory.deployment",
    LANDING: "factory.landing",
}
"""One for each kind of statement, so that no signature serves twice."""

FACTORY, SUPERVISOR, CI = "factory@factory.invalid", "supervisor@factory.invalid", "ci@factory.invalid"
SIGNERS = {SMOKE: (FACTORY, CI), LANDING: (FACTORY,), DEPLOYMENT: (FACTORY,), APPROVAL: (SUPERVISOR,)}
"""Who alone makes such a statement. A review is made by any other role that the trusted file gives its namespace."""

CHECKS = frozenset(f"V{number:02}" for number in range(1, 34))
"""What each deployment is asked after it, at the least."""

POLICY = ("factory.toml", "deploy.yaml", "roles", "rules", "trust", "memory/DNA.md", "verify.py")
"""What of a home decides what is let through, relative to the home."""

RECORDS = ("memory/incidents",)
"""What of a home tells of it and decides nothing: it may come with the rule that it is about."""

SECONDS = 60
LARGEST_NOTE = 4_000_000
LEVELS = {
    "G0": "models cannot skip the gate; whoever owns the machine can",
    "G1": "nobody pushes past it: a server asked for this evidence",
    "G2": "survives a stolen laptop: the checks ran again elsewhere, under another key",
    "G3": "a human touched it: approved with a hardware key",
}


class Closed(Exception):
    """Why a commit is closed, or one line of evidence is worth nothing."""


@dataclass(frozen=True)
class Signed:
    """One statement whose signature holds."""

    kind: str
    signer: str
    key: str
    is_touched: bool
    """Signed with a hardware key, and with a finger on it."""
    sha256: str
    """Of the line in the note."""
    commit: str
    tree: str
    predicate: dict[str, Any]

    @property
    def ours(self) -> dict[str, Any]:
        return dict(self.predicate.get("factory", {}))


@dataclass
class Answer:
    """About one commit."""

    commit: str
    base: str = ""
    why: list[str] = field(default_factory=list)
    """Reasons why it is closed; none = it is open."""
    notes: list[str] = field(default_factory=list)
    """What a reader should know although it is open."""
    level: str = ""
    """The highest of `holds`; empty while it is closed."""
    holds: list[str] = field(default_factory=list)
    """Each level whose condition was tried here, and held."""
    statements: int = 0
    deployments: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return not self.why


# --- git and ssh, with nothing of the repository's or the user's config ----------------------------


def no_replacements() -> dict[str, str]:
    """`git replace` shows one object for another; here each object is itself."""
    return {"GIT_NO_REPLACE_OBJECTS": "1"}


def no_grafts() -> dict[str, str]:
    """`.git/info/grafts` gives a commit other parents; here its parents are its own."""
    return {"GIT_GRAFT_FILE": os.devnull}


def _environment() -> dict[str, str]:
    kept = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        **no_replacements(),
        **no_grafts(),
        # Inside pre-receive the pushed objects are still in git's quarantine.
        **{name: os.environ[name] for name in kept if name in os.environ},
    }


OFF = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.attributesFile=/dev/null",
    "core.commitGraph=false",  # a file that says what a commit's parents are
    "gpg.ssh.program=false",
)


def git(repo: str, *arguments: str, extra: dict[str, str] | None = None, stdin: str = "") -> str:
    """Standard output. Raises Closed with git's words when it refuses."""
    off = [part for setting in OFF for part in ("-c", setting)]
    try:
        done = subprocess.run(
            ["git", *off, *arguments],
            cwd=repo,
            env={**_environment(), **(extra or {})},
            input=stdin.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Closed(f"git {arguments[0]} did not end within {SECONDS} s") from error
    except OSError as error:
        raise Closed(f"git {arguments[0]} cannot run in {repo}: {error.strerror}") from error
    if done.returncode:
        raise Closed(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()[:300]}")
    return done.stdout.decode("utf-8", "surrogateescape")


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pre_authentication(kind: str, payload: bytes) -> bytes:
    """What a DSSE signature is over."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def signed_by(line: str, trust: str) -> Signed:
    """The statement of an envelope, read only from the bytes that were signed. Raises Closed."""
    try:
        envelope = json.loads(line)
        if envelope["payloadType"] != PAYLOAD or len(envelope["signatures"]) != 1:
            raise Closed("it is no in-toto statement with one signature")
        body = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        statement = json.loads(body)
        kind = str(statement["predicateType"])
        under = namespace(kind)
        claimed = str(statement["predicate"]["factory"]["signer"])
        subject = {name: value for one in statement["subject"] for name, value in one["digest"].items()}
        is_statement = statement["_type"] == STATEMENT
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise Closed(f"it cannot be read ({type(error).__name__})") from error
    if not is_statement:
        raise Closed("it is no in-toto statement")
    if why := not_its_to_make(kind, claimed):
        raise Closed(why)
    key, key_type = key_of(trust, claimed, under, signature, pre_authentication(PAYLOAD, body))
    return Signed(
        kind=kind,
        signer=claimed,
        key=key,
        is_touched=key_type.upper().endswith("-SK") and finger_was_on_it(signature),
        sha256=hashlib.sha256(line.encode("utf-8", "surrogateescape")).hexdigest(),
        commit=str(subject.get("gitCommit", "")),
        tree=str(subject.get("gitTree", "")),
        predicate=statement["predicate"],
    )


def namespace(kind: str) -> str:
    """Under which alone such a statement is signed: a signature made for another purpose is worth nothing here."""
    return NAMESPACES[kind]


def not_its_to_make(kind: str, claimed: str) -> str:
    """Why this signer makes no such statement, whatever the trusted file says."""
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,80}@factory\.invalid", claimed):
        return f"{claimed!r} is no signer"
    if kind in SIGNERS and claimed not in SIGNERS[kind]:
        return f"a {NAMESPACES[kind]} statement is made by {SIGNERS[kind][0]}, not by {claimed}"
    if kind == REVIEW and claimed in (FACTORY, SUPERVISOR, CI):
        return f"{claimed} is no reviewer"
    return ""


def key_of(trust: str, claimed: str, under: str, signature: bytes, message: bytes) -> tuple[str, str]:
    """Fingerprint and type of the trusted key that signed exactly these bytes. Raises Closed when none did."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(signature)
        file.flush()
        done = subprocess.run(
            ["ssh-keygen", "-Y", "verify", "-f", trust, "-I", claimed, "-n", under, "-s", file.name],
            input=message,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "HOME": "/nonexistent"},
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    words = done.stdout.decode("utf-8", "replace")
    good = re.search(r'^Good "(?P<under>\S+)" signature .* with (?P<type>\S+) key (?P<key>SHA256:\S+)', words, re.M)
    if done.returncode or good is None or good["under"] != under:
        raise Closed(f"its signature does not hold for {claimed} under {under}")
    return good["key"], good["type"]


def finger_was_on_it(signature: bytes) -> bool:
    """Whether a hardware key says that it was touched: `ssh-keygen` believes one that may sign untouched as well.

    The signature's last five bytes are flags, whose lowest bit is the finger, and a counter.
    """
    armour = signature.decode("ascii", "replace").split("-----")
    try:
        blob = base64.b64decode("".join(armour[2].split()), validate=True)
    except (IndexError, ValueError):
        return False
    return len(blob) > 5 and bool(blob[-5] & 1)


# --- what the base says -------------------------------------------------------------------------


@dataclass(frozen=True)
class Base:
    """A commit's first parent: where trust and policy come from."""

    commit: str
    home: str
    """Prefix of the home with its slash; empty = the top."""
    policy: str
    """sha256 of the home's deciding files there; empty = there is no home in the repository."""
    trust: str
    """Path of a file with the allowed signers."""


@dataclass
class Case:
    """One commit and everything that was said about it, before anything is judged."""

    commit: str
    tree: str
    parents: list[str]
    base: Base
    touched: list[str]
    """Paths that it changes."""
    held: list[Signed]
    """Statements in its own note whose signature holds."""
    wrong: list[str]
    """Why each other line of the note does not."""
    reviewed: str = ""
    """The commit that was reviewed and approved: itself, or what was merged."""
    reviewed_tree: str = ""
    reviewed_parents: list[str] = field(default_factory=list)
    reviewed_base: Base | None = None
    own: list[Signed] = field(default_factory=list)
    """Statements about `reviewed`."""
    is_of_this_line: bool = True
    """The base that it was reviewed on was the branch once: what was merged into it never judged anything."""
    merged: str = ""
    """The tree that merging `reviewed` onto the base gives."""
    both: list[str] = field(default_factory=list)
    """Paths that the change and the moved base touch."""
    notes: list[str] = field(default_factory=list)

    @property
    def deciding(self) -> set[str]:
        """Changed paths that decide what is let through."""
        if not self.base.policy:
            return {path for path in self.touched if path.startswith(".factory/")}
        # A `.factory/` goes before a home at the top: whoever brings one brings the next judge.
        return {path for path in self.touched if any(is_policy(path, home) for home in (self.base.home, ".factory/"))}

    @property
    def landing(self) -> Signed | None:
        return _latest(self.held, LANDING)

    @property
    def smoke(self) -> Signed | None:
        return _latest([one for one in self.held if one.signer != CI], SMOKE)

    @property
    def elsewhere(self) -> list[Signed]:
        """Smoke results that a CI job signed with a key of its own; they come after the landing."""
        return [one for one in self.held if one.kind == SMOKE and one.signer == CI]

    @property
    def review(self) -> Signed | None:
        return _latest(self.own, REVIEW)

    @property
    def approval(self) -> Signed | None:
        return _latest([one for one in self.own if one.predicate.get("what") != "deployment"], APPROVAL)

    @property
    def deployments(self) -> list[Signed]:
        return [one for one in self.held if one.kind == DEPLOYMENT]

    @property
    def before_landing(self) -> list[Signed]:
        """What the landing had to list: all but itself, and what is said of a commit that landed already."""
        later = {one.sha256 for one in (*self.deployments, *self.elsewhere, *self.releases)}
        about = {one.sha256: one for one in (*self.held, *self.own)}
        return [one for one in about.values() if one.kind != LANDING and one.sha256 not in later]

    @property
    def releases(self) -> list[Signed]:
        """Approvals of deployments."""
        return [one for one in self.held if one.kind == APPROVAL and one.predicate.get("what") == "deployment"]

    @property
    def is_by_hand(self) -> bool:
        return self.approval is not None and self.approval.predicate.get("what") == "home"


class Gate:
    """Verifies commits of one repository. To be left with `with`: it keeps the trusted keys in a scratch directory."""

    def __init__(self, repo: str, *, trust: str = "", at: str = "", notes: str = NOTES) -> None:
        """`trust`: the verifier's own allowed signers, used instead of the base's. `at`: `ci` or `pre-receive`."""
        self._repo, self._trust, self._at, self._notes = repo, trust, at, notes
        self._bases: dict[str, Base] = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="verify-")
        for tool in ("git", "ssh-keygen"):
            if shutil.which(tool) is None:
                raise Closed(f"`{tool}` is not installed: nothing can be verified without it")

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *how: object) -> None:
        self._scratch.cleanup()

    @cached_property
    def _replaced(self) -> int:
        return len(git(self._repo, "for-each-ref", "--format=%(refname)", "refs/replace/").split())

    def base(self, commit: str, of: str = "") -> Base:
        """What is believed of a change `of`, whose base is `commit`."""
        if commit not in self._bases:
            home, policy = self.policy(commit)
            trust = self._trust
            if not trust:
                trust = str(Path(self._scratch.name, commit))
                allowed = self._file(trusted_at(commit, of), f"{home}trust/allowed_signers")
                Path(trust).write_text(allowed, "utf-8", "surrogateescape")
            self._bases[commit] = Base(commit, home, policy, trust)
        return self._bases[commit]

    def policy(self, commit: str) -> tuple[str, str]:
        """Prefix of the home at a commit, and the sha256 of what decides there."""
        listed = git(self._repo, "ls-tree", "-r", "-z", commit)
        rows = [row for row in listed.split("\0") if row]
        paths = {row.partition("\t")[2] for row in rows}
        home = next((prefix for prefix in (".factory/", "") if f"{prefix}factory.toml" in paths), None)
        if home is None:
            return "", ""
        deciding = sorted(row for row in rows if is_policy(row.partition("\t")[2], home))
        return home, hashlib.sha256("\0".join(deciding).encode("utf-8", "surrogateescape")).hexdigest()

    def _file(self, commit: str, path: str) -> str:
        try:
            return git(self._repo, "cat-file", "blob", f"{commit}:{path}")
        except Closed:
            return ""

    def facts(self, name: str) -> tuple[str, str, str, list[str]]:
        """Commit, base, tree and changed paths. Raises Closed when it has no parent or is none."""
        commit, tree, *parents = self._commit(name)
        if not parents:
            raise Closed("it has no parent, so there is no base to take trust and policy from")
        return commit, parents[0], tree, _paths(self._repo, parents[0], commit)

    def _commit(self, name: str) -> list[str]:
        """Its id, its tree, its parents."""
        words = git(self._repo, "rev-list", "-n", "1", "--format=%T %P", "--end-of-options", name).split()
        return words[1:]  # the first word is `commit`

    def evidence(self, commit: str, base: Base) -> tuple[list[Signed], list[str]]:
        """Statements in the commit's note that hold, and why each other line does not."""
        note = self.note(commit)
        if len(note) > LARGEST_NOTE:
            return [], [f"its note is over {LARGEST_NOTE} bytes"]
        lines = [line for line in note.splitlines() if line.strip()]
        with ThreadPoolExecutor(max_workers=4) as pool:
            found = list(pool.map(lambda line: self._one(line, commit, base), lines))
        held = [one for one in found if isinstance(one, Signed)]
        return held, [f"evidence line {n}: {one}" for n, one in enumerate(found, 1) if isinstance(one, str)]

    def note(self, commit: str) -> str:
        """The note's text, wherever git's fan-out put it; empty when there is none. Bytes as they are stored."""
        places = [commit, *(_fanned_out(commit, level) for level in (1, 2, 3))]
        asked = "".join(f"{self._notes}:{place}\n" for place in places)
        answer = git(self._repo, "cat-file", "--batch=%(objecttype) %(objectsize)", stdin=asked)
        found = re.search(r"^blob (\d+)\n", answer, re.M)
        data = answer[found.end() :].encode("utf-8", "surrogateescape") if found else b""
        return data[: int(found[1])].decode("utf-8", "surrogateescape") if found else ""

    def _one(self, line: str, commit: str, base: Base) -> Signed | str:
        try:
            signed = signed_by(line, base.trust)
        except Closed as error:
            return str(error)
        return about_another(signed, commit) or signed

    def verify(self, name: str) -> Answer:
        """One commit, against its first parent."""
        answer = Answer(commit=name)
        try:
            answer.commit, tree, *parents = self._commit(name)
            if not parents:
                raise Closed("it has no parent, so there is no base to take trust and policy from")
            answer.base = parents[0]
            case = self._case(answer.commit, tree, parents)
            answer.statements = len({one.sha256 for one in (*case.held, *case.own)})
            answer.why += self._judged(case)
            answer.notes += case.notes
            answer.deployments += [_told(one) for one in case.deployments]
            if answer.is_open:
                answer.holds = [level for level, holds in CONDITIONS.items() if holds(case, self._at)]
                answer.level = answer.holds[-1]
        except Closed as error:
            answer.why.append(str(error))
        except (TypeError, AttributeError, ValueError) as error:
            answer.why.append(f"its statements cannot be understood ({type(error).__name__}: {error})")
        return answer

    def _case(self, commit: str, tree: str, parents: list[str]) -> Case:
        base = self.base(parents[0], commit)
        if not base.policy and not self._trust:
            raise Closed("its base has no home, so nobody is trusted there; name your own file with --trust")
        with ThreadPoolExecutor(max_workers=1) as pool:
            touched = pool.submit(_paths, self._repo, base.commit, commit)
            held, wrong = self.evidence(commit, base)
        case = Case(commit, tree, parents, base, touched.result(), held, wrong)
        if self._replaced:
            told = f"{self._replaced} objects are replaced here (refs/replace); none of that was believed"
            case.notes.append(told)
        landing = case.landing
        case.reviewed = str(landing.ours.get("reviewed", "")) if landing else commit
        case.reviewed_tree, case.reviewed_parents, case.reviewed_base, case.own = tree, parents, base, held
        if case.reviewed != commit:
            self._carried_over(case)
        return case

    def _carried_over(self, case: Case) -> None:
        """An approved change on a base that moved: what was reviewed then, and what merging it gives now."""
        reviewed, parents = case.reviewed, case.parents
        if not re.fullmatch(r"[0-9a-f]{40,64}", reviewed):
            raise Closed("the landing does not say which commit was reviewed")
        _, case.reviewed_tree, *case.reviewed_parents = self._commit(reviewed)
        if not case.reviewed_parents:
            raise Closed("the change that was reviewed has no parent, so there is no base to judge it by")
        before = case.reviewed_parents[0]
        line = git(self._repo, "rev-list", "--first-parent", parents[0], "--not", f"{before}^@", "--")
        case.is_of_this_line = before in line.split()
        case.reviewed_base = self.base(before, reviewed)
        case.own, wrong = self.evidence(reviewed, case.reviewed_base)
        case.wrong += wrong
        ours, theirs = _paths(self._repo, before, reviewed), _paths(self._repo, before, parents[0])
        case.both = sorted(set(ours) & set(theirs))
        case.merged = self._merged(parents[0], reviewed)
        case.notes.append(f"reviewed on {before[:12]}, merged onto {parents[0][:12]}")

    def _merged(self, onto: str, change: str) -> str:
        """The tree of a merge made here, in a place that is thrown away."""
        with tempfile.TemporaryDirectory(dir=self._scratch.name) as place:
            objects = git(self._repo, "rev-parse", "--path-format=absolute", "--git-path", "objects").strip()
            known = os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", "")
            extra = {
                "GIT_OBJECT_DIRECTORY": place,
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(
                    one for one in (os.environ.get("GIT_OBJECT_DIRECTORY", ""), objects, known) if one
                ),
            }
            return git(self._repo, "merge-tree", "--write-tree", onto, change, extra=extra).split()[0]

    def _judged(self, case: Case) -> list[str]:
        """Why it is closed, by every guard."""
        if not case.held and not case.wrong:
            return said_nothing(case)
        if case.is_by_hand:
            case.notes.append("made by the supervisor by hand: the home only")
        found = [why for guard in (BY_HAND if case.is_by_hand else GUARDS) for why in guard(case)]
        for one in case.deployments:
            about = f"deployment {one.ours.get('deployment')}"
            found += [f"{about}: {why}" for guard in DEPLOYED for why in guard(case, one)]
        return found


# --- guards: each says why not; nothing = it has no objection ------------------------------------


def trusted_at(base: str, candidate: str) -> str:
    """The commit whose allowed signers are believed: never the candidate, which could bring its own."""
    return base


def about_another(signed: Signed, commit: str) -> str:
    return f"it is about another commit, {signed.commit[:12]}" if signed.commit != commit else ""


def said_nothing(case: Case) -> list[str]:
    """A commit that nobody said anything about: made elsewhere, amended, or put on top."""
    return ["it has no landing statement: nothing says that the gate let it through"]


def does_not_hold(case: Case) -> list[str]:
    """One line that is worth nothing closes the commit: something was tried."""
    return case.wrong


def landed_by_nobody(case: Case) -> list[str]:
    return [] if case.landing else ["it has no landing statement: nothing says that the gate let it through"]


def merged_another(case: Case) -> list[str]:
    if case.reviewed == case.commit or case.parents[1:] == [case.reviewed]:
        return []
    return [f"the change that was reviewed, {case.reviewed[:12]}, is not what was merged here"]


def reviewed_on_a_strange_base(case: Case) -> list[str]:
    """Else a change would bring a base whose keys judge it."""
    return [] if case.is_of_this_line else ["it was reviewed on a base that this line of history does not have"]


def slipped_in_by_a_merge(case: Case) -> list[str]:
    if case.reviewed == case.commit or case.merged == case.tree:
        return []
    return [f"merging what was reviewed gives the tree {case.merged[:12]}, this one has {case.tree[:12]}"]


def brings_other_history(case: Case) -> list[str]:
    """Else commits that nobody looked at would stand behind one that was reviewed."""
    others = ", ".join(one[:12] for one in case.reviewed_parents[1:4]) if case.landing else ""
    return [f"it brings history that nobody reviewed along: {others}"] if others else []


def moved_in_the_same_files(case: Case) -> list[str]:
    both = ", ".join(case.both[:5])
    return [f"the base moved in the same files after the review: {both}"] if both else []


def of_another_tree(case: Case) -> list[str]:
    parts = [("the landing", case.landing, case.tree), ("the smoke result", case.smoke, case.tree)]
    parts += [(name, one, case.reviewed_tree) for name, one in (("review", case.review), ("approval", case.approval))]
    return [f"{name} is about another tree" for name, one, tree in parts if one and one.tree != tree]


def on_another_base(case: Case) -> list[str]:
    found = [(name, one, base) for name, one, base in _based(case) if one.ours.get("base") != base.commit]
    return [f"{name} is stale: its base was {str(one.ours.get('base'))[:12]}" for name, one, _ in found]


def under_another_policy(case: Case) -> list[str]:
    found = [name for name, one, base in _based(case) if one.ours.get("policy") != base.policy]
    return [f"{name} is stale: roles, rules, settings or trust changed since" for name in found]


def dropped(case: Case) -> list[str]:
    """The landing lists what it relied on: a FAIL that was there cannot be taken away."""
    if case.landing is None:
        return []
    gone = _listed(case.landing) - {one.sha256 for one in case.before_landing}
    verb = "is" if len(gone) == 1 else "are"
    return [f"{_statements(len(gone))} that the landing relies on {verb} gone"] if gone else []


def _statements(number: int) -> str:
    return f"{number} statement{'' if number == 1 else 's'}"


def put_in_later(case: Case) -> list[str]:
    if case.landing is None:
        return []
    late = [one for one in case.before_landing if one.sha256 not in _listed(case.landing)]
    told = f"{_statements(len(late))} came later than the landing or not as part of it"
    return [f"{told}: {_told(late[0])}"] if late else []


def claims_too_little(case: Case) -> list[str]:
    if case.landing is None:
        return []
    missing = {"FACTORY_TESTS_PASSED", "FACTORY_QUALITY_JUDGED", "FACTORY_APPROVED"} - set(
        case.landing.predicate.get("properties", [])
    )
    return [f"the landing statement does not claim {', '.join(sorted(missing))}"] if missing else []


def claims_too_much(case: Case) -> list[str]:
    """A level is what was tried, never what somebody says."""
    claimed = str(case.landing.ours.get("level", "")) if case.landing else ""
    if claimed not in CONDITIONS or CONDITIONS[claimed](case, ""):
        return []
    return [f"the landing claims {claimed}, and {LEVELS[claimed].partition(':')[0]} does not hold"]


def without_tests(case: Case) -> list[str]:
    if case.smoke is None:
        return ["no smoke result says that its tests passed"] if case.landing else []
    passed = case.smoke.ours.get("tests_passed", 0)
    return [] if isinstance(passed, int) and passed > 0 else ["no test was executed, so nothing passed"]


def with_red_tests(case: Case) -> list[str]:
    result = case.smoke.predicate.get("result") if case.smoke else "PASSED"
    return [] if result == "PASSED" else [f"its tests did not pass: {result}"]


def red_elsewhere(case: Case) -> list[str]:
    """A CI job that ran the checks again and disagrees: each counts, for no two of them share a ledger's order."""
    said = [(str(one.predicate.get("result")), _whole(one.ours.get("tests_passed"))) for one in case.elsewhere]
    bad = sorted({result for result, passed in said if result != "PASSED" or passed < 1})
    return [f"run again elsewhere, its tests did not pass: {', '.join(bad)}"] if bad else []


def judged_by_nobody(case: Case) -> list[str]:
    return [] if case.review or not case.landing else ["no independent review judged it"]


def judged_bad(case: Case) -> list[str]:
    if case.review is None or _is_waived(case):
        return []
    verdict = case.review.predicate.get("verdict")
    return [] if verdict == "PASSED" else [f"the last review did not pass it: {verdict}"]


def inspected_nothing(case: Case) -> list[str]:
    if case.review is None or case.review.predicate.get("checked"):
        return []
    return ["the review names nothing that it inspected"]


def one_turn(case: Case) -> list[str]:
    return _shared(case, "turn")


def one_brief(case: Case) -> list[str]:
    return _shared(case, "brief")


def reviewed_itself(case: Case) -> list[str]:
    if case.review is None or case.review.signer != f"{case.review.ours.get('author')}@factory.invalid":
        return []
    return [f"the author's role, {case.review.ours.get('author')}, reviewed itself"]


def one_key_for_two(case: Case) -> list[str]:
    """Author, reviewer, supervisor, factory, CI: whoever the base trusts has a key that nobody else has."""
    used: dict[str, set[str]] = {}
    for one in (*case.held, *case.own):
        used.setdefault(one.key, set()).add(one.signer)
    told = {", ".join(sorted(names)) for names in (*used.values(), *_sharing(case.base.trust)) if _are_several(names)}
    return [f"one key stands for more than one seat: {names}" for names in sorted(told)]


def approved_by_nobody(case: Case) -> list[str]:
    return [] if case.approval or not case.landing else ["nobody approved it"]


def rejected(case: Case) -> list[str]:
    decision = case.approval.predicate.get("decision") if case.approval else "APPROVED"
    return [] if decision == "APPROVED" else [f"the supervisor's answer was {decision}"]


def silent_about_what_is_protected(case: Case) -> list[str]:
    if case.approval is None:
        return []
    unnamed = sorted(case.deciding - {str(path) for path in case.approval.predicate.get("protected", [])})
    told = f"it changes what is protected, which the approval does not name: {', '.join(unnamed[:5])}"
    return [told] if unnamed else []


def by_another_approval(case: Case) -> list[str]:
    if case.landing is None or case.approval is None:
        return []
    is_it = case.landing.ours.get("approval") == case.approval.predicate.get("id")
    return [] if is_it else ["the landing used another approval"]


def approved_too_long_ago(case: Case) -> list[str]:
    expires = str(case.approval.predicate.get("expires", "")) if case.approval else ""
    landed = str(case.landing.ours.get("at", "")) if case.landing else ""
    is_late = bool(expires and case.landing and (not landed or landed > expires))
    return [f"the approval had expired at {expires}"] if is_late else []


def carries_more_than_the_home(case: Case) -> list[str]:
    home = case.base.home if case.base.policy else ".factory/"
    outside = [path for path in case.touched if not _lies_in(path, home, RECORDS)]
    others = ", ".join(sorted(set(outside) - case.deciding)[:5])
    return [f"a commit vouched for by hand may change the home only, not {others}"] if others else []


def told_plainly(case: Case) -> list[str]:
    """No objections: what a reader should know of a landing that is open."""
    if _is_waived(case):
        case.notes.append("author and reviewer are one person; the supervisor accepted that, on record")
    if case.landing is not None:
        ours = case.landing.ours
        if ours.get("degraded"):
            case.notes.append(f"without a wall, accepted by {ours['degraded']}")
        if ours.get("wall") != "bwrap":
            case.notes.append(f"wall: {ours.get('wall')}")
        if ours.get("root"):
            case.notes.append("the factory ran as root")
    return []


GUARDS: tuple[Callable[[Case], list[str]], ...] = (
    *(does_not_hold, landed_by_nobody),
    *(merged_another, reviewed_on_a_strange_base, slipped_in_by_a_merge, brings_other_history),
    moved_in_the_same_files,
    *(of_another_tree, on_another_base, under_another_policy),
    *(dropped, put_in_later, claims_too_little, claims_too_much),
    *(without_tests, with_red_tests, red_elsewhere),
    *(judged_by_nobody, judged_bad, inspected_nothing, one_turn, one_brief, reviewed_itself, one_key_for_two),
    *(approved_by_nobody, rejected, silent_about_what_is_protected, by_another_approval, approved_too_long_ago),
    told_plainly,
)
BY_HAND: tuple[Callable[[Case], list[str]], ...] = (
    *(does_not_hold, carries_more_than_the_home, of_another_tree, on_another_base, under_another_policy),
    *(one_key_for_two, rejected, silent_about_what_is_protected),
)


def deployed_by_nobodys_leave(case: Case, one: Signed) -> list[str]:
    if one.ours.get("elsewhere") or one.predicate.get("elsewhere") or _leave(case, one):
        return []
    return ["nobody approved it"]


def deployed_on_another_base(case: Case, one: Signed) -> list[str]:
    is_it = one.ours.get("base") == case.base.commit and one.ours.get("policy") == case.base.policy
    return [] if is_it and one.tree == case.tree else ["it is about another tree, base or policy"]


def approved_another_plan(case: Case, one: Signed) -> list[str]:
    leave = _leave(case, one)
    if leave is None or all(leave.predicate.get(part) == one.predicate.get(part) for part in ("plan", "environment")):
        return []
    return ["the approval is of another plan or environment"]


def deployment_rejected(case: Case, one: Signed) -> list[str]:
    leave = _leave(case, one)
    decision = leave.predicate.get("decision") if leave else "APPROVED"
    return [] if decision == "APPROVED" else [f"the answer to it was {decision}"]


def deployed_too_late(case: Case, one: Signed) -> list[str]:
    leave = _leave(case, one)
    expires, began = str(leave.predicate.get("expires", "")) if leave else "", str(one.predicate.get("began", ""))
    is_late = leave is not None and (not began or began > expires)
    return [f"its approval had expired at {expires or 'once'}"] if is_late else []


def approved_once_for_two(case: Case, one: Signed) -> list[str]:
    """An approval is spent by the deployment that it was given for."""
    mine = one.ours.get("deployment"), one.ours.get("approval")
    others = {(other.ours.get("deployment"), other.ours.get("approval")) for other in case.deployments} - {mine}
    twice = sorted(str(id) for id, approval in others if approval and approval == mine[1])
    return [f"its approval, {mine[1]}, was spent on {', '.join(twice)}"] if twice else []


def approved_by_the_deployer(case: Case, one: Signed) -> list[str]:
    leave = _leave(case, one)
    if leave is None or one.ours.get("waived"):
        return []
    by = str(leave.predicate.get("by", ""))
    person = by.removeprefix("supervisor:").partition("@")[0]
    is_own = by == one.ours.get("proposed_by") or bool(person and person == one.ours.get("person"))
    return [f"whoever deploys does not approve it: {by}"] if is_own or not by else []


def not_as_checked(case: Case, one: Signed) -> list[str]:
    """What is called verified passed each check of the floor, or says why one does not apply."""
    if one.predicate.get("outcome") != "verified":
        return []
    rows = {str(row.get("id")): row for row in one.predicate.get("checks", []) if isinstance(row, dict)}
    good = {id for id, row in rows.items() if row.get("verdict") == "pass"}
    good |= {id for id, row in rows.items() if row.get("verdict") == "not applicable" and row.get("reason")}
    bad = sorted((CHECKS | set(rows)) - good)
    if one.predicate.get("result") != "PASSED":
        return [f"it is called verified, and level 4 says {one.predicate.get('result')}"]
    return [f"it is called verified, and did not pass {', '.join(bad[:5])}"] if bad else []


DEPLOYED: tuple[Callable[[Case, Signed], list[str]], ...] = (
    *(deployed_by_nobodys_leave, deployed_on_another_base, approved_another_plan, deployment_rejected),
    *(deployed_too_late, approved_once_for_two, approved_by_the_deployer, not_as_checked),
)


# --- how far an open commit can be trusted: each condition is tried --------------------------------


def models_cannot_skip_it(case: Case, at: str) -> bool:
    return True


def a_server_asked(case: Case, at: str) -> bool:
    """Only inside of a push that git has not taken yet; what a CI job says binds nobody by itself."""
    return at == "pre-receive" and "GIT_QUARANTINE_PATH" in os.environ


def survives_the_laptop(case: Case, at: str) -> bool:
    """The tests passed a second time, said under a key that CI holds."""
    last = _latest(case.elsewhere, SMOKE)
    return last is not None and last.tree == case.tree and not red_elsewhere(case)


def a_human_touched_it(case: Case, at: str) -> bool:
    return case.approval is not None and case.approval.is_touched


CONDITIONS: dict[str, Callable[[Case, str], bool]] = {
    "G0": models_cannot_skip_it,
    "G1": a_server_asked,
    "G2": survives_the_laptop,
    "G3": a_human_touched_it,
}


# --- small questions ----------------------------------------------------------------------------


def is_policy(path: str, home: str) -> bool:
    """Whether a file decides what is let through."""
    return _lies_in(path, home, POLICY)


def _lies_in(path: str, home: str, names: Sequence[str]) -> bool:
    if not path.startswith(home):
        return False
    inside = path[len(home) :]
    return any(inside == name or inside.startswith(f"{name}/") for name in names)


def _fanned_out(commit: str, level: int) -> str:
    return "/".join([*(commit[2 * n : 2 * n + 2] for n in range(level)), commit[2 * level :]])


def _paths(repo: str, old: str, new: str) -> list[str]:
    changed = git(repo, "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", old, new)
    return [path for path in changed.split("\0") if path]


def _latest(signed: list[Signed], kind: str) -> Signed | None:
    of_kind = [one for one in signed if one.kind == kind]
    return max(of_kind, key=lambda one: _whole(one.ours.get("seq")), default=None)


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0


def _based(case: Case) -> list[tuple[str, Signed, Base]]:
    """Each part of the evidence, and the base that it had to be made on."""
    then = case.reviewed_base or case.base
    parts = [("the landing", case.landing, case.base), ("the smoke result", case.smoke, case.base)]
    parts += [("the review", case.review, then), ("the approval", case.approval, then)]
    return [(name, one, base) for name, one, base in parts if one is not None]


def _listed(landing: Signed) -> set[str]:
    return {str(one) for one in landing.ours.get("statements", [])}


def _is_waived(case: Case) -> bool:
    """One person was author and reviewer, and the supervisor accepted exactly that."""
    if case.review is None or case.approval is None:
        return False
    return bool(case.approval.predicate.get("waived")) and case.review.ours.get("independent") is False


def _shared(case: Case, name: str) -> list[str]:
    if case.review is None:
        return []
    ours = case.review.ours
    is_shared = not ours.get(name) or ours.get(name) == ours.get(f"author_{name}")
    return [f"author and reviewer share one {name}"] if is_shared else []


def _are_several(names: set[str]) -> bool:
    """A pattern is as many as anybody likes."""
    return len(names) > 1 or any(sign in name for name in names for sign in "*?!")


def _sharing(trust: str) -> list[set[str]]:
    """The signers of each trusted key."""
    owners: dict[str, set[str]] = {}
    for line in Path(trust).read_text("utf-8", "replace").splitlines():
        key = re.search(r"\b(?:ssh|sk|ecdsa)-\S+\s+(AAAA\S+)", line)
        if key and not line.lstrip().startswith("#"):
            owners.setdefault(key[1], set()).update(line.split()[0].split(","))
    return list(owners.values())


def _leave(case: Case, deployment: Signed) -> Signed | None:
    """The approval that a deployment names."""
    named = deployment.ours.get("approval")
    return next((one for one in case.releases if named and one.predicate.get("id") == named), None)


def _told(signed: Signed) -> str:
    words = [signed.predicate.get(name) for name in ("verdict", "result", "decision", "outcome", "environment")]
    said = " ".join(str(word) for word in words if word)
    return f"{NAMESPACES[signed.kind]} {said} by {signed.signer}".replace("  ", " ")


# --- the command --------------------------------------------------------------------------------


def commits_of(repo: str, name: str) -> list[str]:
    """One commit, or each of the first-parent line of A..B, oldest first. Raises Closed."""
    if ".." not in name:
        return [name]
    listed = git(repo, "rev-list", "--first-parent", "--reverse", "--end-of-options", name).split()
    if not listed:
        raise Closed(f"{name} holds no commit: nothing was verified")
    if set_aside := _set_aside(repo, name, listed[0]):
        raise Closed(f"{name} leaves the line of {set_aside[:12]}, which is merged in and no longer what is built on")
    return listed


def _set_aside(repo: str, name: str, first: str) -> str:
    """Where A..B starts, when B holds A as a merged side only: an older commit would judge what comes after A.

    A branch that left an older A and does not hold the newer one is no such case.
    """
    old, dots, new = name.partition("...") if "..." in name else name.partition("..")
    if dots != "..":
        return ""
    start, end = (
        git(repo, "rev-parse", "--verify", "--end-of-options", f"{one or 'HEAD'}^{{commit}}").split()[-1]
        for one in (old, new)
    )
    held = git(repo, "merge-base", start, end, "--").split()[:1] == [start]
    return start if held and git(repo, "rev-parse", f"{first}^@").split()[:1] != [start] else ""


def taken_away(repo: str, before: str, notes: str) -> list[str]:
    """Commits of which something was said in the notes at `before` that `notes` does not hold any more."""
    changed = {path.replace("/", "") for path in _paths(repo, before, notes)}
    about = sorted(one for one in changed if re.fullmatch(r"[0-9a-f]{40,64}", one))
    with Gate(repo, notes=before) as old, Gate(repo, notes=notes) as new:
        return [one for one in about if set(old.note(one).splitlines()) - set(new.note(one).splitlines())]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="verify.py", description="Was this commit let through by the gate?")
    parser.add_argument("what", metavar="COMMIT | A..B", nargs="?", default="")
    parser.add_argument("--repo", default=".", help="the repository (default: here)")
    parser.add_argument("--trust", default="", help="your own allowed_signers, instead of the base's")
    parser.add_argument("--at", default="", choices=["", "ci", "pre-receive"], help="where this runs")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--notes", default=NOTES, help="the ref or commit that holds the evidence")
    parser.add_argument("--notes-before", default="", help="what the evidence was: nothing of it may be gone")
    given = parser.parse_args(arguments)
    if not given.what and not given.notes_before:
        parser.error("name a COMMIT or A..B")
    trust = str(Path(given.trust).resolve()) if given.trust else ""
    if trust and not os.access(trust, os.R_OK):
        print(f"closed: {_plain(trust)} cannot be read, so nobody is trusted", file=sys.stderr)
        return 1
    try:
        gone = taken_away(given.repo, given.notes_before, given.notes) if given.notes_before else []
        if gone:
            raise Closed(f"the evidence only grows: something that was said of {', '.join(gone[:3])} is gone")
        with Gate(given.repo, trust=trust, at=given.at, notes=given.notes) as gate:
            commits = commits_of(given.repo, given.what) if given.what else []
            answers = [gate.verify(commit) for commit in commits]
    except Closed as error:
        print(f"closed: {_plain(str(error))}", file=sys.stderr)
        return 1
    if given.as_json:
        print(json.dumps([{**asdict(one), "open": one.is_open} for one in answers], indent=2))
    for one in () if given.as_json else answers:
        print(f"{'open  ' if one.is_open else 'CLOSED'} {one.commit}  {one.level} {LEVELS.get(one.level, '')}".rstrip())
        for reason in one.why:
            print(f"  closed: {_plain(reason)}")
        for note in (*one.notes, *one.deployments):
            print(f"  note: {_plain(note)}")
        if one.holds:
            print(f"  holds: {', '.join(one.holds)}; not tried or not held: {_missing(one)}")
    return 0 if all(one.is_open for one in answers) else 1


def _plain(text: str) -> str:
    """What a repository's notes say, on one line: nothing of it steers the terminal it is printed on."""
    return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)


def _missing(answer: Answer) -> str:
    return ", ".join(level for level in LEVELS if level not in answer.holds) or "none"


if __name__ == "__main__":
    sys.exit(main())
