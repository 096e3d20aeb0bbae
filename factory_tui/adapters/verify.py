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

What it cannot see: whoever holds all the keys can sign anything. `level` in the answer says who that is.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
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

FACTORY, SUPERVISOR = "factory@factory.invalid", "supervisor@factory.invalid"
SIGNERS = {SMOKE: FACTORY, LANDING: FACTORY, DEPLOYMENT: FACTORY, APPROVAL: SUPERVISOR}
"""Who alone makes such a statement. A review is made by any other role that the trusted file gives its namespace."""

POLICY = ("factory.toml", "deploy.yaml", "roles", "rules", "trust", "memory/DNA.md", "verify.py")
"""What of a home decides what is let through, relative to the home."""

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
    key_type: str
    sha256: str
    """Of the line in the note."""
    commit: str
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
    statements: int = 0
    deployments: list[str] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return not self.why


# --- git and ssh, with nothing of the repository's or the user's config ----------------------------


def _environment() -> dict[str, str]:
    kept = ("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_QUARANTINE_PATH")
    return {
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ALLOW_PROTOCOL": "none",
        # Inside pre-receive the pushed objects are still in git's quarantine.
        **{name: os.environ[name] for name in kept if name in os.environ},
    }


OFF = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.attributesFile=/dev/null", "gpg.ssh.program=false")


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
    if done.returncode:
        raise Closed(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()[:300]}")
    return done.stdout.decode("utf-8", "surrogateescape")


def canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def pre_authentication(kind: str, payload: bytes) -> bytes:
    """What a DSSE signature is over."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)


def signed_by(envelope: dict[str, Any], trust: str, line: str) -> Signed:
    """The statement of an envelope, read only from the bytes that were signed. Raises Closed."""
    try:
        if envelope["payloadType"] != PAYLOAD or len(envelope["signatures"]) != 1:
            raise Closed("it is no in-toto statement with one signature")
        body = base64.b64decode(envelope["payload"], validate=True)
        signature = base64.b64decode(envelope["signatures"][0]["sig"], validate=True)
        statement = json.loads(body)
        kind = str(statement["predicateType"])
        namespace = NAMESPACES[kind]
        claimed = str(statement["predicate"]["factory"]["signer"])
    except (KeyError, TypeError, ValueError, IndexError, binascii.Error) as error:
        raise Closed(f"it cannot be read ({type(error).__name__})") from error
    if kind in SIGNERS and claimed != SIGNERS[kind]:
        raise Closed(f"a {namespace} statement is made by {SIGNERS[kind]}, not by {claimed}")
    if kind == REVIEW and claimed in (FACTORY, SUPERVISOR):
        raise Closed(f"{claimed} is no reviewer")
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,80}@factory\.invalid", claimed):
        raise Closed(f"{claimed!r} is no signer")
    with tempfile.NamedTemporaryFile() as file:
        file.write(signature)
        file.flush()
        verify = ["ssh-keygen", "-Y", "verify", "-f", trust, "-I", claimed, "-n", namespace, "-s", file.name]
        done = subprocess.run(
            verify,
            input=pre_authentication(PAYLOAD, body),
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "HOME": "/nonexistent"},
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    words = done.stdout.decode("utf-8", "replace")
    good = re.search(r'^Good "(?P<namespace>\S+)" signature .* with (?P<type>\S+) key (?P<key>SHA256:\S+)', words, re.M)
    if done.returncode or good is None or good["namespace"] != namespace:
        raise Closed(f"its signature does not hold for {claimed} under {namespace}")
    if statement.get("_type") != STATEMENT:
        raise Closed("it is no in-toto statement")
    subject = {name: value for one in statement["subject"] for name, value in one["digest"].items()}
    predicate = statement["predicate"]
    predicate["factory"]["tree"] = subject.get("gitTree", "")
    return Signed(
        kind=kind,
        signer=claimed,
        key=good["key"],
        key_type=good["type"],
        sha256=hashlib.sha256(line.encode("utf-8", "surrogateescape")).hexdigest(),
        commit=str(subject.get("gitCommit", "")),
        predicate=predicate,
    )


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

    def base(self, commit: str) -> Base:
        if commit not in self._bases:
            home, policy = self.policy(commit)
            trust = self._trust
            if not trust:
                trust = str(Path(self._scratch.name, commit))
                Path(trust).write_text(self._file(commit, f"{home}trust/allowed_signers"), "utf-8")
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
        words = git(self._repo, "rev-list", "--parents", "-n", "1", "--end-of-options", name).split()
        if len(words) < 2:
            raise Closed("it has no parent, so there is no base to take trust and policy from")
        tree = git(self._repo, "rev-parse", f"{words[0]}^{{tree}}").strip()
        return words[0], words[1], tree, _paths(self._repo, words[1], words[0])

    def evidence(self, commit: str, base: Base) -> tuple[list[Signed], list[str]]:
        """Statements in the commit's note that hold, and why each other line does not."""
        note = self._note(commit)
        if len(note) > LARGEST_NOTE:
            return [], [f"its note is over {LARGEST_NOTE} bytes"]
        lines = [line for line in note.splitlines() if line.strip()]
        with ThreadPoolExecutor(max_workers=4) as pool:
            found = list(pool.map(lambda line: self._one(line, commit, base), lines))
        held = [one for one in found if isinstance(one, Signed)]
        return held, [f"evidence line {n}: {one}" for n, one in enumerate(found, 1) if isinstance(one, str)]

    def _note(self, commit: str) -> str:
        """The note's text, wherever git's fan-out put it; empty when there is none. Bytes as they are stored."""
        places = [commit, *(_fanned_out(commit, level) for level in (1, 2, 3))]
        asked = "".join(f"{self._notes}:{place}\n" for place in places)
        answer = git(self._repo, "cat-file", "--batch=%(objecttype) %(objectsize)", stdin=asked)
        found = re.search(r"^blob (\d+)\n", answer, re.M)
        data = answer[found.end() :].encode("utf-8", "surrogateescape") if found else b""
        return data[: int(found[1])].decode("utf-8", "surrogateescape") if found else ""

    def _one(self, line: str, commit: str, base: Base) -> Signed | str:
        try:
            envelope = json.loads(line)
            signed = signed_by(envelope, base.trust, line)
        except Closed as error:
            return str(error)
        except (ValueError, TypeError) as error:
            return f"it cannot be read ({type(error).__name__})"
        if signed.commit != commit:
            return f"it is about another commit, {signed.commit[:12]}"
        return signed

    # --- the gate -------------------------------------------------------------------------------

    def verify(self, name: str) -> Answer:
        """One commit, against its first parent."""
        answer = Answer(commit=name)
        try:
            words = git(self._repo, "rev-list", "--parents", "-n", "1", "--end-of-options", name).split()
            answer.commit, parents = words[0], words[1:]
            if not parents:
                raise Closed("it has no parent, so there is no base to take trust and policy from")
            answer.base = parents[0]
            self._verify(answer, answer.commit, parents)
        except Closed as error:
            answer.why.append(str(error))
        return answer

    def _verify(self, answer: Answer, commit: str, parents: list[str]) -> None:
        base = self.base(parents[0])
        if replaced := git(self._repo, "for-each-ref", "--format=%(refname)", "refs/replace/").split():
            answer.notes.append(f"{len(replaced)} objects are replaced here (refs/replace); none of that was believed")
        if not base.policy and not self._trust:
            raise Closed("its base has no home, so nobody is trusted there; name your own file with --trust")
        tree = git(self._repo, "rev-parse", f"{commit}^{{tree}}").strip()
        held, wrong = self.evidence(commit, base)
        answer.why += wrong
        answer.statements = len(held)
        touched = _paths(self._repo, base.commit, commit)
        deciding = {path for path in touched if is_policy(path, base.home)} if base.policy else set()
        if not base.policy:
            deciding = {path for path in touched if path.startswith(".factory/")}
        by_hand = _latest(held, APPROVAL)
        if by_hand is not None and by_hand.predicate.get("what") == "home":
            self._by_hand(answer, by_hand, tree, base, touched, deciding)
            return
        landing = _latest(held, LANDING)
        if landing is None:
            answer.why.append("it has no landing statement: nothing says that the gate let it through")
            return
        reviewed = str(landing.ours.get("reviewed", ""))
        about = held
        review_base = base
        if reviewed != commit:
            review_base = self._carried_over(answer, commit, tree, parents, reviewed)
            own, wrong = self.evidence(reviewed, review_base)
            answer.why += wrong
            answer.statements += len(own)
            about = [*held, *own]
        self._is_current(answer, landing, commit, tree, base)
        self._listed(answer, landing, about)
        smoke = _latest(held, SMOKE)
        review, approval = (_latest(about, kind, reviewed) for kind in (REVIEW, APPROVAL))
        self._smoke(answer, smoke, tree, base)
        self._review(answer, review, approval, reviewed, review_base)
        self._approval(answer, approval, review_base, landing, deciding)
        _distinct(answer, [one for one in (smoke, review, approval) if one])
        answer.level = self._level(approval, smoke)
        answer.deployments = [_told(one) for one in held if one.kind == DEPLOYMENT]

    def _by_hand(
        self, answer: Answer, approval: Signed, tree: str, base: Base, touched: list[str], deciding: set[str]
    ) -> None:
        """A change of the home, made by the supervisor's own hands: nothing else may be in it."""
        others = sorted(set(touched) - deciding)
        if others:
            answer.why.append(f"a commit vouched for by hand may change the home only, not {', '.join(others[:5])}")
        self._approval(answer, approval, base, None, deciding)
        if approval.ours["tree"] != tree:
            answer.why.append("the approval is about another tree")
        answer.level = self._level(approval, None)
        answer.notes.append("made by the supervisor by hand: the home only")

    def _carried_over(self, answer: Answer, commit: str, tree: str, parents: list[str], reviewed: str) -> Base:
        """An approved change on a base that moved: both parents as said, disjoint, and merged to exactly this tree."""
        if len(parents) != 2 or parents[1] != reviewed:
            raise Closed(f"the change that was reviewed, {reviewed[:12] or 'none'}, is not what was merged here")
        before = git(self._repo, "rev-parse", f"{reviewed}^1").strip()
        try:
            git(self._repo, "merge-base", "--is-ancestor", before, parents[0])
        except Closed as error:
            raise Closed("the change was reviewed on a base that this line of history does not have") from error
        both = set(_paths(self._repo, before, reviewed)) & set(_paths(self._repo, before, parents[0]))
        if both:
            answer.why.append(f"the base moved in the same files after the review: {', '.join(sorted(both)[:5])}")
        with tempfile.TemporaryDirectory(dir=self._scratch.name) as place:
            objects = git(self._repo, "rev-parse", "--path-format=absolute", "--git-path", "objects").strip()
            known = os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES", "")
            extra = {
                "GIT_OBJECT_DIRECTORY": place,
                "GIT_ALTERNATE_OBJECT_DIRECTORIES": ":".join(
                    one for one in (os.environ.get("GIT_OBJECT_DIRECTORY", ""), objects, known) if one
                ),
            }
            merged = git(self._repo, "merge-tree", "--write-tree", parents[0], reviewed, extra=extra).split()[0]
        if merged != tree:
            answer.why.append(f"merging what was reviewed gives the tree {merged[:12]}, this one has {tree[:12]}")
        answer.notes.append(f"reviewed on {before[:12]}, merged onto {parents[0][:12]}")
        return self.base(before)

    def _is_current(self, answer: Answer, landing: Signed, commit: str, tree: str, base: Base) -> None:
        self._fits(answer, "the landing", landing, tree, base)
        properties = landing.predicate.get("properties", [])
        missing = {"FACTORY_TESTS_PASSED", "FACTORY_QUALITY_JUDGED", "FACTORY_APPROVED"} - set(properties)
        if missing:
            answer.why.append(f"the landing statement does not claim {', '.join(sorted(missing))}")
        if landing.ours.get("degraded"):
            answer.notes.append(f"without a wall, accepted by {landing.ours['degraded']}")
        if landing.ours.get("wall") != "bwrap":
            answer.notes.append(f"wall: {landing.ours.get('wall')}")
        if landing.ours.get("root"):
            answer.notes.append("the factory ran as root")

    def _fits(self, answer: Answer, name: str, signed: Signed, tree: str, base: Base) -> None:
        if signed.ours["tree"] != tree:
            answer.why.append(f"{name} is about another tree")
        if signed.ours.get("base") != base.commit:
            answer.why.append(f"{name} is stale: its base was {str(signed.ours.get('base'))[:12]}")
        if signed.ours.get("policy") != base.policy:
            answer.why.append(f"{name} is stale: roles, rules, settings or trust changed since")

    def _listed(self, answer: Answer, landing: Signed, about: list[Signed]) -> None:
        """The chain of what was said about this change: nothing left out, nothing put in."""
        there = {one.sha256 for one in about if one.kind not in (LANDING, DEPLOYMENT)}
        listed = {str(one) for one in landing.ours.get("statements", [])}
        if listed - there:
            answer.why.append(f"{len(listed - there)} statements that the landing relies on are gone")
        if there - listed:
            late = [one for one in about if one.sha256 in there - listed]
            answer.why.append(
                f"{len(late)} statements came later than the landing or were not part of it: {_told(late[0])}"
            )

    def _smoke(self, answer: Answer, smoke: Signed | None, tree: str, base: Base) -> None:
        if smoke is None:
            answer.why.append("no smoke result says that its tests passed")
            return
        self._fits(answer, "the smoke result", smoke, tree, base)
        if smoke.predicate.get("result") != "PASSED":
            answer.why.append(f"its tests did not pass: {smoke.predicate.get('result')}")
        count = smoke.ours.get("tests_passed", 0)
        if not isinstance(count, int) or count < 1:
            answer.why.append("no test was executed, so nothing passed")

    def _review(
        self, answer: Answer, review: Signed | None, approval: Signed | None, reviewed: str, base: Base
    ) -> None:
        if review is None:
            answer.why.append("no independent review judged it")
            return
        tree = git(self._repo, "rev-parse", f"{reviewed}^{{tree}}").strip()
        self._fits(answer, "the review", review, tree, base)
        ours = review.ours
        if not review.predicate.get("checked"):
            answer.why.append("the review names nothing that it inspected")
        verdict = review.predicate.get("verdict")
        waived = bool(approval and approval.predicate.get("waived") and ours.get("independent") is False)
        if verdict != "PASSED" and not waived:
            answer.why.append(f"the last review did not pass it: {verdict}")
        if waived:
            answer.notes.append("author and reviewer are one person; the supervisor accepted that, on record")
        same = [
            name for name in ("turn", "brief") if not ours.get(name) or ours.get(name) == ours.get(f"author_{name}")
        ]
        if same:
            answer.why.append(f"author and reviewer share one {' and one '.join(same)}")
        if review.signer == f"{ours.get('author')}@factory.invalid":
            answer.why.append(f"the author's role, {ours.get('author')}, reviewed itself")

    def _approval(
        self, answer: Answer, approval: Signed | None, base: Base, landing: Signed | None, deciding: set[str]
    ) -> None:
        if approval is None:
            answer.why.append("nobody approved it")
            return
        if approval.ours.get("base") != base.commit or approval.ours.get("policy") != base.policy:
            answer.why.append("the approval is stale: base, rules or trust moved since")
        if approval.predicate.get("decision") != "APPROVED":
            answer.why.append(f"the supervisor's answer was {approval.predicate.get('decision')}")
        unnamed = sorted(deciding - {str(path) for path in approval.predicate.get("protected", [])})
        if unnamed:
            answer.why.append(
                f"it changes what is protected, which the approval does not name: {', '.join(unnamed[:5])}"
            )
        if landing is None:
            return
        if landing.ours.get("approval") != approval.predicate.get("id"):
            answer.why.append("the landing used another approval")
        expires = str(approval.predicate.get("expires", ""))
        if expires and str(landing.ours.get("at", "")) > expires:
            answer.why.append(f"the approval had expired at {expires}")

    def _level(self, approval: Signed | None, smoke: Signed | None) -> str:
        if approval is not None and approval.key_type.upper().endswith("-SK"):
            return "G3"
        if smoke is not None and smoke.ours.get("runner") == "ci":
            return "G2"
        return "G1" if self._at else "G0"


def is_policy(path: str, home: str) -> bool:
    """Whether a file decides what is let through."""
    if not path.startswith(home):
        return False
    inside = path[len(home) :]
    return any(inside == name or inside.startswith(f"{name}/") for name in POLICY)


def _fanned_out(commit: str, level: int) -> str:
    return "/".join([*(commit[2 * n : 2 * n + 2] for n in range(level)), commit[2 * level :]])


def _paths(repo: str, old: str, new: str) -> list[str]:
    changed = git(repo, "diff-tree", "-r", "-z", "--name-only", "--no-renames", "--no-ext-diff", old, new)
    return [path for path in changed.split("\0") if path]


def _latest(signed: list[Signed], kind: str, commit: str = "") -> Signed | None:
    of_kind = [one for one in signed if one.kind == kind and (not commit or one.commit == commit)]
    return max(of_kind, key=lambda one: int(one.ours.get("seq", 0)), default=None)


def _distinct(answer: Answer, signed: list[Signed]) -> None:
    keys = [one.key for one in signed]
    if len(set(keys)) != len(keys):
        answer.why.append("one key stands for two seats")


def _told(signed: Signed) -> str:
    result = next(
        (signed.predicate[name] for name in ("verdict", "result", "decision") if name in signed.predicate), ""
    )
    return f"{NAMESPACES[signed.kind]} {result} by {signed.signer}".replace("  ", " ")


# --- the command --------------------------------------------------------------------------------


def commits_of(repo: str, name: str) -> list[str]:
    """One commit, or each of the first-parent line of A..B, oldest first. Raises Closed."""
    if ".." not in name:
        return [name]
    listed = git(repo, "rev-list", "--first-parent", "--reverse", "--end-of-options", name).split()
    if not listed:
        raise Closed(f"{name} holds no commit: nothing was verified")
    return listed


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="verify.py", description="Was this commit let through by the gate?")
    parser.add_argument("what", metavar="COMMIT | A..B")
    parser.add_argument("--repo", default=".", help="the repository (default: here)")
    parser.add_argument("--trust", default="", help="your own allowed_signers, instead of the base's")
    parser.add_argument("--at", default="", choices=["", "ci", "pre-receive"], help="where this runs")
    parser.add_argument("--json", action="store_true", dest="as_json")
    parser.add_argument("--notes", default=NOTES, help="the ref or commit that holds the evidence")
    given = parser.parse_args(arguments)
    trust = str(Path(given.trust).resolve()) if given.trust else ""
    try:
        with Gate(given.repo, trust=trust, at=given.at, notes=given.notes) as gate:
            answers = [gate.verify(commit) for commit in commits_of(given.repo, given.what)]
    except Closed as error:
        print(f"closed: {error}", file=sys.stderr)
        return 1
    if given.as_json:
        print(json.dumps([{**asdict(one), "open": one.is_open} for one in answers], indent=2))
    for one in () if given.as_json else answers:
        print(f"{'open  ' if one.is_open else 'CLOSED'} {one.commit}  {one.level} {LEVELS.get(one.level, '')}".rstrip())
        for reason in one.why:
            print(f"  closed: {reason}")
        for note in (*one.notes, *one.deployments):
            print(f"  note: {note}")
    return 0 if all(one.is_open for one in answers) else 1


if __name__ == "__main__":
    sys.exit(main())
