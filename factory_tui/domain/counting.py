"""The count of level 4, told alike wherever it is told: nothing that is no pass hides behind one that is."""

from __future__ import annotations

from collections.abc import Sequence

from factory_tui.domain.plurals import count
from factory_tui.domain.terms import NOT_RUN_YET, CheckRow


def is_to_come(row: CheckRow) -> bool:
    """Whether it has not answered yet."""
    return row.verdict == "gap" and row.reason == NOT_RUN_YET


def counted(rows: Sequence[CheckRow]) -> str:
    """`33 checks: 31 passed, 2 not applicable, 0 gaps, 0 failed`; while they run, how many are to come, too."""
    answered = [row.verdict for row in rows if not is_to_come(row)]
    gaps = answered.count("gap")
    told = (
        f"{count(len(rows), 'check')}: {answered.count('pass')} passed, "
        f"{answered.count('not applicable')} not applicable, {count(gaps, 'gap')}, {answered.count('fail')} failed"
    )
    return told if len(answered) == len(rows) else f"{told}, {len(rows) - len(answered)} to come"
