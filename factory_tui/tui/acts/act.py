"""One row of the table of actions."""

from __future__ import annotations

import msgspec


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that can be done. A screen does it in a method `act_<id>`, dots as underscores."""

    id: str
    keys: tuple[str, ...] = ()
    label: str
    """For the hint strip: one or two words."""
    doc: str
    """One sentence."""
    where: tuple[str, ...] = ("any",)
    """Places: `any`, or places that a screen names as its own."""
    group: str = "look"
    hint: int = 0
    """Rank on the hint strip, 1 first; 0 = not shown there."""
    changes: bool | None = None
    """Whether it asks something of the factory; None = as its group does."""

    @property
    def method(self) -> str:
        return "act_" + self.id.replace(".", "_").replace("-", "_")

    @property
    def is_answer(self) -> bool:
        return self.group == "answer"

    @property
    def is_change(self) -> bool:
        """It asks something of the factory: it does nothing in a cockpit that only looks on."""
        return self.group in ("answer", "work") if self.changes is None else self.changes
