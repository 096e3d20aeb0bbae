"""`factory doctor --probe`: every limit of every role, tried on this machine now."""

from __future__ import annotations

import asyncio
from pathlib import Path

from factory_tui.adapters.limits_probe import LAYERS, Matrix
from factory_tui.adapters.walls import Standing
from factory_tui.bootstrap.grounds import find_ground
from factory_tui.bootstrap.proving import probe_ground
from factory_tui.cli.ending import FINDINGS, Ended
from factory_tui.cli.speech import say, say_json, table


def probe_limits(as_json: bool) -> None:
    """Green only where the attempt was refused and the world is as it was. Exit 1 when a cell is red."""
    ground = find_ground(str(Path.cwd()), claim=False)
    standing, matrix = asyncio.run(probe_ground(ground))
    if as_json:
        say_json("limits", as_data(standing, matrix))
    else:
        for line in told(standing, matrix):
            say(line)
    if matrix.red() or standing.why_none:
        raise Ended(FINDINGS)


def as_data(standing: Standing, matrix: Matrix) -> dict[str, object]:
    return {
        "wall": standing.label,
        "why_none": standing.why_none,
        "control": matrix.control,
        "cells": [
            {"role": cell.role, "limit": cell.limit, "layer": cell.layer, "holds": cell.holds, "detail": cell.detail}
            for cell in matrix.cells
        ],
    }


def told(standing: Standing, matrix: Matrix) -> list[str]:
    """Role by role, how many limits each layer held; then every red cell with its reason."""
    lines = [f"wall: {standing.label}", *([standing.why_none] if standing.why_none else [])]
    roles = sorted({cell.role for cell in matrix.cells})
    rows: list[tuple[str, ...]] = [("role", *LAYERS, "")]
    for role in roles:
        mine = [cell for cell in matrix.cells if cell.role == role]
        counts = []
        for layer in LAYERS:
            there = [cell for cell in mine if cell.layer == layer]
            counts.append(f"{sum(cell.holds for cell in there)}/{len(there)}" if there else "-")
        rows.append((role, *counts, "RED" if any(not cell.holds for cell in mine) else "holds"))
    lines += table(rows)
    lines += [f"RED {cell.role}: {cell.limit} ({cell.layer}): {cell.detail}" for cell in matrix.red()]
    return lines
