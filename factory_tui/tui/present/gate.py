"""The gate ladder of one task: five levels, each with its verdict, its figures and how fresh it is."""

from __future__ import annotations

from factory_tui.domain.events import LevelJudged
from factory_tui.domain.state import Deployment, State, Task
from factory_tui.domain.terms import LEVEL_NAMES
from factory_tui.tui.chronicle import Chronicle
from factory_tui.tui.harmless import one_line
from factory_tui.tui.lines import Item, Line, Span, cut_line, item, line
from factory_tui.tui.present.words import MARK_STYLES, Setting, deployment_of, gate_marks, is_left_behind

MARK_WORDS = {"pass": "PASS", "running": "WORK", "fail": "FAIL", "broken": "BROKEN", "not run": "--", "stale": "STALE"}


def gate_title(task: Task | None) -> Line:
    if task is None:
        return (Span("GATE", "title"),)
    attempt = f"  attempt {task.attempt} of 3" if task.delivers == "change" else ""
    return (Span(f"GATE {task.id}", "title"), Span(attempt, "warn" if task.attempt > 1 else "dim"))


def judged_at(task: Task, level: int) -> LevelJudged | None:
    """The verdict that a level gave last, on whatever tree."""
    candidate = task.candidate
    match level:
        case 1:
            return task.rules
        case 2:
            return task.merged_smoke or (candidate.smoke if candidate else None)
        case 3:
            fresh = candidate.review if candidate else None
            return fresh or (task.history[-1] if task.history else None)
        case _:
            return None


def gate_items(state: State, task: Task | None, chronicle: Chronicle, setting: Setting) -> list[Item]:
    """One row for each level, and the approval."""
    if task is None:
        return []
    items = []
    for number, mark in enumerate(gate_marks(state, task), 1):
        judged = judged_at(task, number)
        words = _words(state, task, number, mark, judged, chronicle)
        body = line(
            (f" {number} ", "dim"),
            (f"{LEVEL_NAMES[number]:<9}", "text"),
            (f"{setting.glyphs[mark]} {MARK_WORDS[mark]:<7}", MARK_STYLES[mark]),
            (words, "warn" if mark == "stale" or words.startswith("STALE") else "text" if mark == "fail" else "dim"),
        )
        items.append(item(f"level:{number}", cut_line(body, setting.width)))
    items.append(item("approval", cut_line(_approval(task, setting), setting.width)))
    return items


def _words(state: State, task: Task, level: int, mark: str, judged: LevelJudged | None, chronicle: Chronicle) -> str:
    if level == 4:
        return _deployment(state, task)
    if mark == "running":
        return chronicle.doing.get(task.id, "under way")
    if judged is not None:
        on = f" on {(judged.commit or judged.tree)[:8]}" if judged.commit or judged.tree else ""
        old = "of the attempt before: " if mark == "stale" else "STALE, of the attempt before: "
        stale = old if level in (2, 3) and (_is_stale(task) or judged is not _of_now(task, level)) else ""
        independent = "" if judged.independent else "NOT INDEPENDENT; "
        return f"{stale}{independent}{one_line(judged.summary, 400)}{on}"
    match level:
        case 5:
            opened = [incident.id for incident in state.incidents.values() if incident.task == task.id]
            return ", ".join(opened) or "none open"
        case _:
            return "not this task" if task.delivers != "change" and level in (2, 3) else ""


def _deployment(state: State, task: Task) -> str:
    one = deployment_of(state, task)
    if one is None:
        return "after a deployment; none is due"
    last = f", {one.checks[-1].summary}" if one.checks else ""
    return f"{one.id} {one.stage} in {one_line(one.plan.environment, 40)}{last}; gp shows it"


def _of_now(task: Task, level: int) -> LevelJudged | None:
    """The verdict on the tree that is offered now."""
    candidate = task.candidate
    if level == 3:
        return candidate.review if candidate else None
    return judged_at(task, level)


def _is_stale(task: Task) -> bool:
    return is_left_behind(task) or (task.candidate is None and bool(task.history))


def _approval(task: Task, setting: Setting) -> Line:
    candidate = task.candidate
    if task.landed_as:
        from factory_tui.domain import assurance

        return line(
            "   ",
            ("approval ", "text"),
            (f"{setting.glyphs['pass']} landed  ", "ok"),
            (f"{task.landed_as[:10]} ", "dim"),
            (assurance.short(task.assurance), "dim" if task.assurance else "warn"),
        )
    if candidate is None:
        return line("   ", ("approval ", "text"), (f"{setting.glyphs['not run']} --", "dim"))
    figures = (
        f"diff +{candidate.added}-{candidate.removed} {len(candidate.paths)}f  {setting.key('turn.diff')} shows it"
    )
    if task.approval:
        return line("   ", ("approval ", "text"), (f"{setting.glyphs['pass']} given   ", "ok"), (figures, "dim"))
    word = ("waits   ", "ask") if task.stage == "ready" else ("--      ", "dim")
    return line("   ", ("approval ", "text"), (f"{setting.glyphs['not run']} ", "dim"), word, (figures, "dim"))


def landing_text(task: Task) -> list[tuple[str, str]]:
    """As what it landed, and how far its evidence can be trusted; nothing where it did not land."""
    if not task.landed_as:
        return []
    from factory_tui.domain import assurance

    told = f"commit {task.landed_as}\nevidence {assurance.told(task.assurance)}"
    return [(f"{task.id} landed", f"{told}\n`factory verify {task.landed_as[:12]}` derives it again")]


def level_text(state: State, task: Task, level: int) -> list[tuple[str, str]]:
    """Everything a level said about the task, as titled texts."""
    one = deployment_of(state, task) if level == 4 else None
    if one is not None:
        return deployment_text(one)
    judged = judged_at(task, level)
    if judged is None:
        return [(f"level {level} {LEVEL_NAMES[level]}", "This level has not run on this task.")]
    lines = [
        f"{judged.verdict.value.upper()}: {judged.summary}",
        *(
            f"{name} {sha}"
            for name, sha in (("tree", judged.tree), ("commit", judged.commit), ("base", judged.base))
            if sha
        ),
        "judged independently of the author"
        if judged.independent
        else "NOT independent: author and reviewer are one person",
    ]
    parts = [(f"{task.id} level {level} {LEVEL_NAMES[level]}", "\n".join(lines))]
    for finding in judged.findings:
        spot = f" ({finding.path}:{finding.line})" if finding.path else ""
        parts.append(
            (
                f"{finding.id or 'finding'} {finding.severity}: {finding.title}",
                f"{finding.detail}{spot}\n[{finding.by}]",
            )
        )
    parts += [
        (f"answer to {answer.finding}", f"{'accepted' if answer.accepted else 'not accepted'}: {answer.reason}")
        for answer in judged.answers
    ]
    return parts


def deployment_text(one: Deployment) -> list[tuple[str, str]]:
    """Every run of level 4 of one deployment, check by check."""
    told = f"{one.stage}{f': {one.why}' if one.why else ''}\n{one.plan.commit} to {one.plan.environment}"
    parts = [(f"{one.task} level 4 {LEVEL_NAMES[4]}: {one.id}", told)]
    for run in one.checks:
        rows = [f"{row.id} {row.verdict}{f': {row.reason}' if row.reason else ''}  {row.title}" for row in run.rows]
        parts.append((f"on {run.commit[:10]}: {run.summary}", "\n".join(rows)))
    return parts
