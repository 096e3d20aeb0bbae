"""The factory in figures, from the ledger alone."""

from __future__ import annotations

import click

from factory_tui.cli.speech import say, say_json, table
from factory_tui.cli.talking import here
from factory_tui.domain.errors import Refusal

SHOWN = 8
"""Entries named beside a figure."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def stats(as_json: bool) -> None:
    """What landed, how long it took, what each gate level caught and what got past it, denials, cost, your decisions.

    Each figure names the entries behind it (`factory replay --at N` shows one); too little data is said.
    """
    from factory_tui.domain.stats import measure

    _, entries, view = here().look()
    if view is None:
        raise Refusal(what="there is no ledger yet", next_step="a session begins one: `factory run`")
    figures = measure(entries)
    if as_json:
        told = [
            {
                "group": one.group,
                "name": one.name,
                "title": one.title,
                "value": one.value,
                "unit": one.unit,
                "why": one.why,
                "entries": list(one.entries),
            }
            for one in figures
        ]
        say_json("stats", {"entries": len(entries), "figures": told})
        return
    group = ""
    rows: list[tuple[str, ...]] = []
    for one in figures:
        rows.append((one.group if one.group != group else "", one.title, one.told, _behind(one.entries, one.why)))
        group = one.group
    for line in table(rows):
        say(line)


def _behind(seqs: tuple[int, ...], why: str) -> str:
    shown = " ".join(f"#{seq}" for seq in seqs[:SHOWN])
    more = f" and {len(seqs) - SHOWN} more" if len(seqs) > SHOWN else ""
    return "; ".join(part for part in (why, f"{shown}{more}") if part)
