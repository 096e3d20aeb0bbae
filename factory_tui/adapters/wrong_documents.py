"""What a home that cannot be adopted says where it is wrong: each such document against what is in force.

Kept as evidence, so that whoever is told of a problem also sees the text it is about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from factory_tui.domain.charter import Charter
from factory_tui.domain.errors import DocumentError
from factory_tui.engine.exhibits import difference

MOST_DOCUMENTS = 5
MOST_CHARACTERS = 400_000
"""Of one document; what is over is counted."""


def wrong_texts(
    files: Mapping[str, bytes], problems: Sequence[DocumentError], in_force: Charter | None, prefix: str | None
) -> str:
    """One difference for each wrong document; empty = none of them can be read. `files` by path in the home."""
    start = f"{prefix}/" if prefix else ""
    paths = list(dict.fromkeys(problem.path.removeprefix(start) for problem in problems))
    found = []
    for path in paths[:MOST_DOCUMENTS]:
        data = files.get(path)
        if data is None:
            continue
        text = data.decode("utf-8", "replace")
        if len(text) > MOST_CHARACTERS:
            text = f"{text[:MOST_CHARACTERS]}\n[{len(text) - MOST_CHARACTERS:,} characters more]"
        document = in_force.document(path) if in_force else None
        old = document.text if document else ""
        lines = [f"line {one.line}: {one.problem}" for one in problems if one.path.removeprefix(start) == path]
        found.append(f"diff --git a/{path} b/{path}\n{'; '.join(lines)}\n{difference(old, text, path)}")
    return "\n".join(found)
