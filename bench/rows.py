"""What a benchmark says: a value beside a baseline of the same run, because a number alone tells of the machine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measured thing."""

    name: str
    value: float
    unit: str
    baseline_name: str
    """What the same machine did a moment before or after, for comparison."""
    baseline_value: float
    """In the same unit."""
    bound: float | None = None
    """What `value` must stay under, in the same unit; None = only told."""

    @property
    def ratio(self) -> float:
        """Value by baseline; infinite where the baseline is nothing."""
        return self.value / self.baseline_value if self.baseline_value else float("inf")

    @property
    def ok(self) -> bool:
        return self.bound is None or self.value < self.bound

    def __str__(self) -> str:
        bound = "" if self.bound is None else f"   bound {self.bound:g} {self.unit}: {'ok' if self.ok else 'MISSED'}"
        return (
            f"{self.name:<44} {self.value:9.2f} {self.unit}   "
            f"{self.ratio:6.2f} x {self.baseline_name} ({self.baseline_value:.2f} {self.unit}){bound}"
        )
