"""The one list of facts that rules may ask about: what each means, and who answers.

A fact without a provider is never answered: a rule that needs it is loaded, not enforced. A provider that gives no
answer (the path is absent from the mapping) makes an ask; `None` is an answer: there is none.

Facts are handed over nested, `{"run": {"spend_usd": 4.1}}`; `nested` turns dotted names into that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from factory_tui.domain.terms import Phase

Provider = Literal["", "action", "state", "import", "level2", "review", "session"]
"""Who answers. `action` is the rule book itself, from the action it judges; the others are the engine's."""

Kind = Literal["text", "number", "yes/no", "list of text", "list of records"]


@dataclass(frozen=True)
class Fact:
    """One thing that may be known."""

    name: str
    kind: Kind
    meaning: str
    """What it is; with a provider, exactly how it is computed."""
    provider: Provider = ""
    phases: tuple[Phase, ...] = ()
    """Where the provider answers."""


def known(name: str, kind: Kind, provider: Provider, phases: tuple[Phase, ...], meaning: str) -> Fact:
    """A fact that somebody answers."""
    return Fact(name, kind, meaning, provider, phases)


_TURN: tuple[Phase, ...] = ("task_start",)
_ACT: tuple[Phase, ...] = ("tool_call",)
_COMMIT: tuple[Phase, ...] = ("before_commit",)
_REVIEW: tuple[Phase, ...] = ("review",)
_END: tuple[Phase, ...] = ("session_end",)
_ALL_WITH_LIFT: tuple[Phase, ...] = ("tool_call", "before_commit")

PROVIDED: tuple[Fact, ...] = (
    # Read from the action that is judged; nobody has to hand these over.
    known(
        "event.kind",
        "text",
        "action",
        ("tool_call", "task_start"),
        "`tool_call` while an action is judged; `task_start` at the start of a turn. (A case may also say the action's"
        " kind: edit, run, plan.)",
    ),
    known(
        "action.target",
        "text",
        "action",
        _ACT,
        "The environment a `deploy` action names; None for every other kind, which can reach none.",
    ),
    known("action.mutates", "yes/no", "action", _ACT, "True for `deploy`, False for every other kind."),
    # From the state, at the start of a turn.
    known(
        "task.consecutive_failures",
        "number",
        "state",
        _TURN,
        "FAIL verdicts on the task since it last passed or was"
        " re-planned; broken, late, stalled or dismissed reviews do not count.",
    ),
    known(
        "task.next_action",
        "text",
        "state",
        _TURN,
        "`retry` when the turn to be started is an author's, after a FAIL; else `start`.",
    ),
    known("task.next_session", "text", "state", _TURN, "The id of the turn about to start: the role's next."),
    known(
        "task.failed_session",
        "text",
        "state",
        _TURN,
        "The id of the author's turn whose commit last failed review; None when nothing failed since it last passed.",
    ),
    known(
        "context.required",
        "list of records",
        "state",
        _TURN,
        "One record per document the charter in force requires for"
        " this brief (DNA.md, each rule and knowledge file that bears on it, the last digest): `file`, `loaded_sha`"
        " (sha256 of the text inside the sealed brief, None when absent), `current_sha` (in the charter in force).",
    ),
    known(
        "reads.required",
        "list of records",
        "state",
        _TURN,
        "The same documents: `file`, `lines_covered` (lines of it that stand in the sealed brief), `total_lines`.",
    ),
    known(
        "checklist",
        "list of records",
        "state",
        _TURN,
        "The factory's own start list: charter adopted, last digest acknowledged, brief sealed; each with `item`,"
        " `status` (`done` or `open`) and `evidence` (sha256 of charter and brief, number of the session read about).",
    ),
    known("session.worktree", "text", "state", _TURN, "The worktree name of the turn about to start."),
    known("session.id", "text", "state", _TURN, "The id of the turn about to start."),
    known("sessions.live", "list of records", "state", _TURN, "Author turns now running, with `id` and `worktree`."),
    # From the state, at every action.
    known(
        "run.budget_usd",
        "number",
        "state",
        _ACT,
        "The budget of the running turn in USD, from the role's card or the task; None when neither names one.",
    ),
    known(
        "run.spend_usd",
        "number",
        "state",
        _ACT,
        "Spend recorded for the running turn, in USD; 0 before the first report, and for seats that tell none.",
    ),
    known(
        "run.same_failure_repeats",
        "number",
        "state",
        _ACT,
        "How often in a row this turn's last failed or denied action"
        " was the very same action (equal sha256); 0 after any other outcome.",
    ),
    known(
        "control.stop_requested", "yes/no", "state", _ACT, "True once the supervisor stopped the session or this turn."
    ),
    known("event.after_stop", "yes/no", "state", _ACT, "True when the judged action was wished after that stop."),
    known("freeze.active", "yes/no", "state", _ACT, "True while a pause or a freeze of the supervisor's holds."),
    known(
        "worktree.uncommitted_files",
        "number",
        "state",
        _ACT,
        "Distinct paths edited by permitted actions of this task since its last commit.",
    ),
    known(
        "worktree.oldest_uncommitted_minutes",
        "number",
        "state",
        _ACT,
        "Minutes between the first of those edits and the last recorded time; 0 when there are none.",
    ),
    known(
        "approvals.granted",
        "list of text",
        "state",
        _ALL_WITH_LIFT,
        "Names of approvals (as rules name them) that the supervisor gave for exactly this action or change.",
    ),
    # From level 2, before the commit.
    known(
        "tests.run_id",
        "text",
        "level2",
        _COMMIT,
        "The id of the inspection that ran; None when none ran or nothing was executed.",
    ),
    known(
        "tests.exit_code",
        "number",
        "level2",
        _COMMIT,
        "0 when level 2 passed on that tree, known red tests set aside; else 1.",
    ),
    known("tests.tree_hash", "text", "level2", _COMMIT, "The tree id that was exported for it."),
    known(
        "tests.app_booted",
        "yes/no",
        "level2",
        _COMMIT,
        "The `boot` command exited 0; without one, at least one test passed, so the code was loaded.",
    ),
    known(
        "tests.total",
        "number",
        "level2",
        _COMMIT,
        "Tests that passed or failed in that run; skipped ones do not count.",
    ),
    known(
        "baseline.tests_total",
        "number",
        "level2",
        _COMMIT,
        "The same number for the base commit; None when base has not been run.",
    ),
    known("commit.tree_hash", "text", "import", _COMMIT, "The tree id that would be committed."),
    known(
        "waiver.signed_by",
        "text",
        "state",
        _COMMIT,
        "The supervisor who answered yes to fewer tests for exactly this tree; None when nobody did.",
    ),
    # At the review.
    known("review.author_session", "text", "review", _REVIEW, "The id of the turn that wrote the reviewed commit."),
    known("review.reviewer_session", "text", "review", _REVIEW, "The id of the turn that reviewed."),
    known(
        "review.reviewer_inputs",
        "list of text",
        "review",
        _REVIEW,
        "What stood in the reviewer's sealed brief, by name:"
        " dna, rules, criteria, knowledge, diff, findings; `author_self_review` if any text by the author did.",
    ),
    known(
        "review.verdict", "text", "review", _REVIEW, "`pass` or `fail`, computed from the findings; None when broken."
    ),
    known(
        "claims",
        "list of records",
        "review",
        _REVIEW,
        "One record per verdict word (passed, verified, complete,"
        " deployed, fixed) in the author's handoff note: `asserts`, and `run_id`, `run_exit`, `output_bytes` of the"
        " level 2 run of the reviewed tree (None when there is none).",
    ),
    known(
        "change.label",
        "text",
        "import",
        _REVIEW,
        "The word before `:` or `(` in the commit message's first line, lower case; None without one.",
    ),
    known("change.lines_changed", "number", "import", _REVIEW, "Added plus removed lines of the reviewed commit."),
    known(
        "change.logic_files",
        "number",
        "import",
        _REVIEW,
        "Changed files whose name does not end in .md, .rst, .txt, .css, .scss, .svg, .png, .jpg, .po or .html.",
    ),
    # What DNA.md declares.
    known(
        "project.production_db",
        "text",
        "session",
        _COMMIT,
        "The value of `production_db` in DNA.md's front matter, lower case; None when it declares none.",
    ),
    # At the end of a session.
    known("digest.path", "text", "session", _END, "Where the digest was written; None before."),
    known(
        "digest.done",
        "list of text",
        "session",
        _END,
        "Its section on what was done, an item a line; None when absent.",
    ),
    known("digest.not_done", "list of text", "session", _END, "Its section on what was left."),
    known("digest.decisions", "list of text", "session", _END, "Its section on decisions."),
    known("digest.pitfalls", "list of text", "session", _END, "Its section on denials, failures and incidents."),
)

_UNPROVIDED: dict[str, tuple[Kind, str]] = {
    "agent.effective_scopes": ("list of text", "What the seat about to start really holds, as its boundary is built."),
    "role.allowed_scopes": ("list of text", "The same list computed from the role's card in force."),
    "event.after_compaction": ("yes/no", "The seat's context was compacted before this action."),
    "constraints.before": ("list of text", "Constraints in force before the compaction."),
    "constraints.active": ("list of text", "Constraints in the context now."),
    "op.kind": ("text", "move, copy, rename or delete, read from a command."),
    "op.target": ("text", "What is deleted."),
    "op.destination_expected": ("text", "`directory` when the step relies on one."),
    "op.destination_exists": ("yes/no", "Whether it is there."),
    "session.moves": ("list of records", "Moves of this session: `source`, `destination`."),
    "session.read_private": ("yes/no", "The session read private data."),
    "session.read_untrusted": ("yes/no", "The session read text from outside."),
    "action.writes_public": ("yes/no", "The action publishes something."),
    "process.purpose": ("text", "test, seed, dev_server or migration_rehearsal."),
    "process.db_host": ("text", "The database host the process would use."),
    "registry.production_db_hosts": ("list of text", "Hosts of production databases."),
    "bulk.dry_run_id": ("text", "The recorded dry run."),
    "bulk.id_type": ("text", "The kind of the ids given."),
    "bulk.expected_type": ("text", "The kind of ids that is right."),
    "bulk.count": ("number", "How many objects."),
    "bulk.cap": ("number", "How many are allowed."),
    "bulk.delete_mode": ("text", "soft or hard."),
    "provision.params": ("list of records", "Parameters of a provisioning request: `name`, `value`."),
    "credential.id": ("text", "The credential a command would use."),
    "task.granted_credentials": ("list of text", "Credentials granted to the task."),
    "package.in_lockfile": ("yes/no", "The package is in base's lock file."),
    "package.registry_exists": ("yes/no", "The registry knows it."),
    "package.age_days": ("number", "Days since its first release."),
    "package.weekly_downloads": ("number", "Downloads a week."),
    "package.approved_by": ("text", "Who approved the name."),
    "package.files": ("list of records", "Files of the packed artifact: `path`."),
    "package.size_ratio_to_last": ("number", "Its size over the last one's."),
    "step.irreversible": ("yes/no", "The plan marks the step so."),
    "plan.assumptions": ("list of records", "Assumptions of the plan: `text`, `verified`."),
    "extracted.published": ("list of text", "Names published by one side."),
    "extracted.subscribed": ("list of text", "Names subscribed to by the other."),
    "change.new_code_path": ("yes/no", "The change adds a path in a shared service."),
    "change.flag": ("text", "The flag that turns it off."),
    "tests.blank_field_case": ("yes/no", "A test feeds blank fields."),
    "critical_calls": ("list of records", "Critical outside calls: `name`, `providers`, `last_resort`."),
    "citations": ("list of records", "References of a document: `ref`, `resolved`, `supports_claim`."),
    "migration_rehearsal.rows_before": ("number", "Rows in the populated copy on which the migration was rehearsed."),
    "evidence.inventory": ("text", "The recorded inventory that names what stays."),
    "database.disposable": ("yes/no", "The task names the database as a throw-away one."),
    "install.scripts_disabled_globally": (
        "yes/no",
        "The package manager's configuration switches install scripts off.",
    ),
    "backup.id": ("text", "The backup taken for this deployment."),
    "backup.age_minutes": ("number", "Its age."),
    "backup.storage_id": ("text", "Where it is kept."),
    "data.storage_id": ("text", "Where the data is kept."),
    "restore_drill.age_days": ("number", "Days since the last restore drill."),
    "restore_drill.rows_restored": ("number", "Rows it restored."),
    "rollback.tag": ("text", "The build to go back to."),
    "deploy.tag": ("text", "The build to be deployed."),
    "deploy.target": ("text", "The environment."),
    "deploy.revision": ("text", "The revision to be deployed."),
    "deploy.unread_warnings": ("number", "Warnings of the window that nobody acknowledged."),
    "staging.passed_revision": ("text", "The revision that passed in staging."),
    "rollout.first_stage_percent": ("number", "Share of targets in the first stage."),
    "rollout.soak_minutes": ("number", "How long it is watched."),
    "fleet.revisions": ("list of text", "The revision each instance reports."),
    "artifact.entries": ("number", "Entries of a generated file."),
    "artifact.consumer_max_entries": ("number", "The consumer's limit."),
    "artifact.growth_ratio": ("number", "Its size over the last one's."),
    "artifact.loaded_by_consumer_test": ("yes/no", "The consumer loaded it in a test."),
    "runbook.tools": ("list of records", "Tools of the runbook: `name`, `depends_on`."),
    "service.name": ("text", "The service the runbook repairs."),
    "incident.status": ("text", "open or closed."),
    "incident.matches_rule": ("text", "The rule whose class the incident is of."),
    "incident.blames": ("text", "The component it blames."),
    "incident.control_run": ("text", "The run with the suspect switched off."),
    "postmortem.root_cause": ("text", "Why the agent decided as it did."),
    "rule.id": ("text", "The rule the incident led to."),
    "rule.what": ("text", "Its part on what happened."),
    "rule.why": ("text", "Its part on why."),
    "rule.how": ("text", "Its part on how to apply it."),
    "rule.status": ("text", "proposed, active or broken."),
    "rule.check_kind": ("text", "The kind of its check."),
    "rule.catches_passed": ("yes/no", "Its catches were run and triggered."),
    "rule.allows_passed": ("yes/no", "Its allows were run and passed."),
    "commit.type": ("text", "`fix` for a repair."),
    "diagnosis.root_cause": ("text", "The recorded cause."),
    "diagnosis.reproduced_by": ("text", "The run that reproduces it."),
    "report.claims_unrecoverable": ("yes/no", "The report says that something is lost for good."),
    "report.recovery_attempts": ("list of text", "Runs that tried to recover it."),
    "actions": ("list of records", "Follow-ups of incidents: `severity`, `status`, `days_overdue`, `waiver`."),
    "result": ("text", "How the rule's own command ended."),
}

FACTS: dict[str, Fact] = {fact.name: fact for fact in PROVIDED} | {
    name: Fact(name, kind, meaning) for name, (kind, meaning) in _UNPROVIDED.items()
}


def is_provided(name: str, phases: Iterable[Phase]) -> bool:
    """True when the fact has a provider in every one of these phases."""
    fact = FACTS.get(name)
    return fact is not None and bool(fact.provider) and set(phases) <= set(fact.phases)


def nested(facts: Mapping[str, object]) -> dict[str, Any]:
    """Dotted names as nested mappings: `{"run.spend_usd": 2}` becomes `{"run": {"spend_usd": 2}}`."""
    tree: dict[str, Any] = {}
    for name, value in facts.items():
        place = tree
        *parents, last = name.split(".")
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return tree
