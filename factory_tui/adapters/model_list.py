"""The list of models and prices: what ships, and what the user put over it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from factory_tui.adapters.user_config import config_directory, must_be_the_users_own
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.prices import Models

SHIPPED = Path(__file__).parent / "models.toml"
NAME = "models.toml"


def user_list(environment: Mapping[str, str]) -> Path:
    """Where the user's own list lies, if there is one."""
    return Path(config_directory(environment)) / NAME


def read_models(environment: Mapping[str, str], repository: str = "") -> Models:
    """The shipped list with the user's own over it, entry by entry; a date of the user's own replaces the shipped one.

    Raises FactoryError for a list that is wrong, or that somebody else could have written.
    """
    shipped = _table(SHIPPED)
    own = user_list(environment)
    try:
        status = own.stat()
    except OSError:
        return _models(shipped, SHIPPED)
    if repository:
        must_be_the_users_own(own, status, repository, "it says what is charged against your budgets")
    mine = _table(own)
    merged = {**shipped, **mine}
    for key in ("tiers", "models"):
        theirs = mine.get(key, {})
        if not isinstance(theirs, dict):
            raise _wrong(own, f"`{key}` is no table")
        merged[key] = {**shipped[key], **theirs}
    return _models(merged, own)


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise _wrong(path, f"cannot be read: {error}") from error


def _models(table: dict[str, Any], path: Path) -> Models:
    try:
        models = msgspec.convert(table, Models)
    except msgspec.ValidationError as error:
        raise _wrong(path, str(error)) from error
    for name, model in models.models.items():
        if min(model.input, model.output, model.cache_read, model.cache_write, model.long_input) < 0:
            raise _wrong(path, f"`{name}` has a price below 0")
    return models


def _wrong(path: Path, problem: str) -> FactoryError:
    return FactoryError(
        what=f"{path}: {problem}",
        why="prices are never guessed, so nothing is charged by a list that cannot be read",
        next_step=f"mend it; {SHIPPED.name} of this program shows the form",
    )
