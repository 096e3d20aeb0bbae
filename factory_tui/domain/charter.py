"""The charter: roles, rules, gate and documents in force, frozen and hashed.

Whoever approves, seals or attests names the charter's sha256, so that no law changes under a promise. Globs inside are
relative to the repository: what a home marked `home:` was resolved when it was read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from difflib import get_close_matches

import msgspec

from factory_tui.domain import globs
from factory_tui.domain.environments import DEPLOY_FILE, Deploying
from factory_tui.domain.errors import Refusal
from factory_tui.domain.gate import Gate
from factory_tui.domain.roles import RoleCard
from factory_tui.domain.rules import Rule
from factory_tui.domain.terms import Record, Sha256

DNA = "memory/DNA.md"


class Document(Record, frozen=True, kw_only=True):
    """One document of the home, whole."""

    path: str
    """Relative to the home: `memory/DNA.md`, `memory/knowledge/tokens.md`."""
    text: str
    sha256: Sha256
    """Of the text in UTF-8."""
    roles: tuple[str, ...] = ()
    """Roles it bears on; none = every role."""
    paths: tuple[str, ...] = ()
    """Globs it bears on; none = every path."""


class Charter(Record, frozen=True, kw_only=True):
    """What is in force. Made by `seal`, which computes `sha256`."""

    sha256: Sha256
    roles: tuple[RoleCard, ...]
    """Sorted by id."""
    rules: tuple[Rule, ...]
    """Sorted by id."""
    gate: Gate
    documents: tuple[Document, ...] = ()
    """DNA.md and knowledge, sorted by path."""
    stack: dict[str, str] = msgspec.field(default_factory=dict)
    """What DNA.md declares: `{"language": "python"}`."""
    protected: tuple[str, ...] = ()
    """Globs that no seat changes: those protected everywhere and the home's own."""
    architecture: tuple[str, ...] = ()
    """Globs that DNA.md declares as architecture: changed with the CEO's approval."""
    deploying: Deploying | None = None
    """`deploy.yaml`; None = this home deploys nothing."""

    @property
    def dna(self) -> Document | None:
        return next((document for document in self.documents if document.path == DNA), None)

    @property
    def knowledge(self) -> tuple[Document, ...]:
        return tuple(document for document in self.documents if document.path != DNA)

    def role(self, id: str) -> RoleCard:
        """Raises Refusal naming the known roles."""
        for card in self.roles:
            if card.id == id:
                return card
        known = [card.id for card in self.roles]
        close = get_close_matches(id[:80], known, n=1)
        raise Refusal(
            what=f"there is no role `{id[:80]}`",
            why=f"known roles are {', '.join(known)}",
            next_step=f"did you mean `{close[0]}`?" if close else "name one of them, or add roles/<id>.md to the home",
        )

    def document(self, path: str) -> Document | None:
        """The document at that path of the home; None when there is none."""
        return next((document for document in self.documents if document.path == path), None)

    def knowledge_for(self, role: str, paths: Sequence[str]) -> tuple[Document, ...]:
        """Knowledge that bears on a task of this role with these declared globs; no globs may touch everything."""
        return tuple(
            document
            for document in self.knowledge
            if (not document.roles or role in document.roles) and globs.may_overlap(document.paths, tuple(paths))
        )

    def reviewer_of(self, author: str) -> str:
        """The role that judges what this role wrote: the gate's, or another that judges. Raises Refusal."""
        judging = [card.id for card in self.roles if card.judges and card.id != author]
        if self.gate.reviewer in judging:
            return self.gate.reviewer
        if not judging:
            raise Refusal(
                what=f"no role can judge what the role `{author}` wrote",
                why="the author of code cannot be its auditor",
                next_step="add a role with `judges: true` to the home",
            )
        return judging[0]

    def check_reviewer(self, reviewer: str, author: str) -> None:
        """Raises Refusal unless that role judges and is not the author's own."""
        if not self.role(reviewer).judges:
            raise Refusal(
                what=f"the role `{reviewer}` does not judge",
                why="a verdict of level 3 comes from a role whose card says `judges: true`",
                next_step=f"choose `{self.reviewer_of(author)}`",
            )
        if reviewer == author:
            raise Refusal(
                what=f"the role `{reviewer}` wrote this change",
                why="the author of code cannot be its auditor",
                next_step="choose another role that judges",
            )


def seal(
    *,
    roles: Sequence[RoleCard],
    rules: Sequence[Rule],
    gate: Gate,
    documents: Sequence[Document] = (),
    stack: dict[str, str] | None = None,
    protected: Sequence[str] = (),
    architecture: Sequence[str] = (),
    deploying: Deploying | None = None,
) -> Charter:
    """A charter with its sha256: the same content in any order is the same charter."""
    unsealed = Charter(
        sha256="",
        roles=tuple(sorted(roles, key=lambda card: card.id)),
        rules=tuple(sorted(rules, key=lambda rule: rule.id)),
        gate=gate,
        documents=tuple(sorted(documents, key=lambda document: document.path)),
        stack=dict(sorted((stack or {}).items())),
        protected=tuple(sorted(set(protected))),
        architecture=tuple(sorted(set(architecture))),
        deploying=deploying,
    )
    canonical = msgspec.json.encode(unsealed, order="sorted")
    return msgspec.structs.replace(unsealed, sha256=hashlib.sha256(canonical).hexdigest())


def document_of(path: str, text: str, *, roles: Sequence[str] = (), paths: Sequence[str] = ()) -> Document:
    """A document with its sha256."""
    return Document(
        path=path, text=text, sha256=hashlib.sha256(text.encode()).hexdigest(), roles=tuple(roles), paths=tuple(paths)
    )


def changed_documents(old: Charter, new: Charter) -> tuple[str, ...]:
    """Names of what differs between two charters."""
    found = []
    if old.gate != new.gate or old.protected != new.protected:
        found.append("factory.toml")
    if old.deploying != new.deploying:
        found.append(DEPLOY_FILE)
    for kind, before, after in (
        ("roles/", {card.id: card for card in old.roles}, {card.id: card for card in new.roles}),
        ("rules/", {rule.id: rule for rule in old.rules}, {rule.id: rule for rule in new.rules}),
        ("", {doc.path: doc for doc in old.documents}, {doc.path: doc for doc in new.documents}),
    ):
        found += [f"{kind}{name}" for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return tuple(found) or ("the home",)
