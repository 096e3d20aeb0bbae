"""What a role cannot do, tried: the methodology's table as data, with the same wishes granted where nothing limits."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

import msgspec
import pytest
from small_home import charter_of, shipped_roles

from factory_tui.adapters.front_matter import read_front_matter
from factory_tui.domain.card_check import problems_of_card
from factory_tui.domain.charter import Charter
from factory_tui.domain.errors import Refusal
from factory_tui.domain.roles import Budget, Fetch, Never, RoleCard, may_read, path_policy, permits
from factory_tui.domain.terms import ACTION_KINDS, Action, Decision, PlannedTask, RuleMatch, strictest

FIFTEEN = {
    "architect",
    "builder",
    "ceo",
    "challenger",
    "compliance",
    "data_analyst",
    "designer",
    "devops",
    "discovery",
    "marketing",
    "performance",
    "quality",
    "security",
    "strategy",
    "tech_writer",
}


@lru_cache
def charter() -> Charter:
    return charter_of()


def answer(role: str, action: Action) -> tuple[Decision, tuple[RuleMatch, ...]]:
    law = charter()
    found = permits(law.role(role), action, protected=law.protected, architecture=law.architecture)
    return strictest(*(match.decision for match in found)), found


def edit(path: str) -> Action:
    return Action(kind="edit", path=path, content="x")


def run(command: str) -> Action:
    return Action(kind="run", command=command)


def url(target: str) -> Action:
    return Action(kind="fetch", resource="url", target=target)


def package(target: str) -> Action:
    return Action(kind="fetch", resource="package", target=target)


def approve(path: str) -> Action:
    return Action(kind="approve", path=path)


def propose(path: str) -> Action:
    return Action(kind="propose", path=path, content="x")


def plan(role: str, goal: str = "it works") -> Action:
    return Action(kind="plan", tasks=(PlannedTask(title="t", goal=goal, role=role, criteria=("c",)),))


COMMIT = Action(kind="commit", text="done")
DEPLOY = Action(kind="deploy", target="prod")
HAND_OVER = Action(kind="hand_over", target="builder")
REPORT = Action(kind="report", text="seen")
ESCALATE = Action(kind="escalate", text="what now?")

READERS = (
    "ceo",
    "architect",
    "discovery",
    "strategy",
    "data_analyst",
    "compliance",
    "challenger",
    "quality",
    "security",
)
NO_COMMAND = (
    "ceo",
    "architect",
    "discovery",
    "strategy",
    "data_analyst",
    "compliance",
    "challenger",
    "marketing",
)
EVERYWHERE_PROTECTED = (
    ".factory/memory/DNA.md",
    ".factory/rules/Q1.md",
    ".Factory/Rules/Q1.md",
    ".factory/roles/builder.md",
    ".factory/factory.toml",
    ".factory/trust/keys",
    ".github/workflows/ci.yml",
    ".git/config",
    ".claude/settings.json",
    "docs/AGENTS.md",
    "ａgents.md",
)

CANNOT: list[tuple[str, Action]] = [
    *((role, edit("web/index.html")) for role in READERS),
    *((role, edit("README.md")) for role in READERS),
    *((role, COMMIT) for role in READERS),
    *((role, run("sed -i s/a/b/ web/index.html")) for role in NO_COMMAND),
    *((role, run("ls")) for role in NO_COMMAND),
    *((role, DEPLOY) for role in sorted(FIFTEEN - {"devops"})),
    *((role, approve("memory/DNA.md")) for role in sorted(FIFTEEN - {"ceo"})),
    *((role, plan("builder")) for role in sorted(FIFTEEN - {"ceo"})),
    *((role, edit(path)) for role in sorted(FIFTEEN) for path in EVERYWHERE_PROTECTED),
    *((role, edit("../outside")) for role in sorted(FIFTEEN)),
    *((role, url("https://evil.example.com/")) for role in sorted(FIFTEEN)),
    *((role, package("authlib")) for role in sorted(FIFTEEN - {"builder"})),
    *((role, propose("rules/Q1.md")) for role in sorted(FIFTEEN - {"architect"})),
    *((role, propose("roles/builder.md")) for role in sorted(FIFTEEN)),
    *((role, propose("memory/DNA.md")) for role in sorted(FIFTEEN - {"architect", "builder"})),
    # CEO: reads, decomposes, delegates, decides.
    ("ceo", Action(kind="edit", path="web/index.html", old="<h1>", new="<h2>")),
    ("ceo", Action(kind="edit", path="web/index.html", delete=True)),
    ("ceo", plan("ceo")),
    ("ceo", plan("builder", "apply:\ndiff --git a/x b/x\n@@ -1 +1 @@\n-x\n+y")),
    ("ceo", approve("src/main.py")),
    ("ceo", approve("rules/Q1.md")),
    # Builder: no deploy, no architecture.
    ("builder", url("https://github.com/")),
    ("builder", package("--index-url=https://evil.example.com x")),
    ("builder", Action(kind="hand_over", target="devops")),
    # Quality and Security: report, never fix.
    *((role, HAND_OVER) for role in ("quality", "security")),
    ("quality", Action(kind="read", path=".factory/memory/digests/2026-11-20.md")),
    ("quality", Action(kind="read", path=".factory/Memory/Digests/2026-11-20.md")),
    # DevOps: no business logic.
    ("devops", edit("src/app.py")),
    ("devops", edit("deploy/app.py")),
    ("devops", edit("deploy/patch.TS")),
    ("devops", edit("infra/db/migration.sql")),
    ("devops", edit("deploy/.env")),
    ("devops", edit("src/deploy/app.yaml")),
    # Paths of the others.
    ("performance", edit("src/fast.py")),
    ("performance", edit("tests/test_fast.py")),
    ("designer", edit("src/app.js")),
    ("designer", edit("tests/page.html")),
    ("designer", edit("web/App.vue")),
    ("tech_writer", edit("src/app.py")),
    ("tech_writer", edit("docs/conf.py")),
    ("tech_writer", edit("LICENSE.md")),
    ("tech_writer", edit("docs/requirements.txt")),
    ("marketing", edit("docs/index.md")),
    ("marketing", edit("content/widget.js")),
    ("marketing", edit("web/index.html")),
    ("architect", HAND_OVER),
    ("strategy", HAND_OVER),
    ("compliance", propose("memory/knowledge/licences.md")),
    ("challenger", propose("memory/knowledge/objections.md")),
    ("data_analyst", Action(kind="read", path="data/.env")),
    # Hosts by any trick.
    ("discovery", url("http://github.com/")),
    ("discovery", url("https://github.com@evil.example.com/")),
    ("discovery", url("https://github.com.evil.example.com/")),
    ("discovery", url("https://evilgithub.com/")),
    ("discovery", url("https://github.com:8443/")),
    ("discovery", url("https://github.com\\@evil.example.com/")),
    ("discovery", url("https://ｇithub.com/")),
    ("discovery", url("https://stackexchange.com/")),
    ("discovery", url("https://[::1]/")),
    ("discovery", url("https://127.0.0.1/")),
    ("discovery", url("file:///etc/passwd")),
    ("discovery", package("requests")),
]

CAN: list[tuple[str, Action]] = [
    *((role, Action(kind="read", path="src/app.py")) for role in sorted(FIFTEEN)),
    *((role, Action(kind="search", pattern="def ")) for role in sorted(FIFTEEN)),
    *((role, ESCALATE) for role in sorted(FIFTEEN)),
    *((role, REPORT) for role in sorted(FIFTEEN)),
    ("ceo", plan("builder")),
    ("ceo", plan("tech_writer")),
    ("ceo", approve("memory/DNA.md")),
    ("ceo", approve("home:memory/DNA.md")),
    ("ceo", approve("src/schema.sql")),
    ("builder", edit("src/app.py")),
    ("builder", edit("web/index.html")),
    ("builder", Action(kind="edit", path="old.py", delete=True)),
    ("builder", run("pytest -q && echo done")),
    ("builder", COMMIT),
    ("builder", Action(kind="hand_over")),
    ("builder", Action(kind="hand_over", target="quality")),
    ("builder", propose("memory/DNA.md")),
    ("builder", propose("home:memory/knowledge/tokens.md")),
    ("quality", run("python probe.py")),
    ("security", run("python probe.py")),
    ("devops", edit("deploy/run.sh")),
    ("devops", edit("services/api/Dockerfile")),
    ("devops", COMMIT),
    ("performance", edit("benches/parse.rs")),
    ("performance", edit("src/bench_parse.py")),
    ("designer", edit("web/style.css")),
    ("tech_writer", edit("docs/guide.md")),
    ("tech_writer", edit("README.md")),
    ("marketing", edit("content/launch.md")),
    ("architect", propose("memory/DNA.md")),
    ("discovery", url("https://github.com/python/cpython/issues?q=x")),
    ("discovery", url("https://math.stackexchange.com/questions/1")),
]

ASKS: list[tuple[str, Action, str]] = [
    ("builder", package("authlib"), "authlib"),
    ("builder", edit("src/schema.sql"), "architecture"),
    ("builder", edit("SRC/API/routes.py"), "architecture"),
]


def spelled(role: str, action: Action) -> str:
    return f"{role}-{action.kind}-{action.object}"[:90]


def test_there_are_fifteen_roles_and_each_is_its_own_file():
    assert {card.id for card in charter().roles} == FIFTEEN
    assert len(shipped_roles()) == 15


@pytest.mark.parametrize(("role", "action"), CANNOT, ids=[spelled(*one) for one in CANNOT])
def test_what_a_role_cannot_do_is_denied_with_a_way_on(role: str, action: Action):
    decision, found = answer(role, action)
    assert decision is Decision.DENY
    denial = next(match for match in found if match.decision is Decision.DENY)
    assert denial.source == f"card:{role}"
    assert denial.reason
    assert "escalate" in denial.instead


@pytest.mark.parametrize(("role", "action"), CAN, ids=[spelled(*one) for one in CAN])
def test_what_a_role_is_for_is_allowed(role: str, action: Action):
    assert answer(role, action)[0] is Decision.ALLOW


@pytest.mark.parametrize(("role", "action", "about"), ASKS, ids=[spelled(*one[:2]) for one in ASKS])
def test_what_needs_a_yes_is_asked(role: str, action: Action, about: str):
    decision, found = answer(role, action)
    assert decision is Decision.ASK
    assert about in found[0].reason


def limitless() -> RoleCard:
    return RoleCard(
        id="limitless",
        title="Limitless",
        mission="None.",
        delivers="change",
        actions=ACTION_KINDS,
        sees="worktree",
        writes=("**",),
        runs=("*",),
        fetch=Fetch(packages="ask", hosts=("*.com", "github.com", "stackexchange.com")),
        hands_to=("*", "ceo"),
        approves=("dna", "architecture"),
        proposes=("**",),
        plans=True,
        deploys=True,
        budget=Budget(usd=1, tokens=1, minutes=1, actions=1),
        checklist=("none",),
        never=(Never(text="none", held_by=("protected",)),),
    )


DENIED_TO_ANYONE = (
    "climbs out",
    "carries a patch",
    "only plain https",
    "fetches from",
    "no name of a package index",
    "only DNA.md and architecture",
)


def test_the_same_wishes_go_through_where_no_card_limits_them():
    """Control: the denials above come from the cards, not from wishes that could never be granted."""
    held = []
    for _, action in CANNOT:
        found = permits(limitless(), action, protected=(), architecture=("src/schema.sql",))
        for match in found:
            if match.decision is Decision.DENY:
                held.append(match.reason)
                assert any(words in match.reason for words in DENIED_TO_ANYONE), match
    assert len(held) < len(CANNOT) / 4


def test_an_import_is_held_to_the_same_paths_as_an_edit():
    law = charter()
    found = path_policy(
        law.role("tech_writer"),
        ("docs/a.md", "src/app.py", "docs/AGENTS.md", "docs/b.md"),
        law.protected,
        law.architecture,
    )
    assert [(match.decision, match.where) for match in found] == [
        (Decision.DENY, "src/app.py"),
        (Decision.DENY, "docs/AGENTS.md"),
    ]
    (clean,) = path_policy(law.role("tech_writer"), ("docs/a.md",), law.protected)
    assert clean.decision is Decision.ALLOW


def test_an_empty_change_is_no_way_to_write_for_a_role_that_writes_nothing():
    law = charter()
    assert answer("ceo", edit(""))[0] is Decision.DENY
    assert [match.decision for match in path_policy(law.role("ceo"), (), law.protected)] == [Decision.ALLOW]


def test_a_denied_edit_of_dna_names_the_proposal_to_who_may_make_one():
    _, found = answer("builder", edit(".factory/memory/DNA.md"))
    assert "propose" in found[0].instead
    _, found = answer("tech_writer", edit(".factory/memory/DNA.md"))
    assert "propose the new text" not in found[0].instead


def test_a_search_leaves_out_what_the_role_may_not_read():
    quality = charter().role("quality")
    assert may_read(quality, "src/app.py")
    assert not may_read(quality, ".factory/memory/digests/one.md")
    assert not may_read(msgspec.structs.replace(quality, sees="nothing"), "src/app.py")


@pytest.mark.parametrize(
    "command",
    ["rm -rf x", "make; rm x", "make && rm x", "make $(rm x)", "make > x", "PATH=. make", "make\nrm x", "", "  ", "m"],
)
def test_a_card_that_lists_commands_runs_one_of_them_at_a_time(command: str):
    card = msgspec.structs.replace(limitless(), runs=("make",))
    assert permits(card, run(command))[0].decision is Decision.DENY
    assert permits(card, run("make test"))[0].decision is Decision.ALLOW
    if command.strip():
        assert permits(limitless(), run(command))[0].decision is Decision.ALLOW, "control"


def test_duties_are_separate_on_every_shipped_card():
    for card in charter().roles:
        if card.judges:
            assert card.sees == "export"
            assert card.scratch
            assert not {"digest", "messages", "notes"} & set(card.brief)
            assert not card.writes
        assert card.judges + card.plans + card.deploys <= 1
        assert card.parallel_turns >= 1
        assert len(card.checklist) >= 5
        assert len(card.never) >= 4
        assert len(card.body) > 1_200, "a seat is told what it does"


def test_nobody_reviews_what_their_own_role_wrote():
    law = charter()
    assert law.reviewer_of("builder") == "quality"
    assert law.reviewer_of("quality") == "security"
    law.check_reviewer("security", "builder")
    for reviewer, author in (("builder", "devops"), ("quality", "quality")):
        with pytest.raises(Refusal):
            law.check_reviewer(reviewer, author)
    with pytest.raises(Refusal, match="there is no role `qualty`") as caught:
        law.role("qualty")
    assert "did you mean `quality`" in caught.value.next_step


SIXTEENTH = """---
id: database_specialist
title: Database Specialist
mission: Write migrations that can be undone.
delivers: change
sees: worktree
actions: [read, search, edit, run, commit, hand_over, escalate]
writes: ["migrations/**"]
never_writes: ["migrations/seed/**"]
runs: [psql, make]
hands_to: [quality]
escalates_to: ceo
budget: {usd: 1, tokens: 200000, minutes: 30, actions: 100}
checklist:
  - The migration was run forth and back.
never:
  - text: Touch anything but migrations.
    held_by: [writes, "never_writes:migrations/seed/**"]
---
You write migrations.
"""


def test_a_sixteenth_role_is_one_file():
    law = charter_of({"roles/database_specialist.md": SIXTEENTH})
    assert len(law.roles) == 16
    card = law.role("database_specialist")

    def decision(action: Action) -> Decision:
        return strictest(*(match.decision for match in permits(card, action, protected=law.protected)))

    assert decision(edit("migrations/7.sql")) is Decision.ALLOW
    assert decision(run("make migrate")) is Decision.ALLOW
    for wish in (edit("src/app.py"), edit("migrations/seed/a.sql"), run("make; rm x"), DEPLOY, package("x"), REPORT):
        assert decision(wish) is Decision.DENY
    (planned,) = permits(law.role("ceo"), plan("database_specialist"))
    assert planned.decision is Decision.ALLOW
    assert law.reviewer_of("database_specialist") == "quality"
    with pytest.raises(Refusal, match="does not judge"):
        law.check_reviewer("database_specialist", "builder")


def test_a_sixteenth_role_that_judges_is_held_to_the_duty():
    judge = (
        SIXTEENTH.replace("delivers: change", "delivers: review\njudges: true\nscratch: true")
        .replace("sees: worktree", "sees: export")
        .replace("[read, search, edit, run, commit, hand_over, escalate]", "[read, search, run, report, escalate]")
        .replace('writes: ["migrations/**"]\nnever_writes: ["migrations/seed/**"]\n', "")
        .replace('held_by: [writes, "never_writes:migrations/seed/**"]', "held_by: [duty:judges]")
    )
    law = charter_of({"roles/database_specialist.md": judge})
    law.check_reviewer("database_specialist", "builder")
    with pytest.raises(Refusal, match="wrote this change"):
        law.check_reviewer("database_specialist", "database_specialist")


CONTRADICTIONS = {
    "judges and edits": ("delivers: change", "delivers: change\njudges: true", "cannot also"),
    "plans and builds": ("delivers: change", "delivers: change\nplans: true", "cannot also"),
    "deploys and approves": (
        "delivers: change\n",
        "delivers: change\ndeploys: true\napproves: [dna]\n",
        "not listed",
    ),
    "no escalate": (", escalate]", "]", "`escalate` is missing"),
    "an action for nothing": ("hand_over, escalate]", "hand_over, fetch, escalate]", "gives it nothing"),
    "paths without edit": ("edit, run, commit, ", "run, ", "is not listed"),
    "writes without a worktree": ("sees: worktree", "sees: export", "only a worktree"),
    "delivers what it cannot": ("delivers: change", "delivers: deployment", "cannot be delivered"),
    "a never that nothing holds": ("held_by: [writes, ", "held_by: [action:edit, ", "does not hold on this card"),
    "a never held by a wish": ("held_by: [writes, ", "held_by: [prompt, ", "nothing that can hold"),
    "a never held by nothing": ('[writes, "never_writes:migrations/seed/**"]', "[]", "nothing enforces"),
    "no budget": ("usd: 1,", "usd: 0,", "more than 0"),
    "a bad glob": ('writes: ["migrations/**"]', 'writes: ["../x/**"]', "climbs out"),
    "no such command": ("runs: [psql", 'runs: ["psql -c"', "no command name"),
    "no text": ("You write migrations.\n", "", "no text below"),
    "no checklist": ("checklist:\n  - The migration was run forth and back.\n", "checklist: []\n", "checklist"),
    "an action twice": ("[read, search,", "[read, read,", "here twice"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_card_that_contradicts_itself_is_refused(name: str):
    old, new, words = CONTRADICTIONS[name]
    assert old in SIXTEENTH
    document = read_front_matter("x.md", SIXTEENTH.replace(old, new))
    card = msgspec.convert({**document.data, "body": document.body}, RoleCard)
    assert any(words in problem.problem for problem in problems_of_card(card))


def test_no_code_decides_by_the_name_of_a_role():
    """Roles differ in data only: nothing is compared with a role's id."""
    package = Path(__file__).resolve().parents[1] / "factory_tui"
    found = []
    for path in sorted([*package.joinpath("domain").rglob("*.py"), *package.joinpath("engine").rglob("*.py")]):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Compare | ast.MatchValue):
                continue
            names = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and n.value in FIFTEEN]
            found += [f"{path.name}:{node.lineno}: {name}" for name in names]
    assert found == []
