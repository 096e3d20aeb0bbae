"""The charter: whole, hashed, and standing on a floor that a home cannot dig into."""

from __future__ import annotations

import msgspec
import pytest
from small_home import DNA, SETTINGS, charter_of, read_small, rule, shipped_roles, small_home, small_library

from factory_tui.adapters.documents import read_home
from factory_tui.adapters.home_files import in_repository
from factory_tui.domain.charter import Charter
from factory_tui.domain.floor import covers, loosened
from factory_tui.domain.gate import Gate

BUILDER = shipped_roles()["roles/builder.md"]
DEVOPS = shipped_roles()["roles/devops.md"]
DISCOVERY = shipped_roles()["roles/discovery.md"]
QUALITY = shipped_roles()["roles/quality.md"]


def test_the_same_content_is_the_same_charter_and_one_letter_is_another():
    one, same = charter_of(), charter_of()
    assert one == same
    assert len(one.sha256) == 64
    others = [
        charter_of({"memory/DNA.md": DNA + "!"}),
        charter_of({"factory.toml": SETTINGS.replace("make test", "make tests")}),
        charter_of({"rules/H1.md": rule("H1")}),
        charter_of({"roles/builder.md": BUILDER.replace("usd: 3.0", "usd: 2.9")}),
        charter_of({"roles/builder.md": BUILDER + "More.\n"}),
        charter_of({"memory/knowledge/a.md": "Learned.\n"}),
    ]
    assert len({one.sha256, *(other.sha256 for other in others)}) == 7


def test_a_charter_survives_being_written_down():
    charter = charter_of({"memory/knowledge/a.md": "Learned.\n"})
    assert msgspec.json.decode(msgspec.json.encode(charter), type=Charter) == charter


def test_the_charter_holds_documents_whole():
    charter = charter_of({"memory/knowledge/a.md": "---\ntitle: A\n---\nLearned.\n"})
    assert charter.dna is not None
    assert charter.dna.text == DNA
    assert [document.text for document in charter.knowledge] == ["---\ntitle: A\n---\nLearned.\n"]
    assert charter.stack == {"python": "3.10"}
    assert charter.architecture == ("src/api/**", "src/schema.sql")
    assert charter.gate == Gate(smoke=charter.gate.smoke)


def test_globs_of_the_home_become_globs_of_the_repository():
    globs = ("docs/**", "home:rules/**")
    assert in_repository(globs, ".factory") == ("docs/**", ".factory/rules/**")
    assert in_repository(globs, "") == ("docs/**", "rules/**")
    assert in_repository(globs, None) == ("docs/**",)
    assert "rules/**" in charter_of(prefix="").protected
    assert ".factory/**" in charter_of(prefix=None).protected
    assert charter_of(prefix="").role("quality").never_reads == ("memory/digests/**",)


def test_knowledge_is_given_to_the_tasks_it_bears_on():
    charter = charter_of(
        {
            "memory/knowledge/all.md": "For everyone.\n",
            "memory/knowledge/auth.md": "---\nbears_on: {paths: ['src/auth/**']}\n---\nTokens.\n",
            "memory/knowledge/deploys.md": "---\nbears_on: {roles: [devops]}\n---\nCredentials.\n",
            "memory/knowledge/both.md": "---\nbears_on: {roles: [builder], paths: ['src/db/**']}\n---\nTables.\n",
        }
    )

    def told(role: str, *paths: str) -> list[str]:
        return [document.path.split("/")[-1] for document in charter.knowledge_for(role, paths)]

    assert told("builder", "src/auth/token.py") == ["all.md", "auth.md"]
    assert told("builder", "docs/**") == ["all.md"]
    assert told("builder", "src/**") == ["all.md", "auth.md", "both.md"]
    assert told("builder") == ["all.md", "auth.md", "both.md"], "a task without paths may touch everything"
    assert told("devops", "deploy/**") == ["all.md", "deploys.md"]


TIGHTER = {
    "nothing changed": (BUILDER, "", ""),
    "fewer actions": (BUILDER, "fetch, hand_over, propose, report", "fetch, hand_over, report"),
    "narrower writes": (BUILDER, 'writes: ["**"]', 'writes: ["src/**", "tests/**"]'),
    "narrower commands": (BUILDER, 'runs: ["*"]', "runs: [make, pytest]"),
    "more never writes": (BUILDER, 'writes: ["**"]', 'writes: ["**"]\nnever_writes: ["vendor/**"]'),
    "a smaller budget": (BUILDER, "usd: 3.0", "usd: 0.5"),
    "fewer at once": (BUILDER, "parallel_turns: 3", "parallel_turns: 1"),
    "asks the person at once": (BUILDER, "escalates_to: ceo", "escalates_to: supervisor"),
    "another model": (BUILDER, "model_tier: strong", "model_tier: fast"),
    "one host fewer": (DISCOVERY, '    - "github.com"\n', ""),
    "a host below a listed one": (DISCOVERY, '"*.stackexchange.com"', '"math.stackexchange.com"'),
    "one folder of several": (DEVOPS, '  - "deploy/**"\n', '  - "deploy/staging/*.yaml"\n'),
    "one name anywhere": (DEVOPS, '  - "**/Dockerfile"\n', '  - "services/*/Dockerfile"\n'),
    "more text": (QUALITY, "You judge one commit.", "You judge one commit. Look at the colours."),
}

PROPOSES = 'proposes: ["memory/knowledge/**", "memory/DNA.md"]\n'


@pytest.mark.parametrize("name", TIGHTER)
def test_a_home_may_tighten_a_shipped_role(name: str):
    text, old, new = TIGHTER[name]
    assert old in text
    text = text.replace(old, new)
    if name == "fewer actions":
        text = text.replace(PROPOSES, "")
    id = text.split("id: ", 1)[1].split("\n", 1)[0]
    assert charter_of({f"roles/{id}.md": text}).role(id)


LOOSER = {
    "one more action": (BUILDER, "report, escalate]", "report, escalate, deploy]\ndeploys: true", "`deploy` is not on"),
    "wider writes": (DEVOPS, '  - "deploy/**"\n', '  - "**"\n', "`**` is not plainly inside"),
    "a sibling": (DEVOPS, '  - "deploy/**"\n', '  - "src/**"\n', "`src/**` is not plainly inside"),
    "a crafty glob": (DEVOPS, '  - "deploy/**"\n', '  - "*/**"\n', "`*/**` is not plainly inside"),
    "another crafty glob": (DEVOPS, '  - "deploy/**"\n', '  - "deplo?/**"\n', "`deplo?/**` is not plainly inside"),
    "a never_writes less": (DEVOPS, '  - "**/*.sql"\n', "", "does not hold on this card"),
    "another never_writes less": (DEVOPS, '  - "**/*.rb"\n', "", "`**/*.rb` is missing"),
    "a never less": (DEVOPS, "  - text: Touch business logic.", "  - text: Be careful.", "Touch business logic"),
    "more money": (BUILDER, "usd: 3.0", "usd: 3.1", "3 at most"),
    "more time": (BUILDER, "minutes: 60", "minutes: 61", "60 at most"),
    "more at once": (BUILDER, "parallel_turns: 3", "parallel_turns: 4", "3 at most"),
    "one more host": (DISCOVERY, '"github.com"', '"evil.example.com"', "not on the shipped card"),
    "every host below": (DISCOVERY, '"en.wikipedia.org"', '"*.wikipedia.org"', "not on the shipped card"),
    "one more document": (BUILDER, '"memory/DNA.md"]', '"memory/DNA.md", "rules/**"]', "not plainly inside"),
    "another receiver": (BUILDER, "hands_to: [quality]", "hands_to: [quality, devops]", "does not hand to `devops`"),
    "reads more": (QUALITY, 'never_reads: ["home:memory/digests/**"]\n', "", "does not hold on this card"),
    "is told more": (QUALITY, "task, diff, findings]", "task, diff, findings, plan]", "`plan` is not on"),
    "delivers another thing": (QUALITY, "delivers: review", "delivers: report", "`delivers` is `review`"),
    "judges no more": (QUALITY, "delivers: review\njudges: true", "delivers: report", "`judges` is `true`"),
}


@pytest.mark.parametrize("name", LOOSER)
def test_a_home_may_not_loosen_a_shipped_role(name: str):
    text, old, new, words = LOOSER[name]
    assert old in text
    text = text.replace(old, new)
    id = text.split("id: ", 1)[1].split("\n", 1)[0]
    reading = read_small({f"roles/{id}.md": text})
    assert reading.charter is None
    problem = next(problem for problem in reading.problems if words in problem.problem)
    assert problem.path == f".factory/roles/{id}.md"
    assert problem.line > 1
    assert problem.next_step


def test_without_the_floor_the_looser_card_would_hold():
    """Control: the card itself is sound, only the floor refuses it."""
    text, old, new, _ = LOOSER["wider writes"]
    alone = small_library() | small_home() | {"roles/devops.md": text.replace(old, new)}
    alone["roles/devops.md"] = alone["roles/devops.md"].replace("writes, ", "")  # type: ignore[union-attr, arg-type]
    reading = read_home(alone, None, prefix=".factory")
    assert reading.charter is not None, reading.problems
    assert "**" in reading.charter.role("devops").writes


def test_every_shipped_card_stands_on_itself():
    for card in charter_of().roles:
        assert loosened(card, card) == ()


@pytest.mark.parametrize(
    ("wider", "glob", "inside"),
    [
        ("**", "anything/**", True),
        ("docs/**", "docs/guide/*.md", True),
        ("docs/**", "Docs/guide.md", True),
        ("docs/**", "docs", True),
        ("docs/**", "docsx/a", False),
        ("docs/*", "docs/a.md", True),
        ("docs/*", "docs/*/a.md", False),
        ("docs/*", "docs/**", False),
        ("**/*.md", "a/b/c.md", True),
        ("**/*.md", "a/**/*.md", True),
        ("**/*.md", "a/**", False),
        ("a/*/b/**", "a/x/b/c.md", True),
        ("a/*/b/**", "a/x/b/*.md", False),
        ("home:memory/**", "memory/a.md", False),
        ("home:memory/**", "home:memory/a.md", True),
        ("memory/**", "home:memory/a.md", False),
    ],
)
def test_a_glob_is_inside_another_only_when_that_is_plain(wider: str, glob: str, inside: bool):
    assert covers(wider, glob) is inside


def test_a_home_adds_rules_and_replaces_none():
    charter = charter_of({"rules/H1.md": rule("H1")})
    assert [one.id for one in charter.rules] == ["H1", "P1", "P2"]
    reading = read_small({"rules/P1.md": rule("P1").replace("roles: [ceo]", "roles: [challenger]")})
    assert reading.charter is None
    reading = read_small({"rules/P1.md": rule("P1").replace("It is so.", "It is not so.")})
    (problem,) = reading.problems
    assert (problem.path, problem.line) == (".factory/rules/P1.md", 1)
    assert "ships already" in problem.problem
    assert charter_of({"rules/P1.md": rule("P1")}).rules == charter_of().rules, "a copy changes nothing"


def test_extended_rules_are_in_force_when_their_pack_is_named():
    library = small_library() | {"rules/P3.md": rule("P3").replace("id: P3", "id: P3\ntier: extended")}

    def ids(settings: str) -> list[str]:
        reading = read_home(small_home({"factory.toml": settings}), library, prefix=".factory")
        assert reading.charter is not None, reading.problems
        return [one.id for one in reading.charter.rules]

    assert ids(SETTINGS) == ["P1", "P2"]
    assert ids('packs = ["extended"]\n' + SETTINGS) == ["P1", "P2", "P3"]
    assert ids('packs = ["P3"]\n' + SETTINGS) == ["P1", "P2", "P3"]


def test_the_gate_cannot_be_settled_away():
    for line, words in (
        ('reviewer = "builder"', "no `judges: true`"),
        ('planner = "quality"', "no `plans: true`"),
        ('reviewer = "nobody"', "there is no role `nobody`"),
        ('packs = ["P9"]', "no rule or pack"),
        ('seats = {bilder = "human"}', "there is no role `bilder`"),
        ("[pace]\nattempts = 0", "out of bounds"),
        ("[pace]\nreview_minutes = 0", "out of bounds"),
        ("[landing]\nbranch = 'main'", "does not hold `{task}`"),
        ("[dependencies]\ntoolchains = ['/']", "no directory that can be shown"),
    ):
        settings = f"{line}\n{SETTINGS}" if not line.startswith("[") else f"{SETTINGS}\n{line}\n"
        reading = read_small({"factory.toml": settings})
        assert reading.charter is None, line
        assert [problem.path for problem in reading.problems] == [".factory/factory.toml"]
        assert words in reading.problems[0].problem
        assert reading.problems[0].line == (1 if not line.startswith("[") else settings.count("\n"))
