"""What a model costs, and what is known of it. Pure: the list is a dated file that people edit.

A model that is not on the list costs something unknown; it is never guessed from another.
"""

from __future__ import annotations

import re
from typing import Literal

from factory_tui.domain.terms import Record

Effort = Literal["low", "medium", "high", "xhigh", "max"]

MILLION = 1_000_000


class Model(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model. Prices are US dollars for a million tokens."""

    input: float
    output: float
    cache_read: float
    cache_write: float
    """Of the five-minute cache, the only one that is used."""
    long_above: int = 0
    """Input tokens of one request above which the `long_` prices hold for all of it; 0 = never."""
    long_input: float = 0.0
    long_output: float = 0.0
    context: int = 0
    """Tokens that fit, answer included; 0 = unknown."""
    output_limit: int = 0
    """Tokens of one answer; 0 = unknown."""
    adaptive: bool = False
    """It takes `thinking: adaptive` and an effort; others are asked without."""


class Tier(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a role's `model_tier` stands for."""

    model: str
    effort: Effort | None = None


class Models(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The list, whole."""

    date: str
    """When the prices were looked up, `2026-11-22`."""
    tiers: dict[str, Tier]
    models: dict[str, Model]

    def find(self, model: str) -> Model | None:
        """By its exact id, or by the id before the date of a snapshot: `claude-x-1-20260101` is `claude-x-1`."""
        return self.models.get(model) or self.models.get(re.sub(r"-20[0-9]{6}$", "", model))


class Tokens(Record, frozen=True, kw_only=True):
    """What one request used; each token is counted in one place only."""

    fresh: int = 0
    cached: int = 0
    """Read from the cache."""
    written: int = 0
    """Read and written into the cache."""
    out: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            fresh=self.fresh + other.fresh,
            cached=self.cached + other.cached,
            written=self.written + other.written,
            out=self.out + other.out,
        )

    @property
    def prompt(self) -> int:
        return self.fresh + self.cached + self.written


def cost(models: Models, model: str, tokens: Tokens) -> float | None:
    """US dollars of one request; None = unknown."""
    known = models.find(model)
    if known is None:
        return None
    is_long = 0 < known.long_above < tokens.prompt
    fresh, out = (known.long_input, known.long_output) if is_long else (known.input, known.output)
    # What the cache costs grows with the price of fresh tokens.
    factor = fresh / known.input if is_long and known.input else 1.0
    return (
        tokens.fresh * fresh
        + tokens.cached * known.cache_read * factor
        + tokens.written * known.cache_write * factor
        + tokens.out * out
    ) / MILLION
