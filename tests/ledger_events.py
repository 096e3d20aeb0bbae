"""Events of the tests' own, so that the ledger is tried apart from what the factory writes into it."""

from __future__ import annotations

from factory_tui.adapters.ledger import Codec
from factory_tui.domain.terms import Actor, Record

REPO = "0123456789abcdef0123456789abcdef"
AT = "2026-11-22T10:00:00.000Z"
ME = Actor(kind="supervisor", name="supervisor:ada@script")


class Noted(Record, frozen=True, kw_only=True, tag="noted", tag_field="type"):
    n: int
    text: str = ""


class Listed(Record, frozen=True, kw_only=True, tag="listed", tag_field="type"):
    items: tuple[str, ...] = ()


CODEC = Codec(events=Noted | Listed)
