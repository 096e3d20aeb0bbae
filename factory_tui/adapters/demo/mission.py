"""The demo's mission as data: what the models say, and what the supervisor answers."""

from __future__ import annotations

from importlib import resources

import msgspec

from factory_tui.adapters.front_matter import read_yaml
from factory_tui.adapters.rehearsal_script import Script, read_script
from factory_tui.adapters.schema import typed
from factory_tui.domain.item import WaitingKind
from factory_tui.domain.terms import Record


class ScriptedAnswer(Record, frozen=True, kw_only=True):
    """The verb for every waiting item of one kind."""

    kind: WaitingKind
    verb: str
    text: str = ""


class Lesson(Record, frozen=True, kw_only=True):
    """What the supervisor writes down of an incident, and wants mended afterwards."""

    what: str
    when: str
    cost: str
    root_cause: str
    level: int
    """The gate level that should have caught it."""
    shown_by: str
    """A file: the change of it that landed last shows what went wrong."""
    mend: str
    """The mission that undoes the harm."""


class ScriptedSupervisor(Record, frozen=True, kw_only=True):
    """Who supervises the demo when nobody sits there; the ledger names them `@script`."""

    mission: str
    answers: tuple[ScriptedAnswer, ...]
    lesson: Lesson | None = None

    def answer_to(self, kind: WaitingKind) -> ScriptedAnswer | None:
        """None = this supervisor has no answer: a person must look."""
        return next((answer for answer in self.answers if answer.kind == kind), None)


def demo_script(judging_roles: frozenset[str]) -> Script:
    """What the models say. Raises DocumentError when the shipped script is broken."""
    return read_script("demo/script.yaml", _shipped("script.yaml"), judging_roles)


def demo_supervisor() -> ScriptedSupervisor:
    """What the supervisor says. Raises DocumentError when the shipped file is broken."""
    return read_supervisor("demo/supervisor.yaml", _shipped("supervisor.yaml"))


def read_supervisor(shown_path: str, text: str) -> ScriptedSupervisor:
    """Raises DocumentError with file and line."""
    found = typed(read_yaml(shown_path, text), ScriptedSupervisor)
    return msgspec.structs.replace(found, mission=found.mission.strip())


def _shipped(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")
