"""Reading a home: its settings, roles, rules and memory, from files given as data.

The files come from a commit or from disk; which one is the caller's choice. Nothing here stops at the first slip: a
reading holds every problem with file, line and fix, and a charter only when there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

import msgspec

from factory_tui.adapters.deploy_file import read_deploying
from factory_tui.adapters.front_matter import (
    FrontMatter,
    read_front_matter,
)
from factory_tui.adapters.heads import DnaHead, KnowledgeHead, Settings, defined_seat, is_repo_id
from factory_tui.adapters.home_files import (
    KNOWLEDGE,
    SETTINGS,
    files_on_disk,
    in_repository,
    is_home_file,
    is_own_library,
    library_files,
)
from factory_tui.adapters.home_names import unknown_names
from factory_tui.adapters.rule_files import RuleFilesError, read_rules
from factory_tui.adapters.schema import convert
from factory_tui.adapters.toml_text import read_toml
from factory_tui.domain import globs
from factory_tui.domain.card_check import problems_of_card
from factory_tui.domain.charter import DNA, Charter, Document, document_of, seal
from factory_tui.domain.environments import DEPLOY_FILE, Deploying
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.floor import loosened
from factory_tui.domain.gate import PROTECTED_EVERYWHERE, Gate
from factory_tui.domain.gate_check import problems_of_gate
from factory_tui.domain.roles import CardProblem, RoleCard
from factory_tui.domain.rules import Rule

__all__ = [
    "HomeReading",
    "Settings",
    "files_on_disk",
    "is_home_file",
    "is_own_library",
    "library_files",
    "read_home",
]

LIBRARY = "library/"
"""Before the path of what ships, where it is shown."""


@dataclass(frozen=True, kw_only=True)
class HomeReading:
    """What a home says, or everything that is wrong with it."""

    charter: Charter | None
    problems: tuple[DocumentError, ...]
    repo_id: str = ""


def read_home(
    files: Mapping[str, str | bytes],
    library: Mapping[str, str | bytes] | None = None,
    *,
    prefix: str | None = "",
) -> HomeReading:
    """Read a home's files (paths relative to the home) on the floor of the library's.

    `prefix` is where the home lies in the repository (`.factory`, or empty for its root), None when it lies outside.
    Without a library the home is its own floor, as this project is. Never raises for what a file holds.
    """
    return _HomeReader(files, library, prefix).read()


class _HomeReader:
    """One reading; collects problems as it goes."""

    def __init__(
        self, files: Mapping[str, str | bytes], library: Mapping[str, str | bytes] | None, prefix: str | None
    ) -> None:
        self._prefix = prefix
        self._problems: list[DocumentError] = []
        self._home = self._texts(files, self._shown)
        self._library = None if library is None else self._texts(library, lambda path: LIBRARY + path)
        self._heads: dict[str, FrontMatter] = {}

    def read(self) -> HomeReading:
        settings, settings_file = self._settings()
        roles = self._roles()
        rules, every_rule = self._rules(settings.packs if settings else ())
        documents, dna = self._memory()
        deploying = self._deploying()
        if settings is not None and settings_file is not None:
            all_readable = every_rule is not None and {card.id for card in roles} == self._role_ids()
            known = (roles, sorted(every_rule or ())) if all_readable else None
            self._report(settings_file, problems_of_gate(settings, known))
        self._problems += unknown_names(roles, self._role_ids(), every_rule, documents, self._heads)
        if self._problems or settings is None:
            return HomeReading(
                charter=None,
                problems=tuple(sorted(self._problems, key=lambda problem: (problem.path, problem.line))),
                repo_id=settings.repo_id if settings else "",
            )
        gate = Gate(**{field: getattr(settings, field) for field in Gate.__struct_fields__})
        charter = seal(
            roles=[self._resolved(card) for card in roles],
            rules=rules,
            gate=gate,
            documents=documents,
            stack=dna.stack,
            protected=in_repository((*PROTECTED_EVERYWHERE, *gate.protected), self._prefix),
            architecture=dna.architecture,
            deploying=deploying,
        )
        return HomeReading(charter=charter, problems=(), repo_id=settings.repo_id)

    # --- texts -----------------------------------------------------------------------------------

    def _shown(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    def _texts(self, files: Mapping[str, str | bytes], shown: Callable[[str], str]) -> dict[str, str]:
        texts = {}
        for path, content in sorted(files.items()):
            if not is_home_file(path):
                continue
            if isinstance(content, str):
                texts[path] = content
                continue
            if path.startswith("trust/"):
                continue
            try:
                texts[path] = content.decode("utf-8")
            except UnicodeDecodeError as error:
                self._problems.append(
                    DocumentError(
                        path=shown(path),
                        line=content.count(b"\n", 0, error.start) + 1,
                        problem=f"the byte 0x{content[error.start]:02x} here is not UTF-8",
                        next_step="Save the file as UTF-8.",
                    )
                )
        return texts

    def _report(self, document: FrontMatter, problems: Iterable[CardProblem]) -> None:
        for problem in problems:
            self._problems.append(
                document.error(problem.problem, *problem.keys, why=problem.why, next_step=problem.next_step)
            )

    # --- settings --------------------------------------------------------------------------------

    def _settings(self) -> tuple[Settings | None, FrontMatter | None]:
        text = self._home.get(SETTINGS)
        if text is None:
            if not any(problem.path == self._shown(SETTINGS) for problem in self._problems):
                self._problems.append(
                    DocumentError(
                        path=self._shown(SETTINGS),
                        problem="the file is missing",
                        why="a home is the directory that holds it",
                        next_step="Run `factory init`.",
                    )
                )
            return None, None
        try:
            document = read_toml(self._shown(SETTINGS), text)
        except DocumentError as error:
            self._problems.append(error)
            return None, None
        if (defined := defined_seat(document)) is not None:
            self._problems.append(defined)
            return None, None
        settings = convert(document, Settings, document.data, self._problems)
        if settings is not None and settings.repo_id and not is_repo_id(settings.repo_id):
            self._problems.append(
                document.error(
                    "`repo_id` is not 32 hex digits", "repo_id", next_step="Remove the line and run `factory init`."
                )
            )
        return settings, document

    def _deploying(self) -> Deploying | None:
        text = self._home.get(DEPLOY_FILE)
        return None if text is None else read_deploying(self._shown(DEPLOY_FILE), text, self._problems)

    # --- roles -----------------------------------------------------------------------------------

    def _roles(self) -> list[RoleCard]:
        shipped = self._read_roles(self._library, LIBRARY) if self._library is not None else {}
        home = self._read_roles(self._home, "")
        for id, (card, document) in home.items():
            if id in shipped and shipped[id][0] != card:
                self._report(document, loosened(shipped[id][0], card))
        for id, found in home.items():
            shipped[id] = found
        for card, document in shipped.values():
            self._heads[card.id] = document
        return [card for card, _ in shipped.values()]

    def _read_roles(self, texts: Mapping[str, str], origin: str) -> dict[str, tuple[RoleCard, FrontMatter]]:
        found: dict[str, tuple[RoleCard, FrontMatter]] = {}
        for path, shown, text in self._markdown(texts, "roles/", origin):
            try:
                document = read_front_matter(shown, text)
            except DocumentError as error:
                self._problems.append(error)
                continue
            if "body" in document.data:
                self._problems.append(
                    document.error("unknown key `body`", "body", next_step="Write the text below the front matter.")
                )
                continue
            card = convert(document, RoleCard, {**document.data, "body": document.body.strip("\n")}, self._problems)
            if card is None:
                continue
            self._report(document, problems_of_card(card))
            if card.id != PurePosixPath(path).stem:
                problem = f"the id is `{card.id[:60]}`, and the file is `{PurePosixPath(path).name}`"
                self._problems.append(
                    document.error(problem, "id", next_step=f"Name the file `{card.id[:60]}.md`, or mend the id.")
                )
                continue
            found[card.id] = (card, document)
        return found

    def _markdown(self, texts: Mapping[str, str], folder: str, origin: str) -> Iterator[tuple[str, str, str]]:
        for path, text in texts.items():
            name = path.removeprefix(folder)
            if not path.startswith(folder) or name == "README.md":
                continue
            shown = origin + path if origin else self._shown(path)
            if not name.endswith(".md") or "/" in name:
                self._problems.append(
                    DocumentError(
                        path=shown,
                        problem="only `.md` files directly in this folder are read",
                        next_step="Rename it, or move it elsewhere.",
                    )
                )
                continue
            yield path, shown, text

    def _resolved(self, card: RoleCard) -> RoleCard:
        return msgspec.structs.replace(
            card,
            **{
                key: in_repository(getattr(card, key), self._prefix)
                for key in ("reads", "never_reads", "writes", "never_writes")
            },
        )

    # --- rules -----------------------------------------------------------------------------------

    def _rules(self, packs: tuple[str, ...]) -> tuple[list[Rule], frozenset[str] | None]:
        """The rules in force, and the ids of all that could be; None when some could not be read."""
        shipped = self._read_rules(self._library or {}, LIBRARY)
        own = {path: text for path, text in self._home.items() if (self._library or {}).get(path) != text}
        home = self._read_rules(own, "")
        if shipped is None or home is None:
            return [], None
        if self._library is None:
            shipped, home = home, {}
        in_force = [rule for rule in shipped.values() if rule.tier == "core" or "extended" in packs or rule.id in packs]
        for rule in home.values():
            if rule.id not in shipped:
                in_force.append(rule)
                continue
            self._problems.append(
                DocumentError(
                    path=rule.path,
                    line=1,
                    problem=f"the rule `{rule.id}` ships already",
                    why="rules are permanent: a home adds its own and never replaces one that ships",
                    next_step="Give it an id of its own; both then hold, and the stricter answer wins.",
                )
            )
        return in_force, frozenset({*shipped, *home})

    def _read_rules(self, texts: Mapping[str, str], origin: str) -> dict[str, Rule] | None:
        try:
            rules = _rules_of(
                tuple((shown, text) for _, shown, text in self._markdown(texts, "rules/", origin)),
                self._role_ids(),
                self._prefix,
            )
        except RuleFilesError as error:
            self._problems += error.problems
            return None
        return {rule.id: rule for rule in rules}

    def _role_ids(self) -> frozenset[str]:
        """By the names of the files, so that one bad card does not make every mention of its role an error."""
        paths = (*self._home, *(self._library or {}))
        return frozenset(
            PurePosixPath(path).stem
            for path in paths
            if path.startswith("roles/") and path.endswith(".md") and path != "roles/README.md"
        )

    # --- memory ----------------------------------------------------------------------------------

    def _memory(self) -> tuple[list[Document], DnaHead]:
        documents: list[Document] = []
        dna = DnaHead()
        if DNA not in self._home and not any(problem.path == self._shown(DNA) for problem in self._problems):
            self._problems.append(
                DocumentError(
                    path=self._shown(DNA),
                    problem="the file is missing",
                    why="every role is told the architecture decisions, whole, at the start of every turn",
                    next_step="Run `factory init`, which drafts it, or write it.",
                )
            )
        for path, text in self._home.items():
            if path == DNA:
                dna = self._dna(path, text, documents)
            elif path.startswith(KNOWLEDGE):
                self._knowledge(path, text, documents)
        return documents, dna

    def _dna(self, path: str, text: str, documents: list[Document]) -> DnaHead:
        try:
            document = read_front_matter(self._shown(path), text, required=False)
        except DocumentError as error:
            self._problems.append(error)
            return DnaHead()
        if not document.body.strip():
            self._problems.append(document.error("DNA.md says nothing", next_step="Write what was decided, and why."))
        data = dict(document.data)
        if isinstance(data.get("stack"), dict):
            # `python: 3.10` means the text; as a number it would lose its zero.
            data["stack"] = {
                key: document.text_of("stack", key) if isinstance(value, int | float) else value
                for key, value in data["stack"].items()
            }
        head = convert(document, DnaHead, data, self._problems) or DnaHead()
        self._check_globs(document, head.architecture, "architecture")
        documents.append(document_of(path, text))
        return head

    def _knowledge(self, path: str, text: str, documents: list[Document]) -> None:
        shown = self._shown(path)
        if not path.endswith(".md"):
            self._problems.append(
                DocumentError(path=shown, problem="only `.md` files are knowledge", next_step="Rename or move it.")
            )
            return
        try:
            document = read_front_matter(shown, text, required=False)
        except DocumentError as error:
            self._problems.append(error)
            return
        if not document.body.strip():
            self._problems.append(document.error("the document says nothing", next_step="Write what was learned."))
        head = convert(document, KnowledgeHead, document.data, self._problems)
        if head is None:
            return
        self._check_globs(document, head.bears_on.paths, "bears_on", "paths")
        self._heads[path] = document
        documents.append(document_of(path, text, roles=head.bears_on.roles, paths=head.bears_on.paths))

    def _check_globs(self, document: FrontMatter, paths: tuple[str, ...], *keys: str) -> None:
        for number, glob in enumerate(paths):
            if slip := globs.problem_of(glob):
                self._problems.append(document.error(slip, *keys, number, next_step="Mend the glob."))


@lru_cache(maxsize=8)
def _rules_of(files: tuple[tuple[str, str], ...], roles: frozenset[str], prefix: str | None) -> tuple[Rule, ...]:
    """The rules of these texts. Every rule tries its own cases when it is read, so the same texts are read once."""
    return read_rules(dict(files), roles, prefix)
