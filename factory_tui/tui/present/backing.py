"""What a verdict rests on, as text: each finding, each answer, and every piece of evidence whole."""

from __future__ import annotations

from collections.abc import Callable

from factory_tui.domain.state import State, Task
from factory_tui.domain.terms import Evidence
from factory_tui.tui.present.gate import judged_at, level_text


def level_parts(state: State, task: Task, level: int, read: Callable[[str], str]) -> list[tuple[str, str]]:
    """`read` gives the text behind a sha256."""
    parts = level_text(state, task, level)
    judged = judged_at(task, level)
    if judged is None:
        return parts
    for lost in judged.tests_lost:
        parts.append(("lost test", lost))
    kept: dict[str, tuple[str, Evidence]] = {one.sha256: ("evidence", one) for one in judged.evidence}
    for finding in judged.findings:
        kept |= {one.sha256: (f"evidence of {finding.id or 'a finding'}", one) for one in finding.evidence}
    for sha256, (what, one) in kept.items():
        parts.append((f"{what}: {one.label}, {one.size:,} B, sha256 {sha256[:16]}", read(sha256)))
    if not kept:
        parts.append(("evidence", "This verdict names no evidence of its own."))
    if level == 3:
        before = [one for one in task.history if one is not judged]
        parts += [
            (f"verdict before: {one.verdict.value.upper()} on {(one.commit or one.tree)[:10]}", one.summary)
            for one in before
        ]
    return parts
