"""Reading `deploy.yaml`, with every slip at its file and line."""

from __future__ import annotations

from factory_tui.adapters.front_matter import read_yaml
from factory_tui.adapters.schema import convert, json_schema
from factory_tui.domain.environments import Deploying
from factory_tui.domain.environments_check import problems_of_deploying
from factory_tui.domain.errors import DocumentError


def read_deploying(shown_path: str, text: str, problems: list[DocumentError]) -> Deploying | None:
    """What the file says; None, with what is wrong added to `problems`, when it cannot be put in force."""
    try:
        document = read_yaml(shown_path, text)
    except DocumentError as error:
        problems.append(error)
        return None
    deploying = convert(document, Deploying, document.data, problems)
    if deploying is None:
        return None
    errors = [
        document.error(one.problem, *one.keys, why=one.why, next_step=one.next_step)
        for one in problems_of_deploying(deploying)
    ]
    for name, environment in deploying.environments.items():
        if environment.checks:
            # The catalogue takes a moment to read: only who says something about it waits for that.
            from factory_tui.adapters.postdeploy.catalogue import problems_of_checks

            errors += problems_of_checks(document, name, environment.checks)
    problems += errors
    return None if errors else deploying


def schema() -> bytes:
    """The file's JSON Schema, for editors."""
    return json_schema(Deploying)
