"""Poison for every text that somebody else than the factory can say, found by the types of what is written down.

A field is a struct and a name. What is not named in `OURS` is a stranger's: a field that is added tomorrow is filled
with poison tomorrow. `OURS` holds what the state finds things by, which only the factory itself sets; what keeps that
list honest is `test_hostile_reach.py`, where seats say poison wherever they can.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from chair import Chair, Evidences
from msgspec import inspect

from factory_tui.domain import events as e
from factory_tui.domain.charter import Charter
from factory_tui.domain.evolve import fold
from factory_tui.engine.factory import Factory
from factory_tui.tui.harmless import width_of

Field = tuple[str, str]
"""The name of a struct, and of a field of it."""

UNSAFE = frozenset(
    chr(number)
    for low, high in (
        (0x00, 0x09), (0x0B, 0x1F), (0x7F, 0x9F), (0xAD, 0xAD), (0x61C, 0x61C), (0x200B, 0x200F), (0x2028, 0x202E),
        (0x2060, 0x206F), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB), (0xD800, 0xDFFF), (0xE0000, 0xE007F),
    )
    for number in range(low, high + 1)
)  # fmt: skip
"""What no terminal may get from a text, said again and not imported: a hole in the product's own list shows here."""
POISON = (
    "\x1b]52;c;cHduZWQ=\x07\x1b[2J\x1b[31m\x1b]0;title\x07\x1bP+q\x1b\\[red]WORDS[/red]\u202egnp.exe\u2066\u200b"
    "\u200d\ufeff\u061c\u00ad\x9b31m\x9d0;t\x9c\x00\x07\b\t\r\n\u2028\u2029\x85```diff\n+x\n# FORGED\n\U000e0041end"
)
BROKEN = POISON + "\udcff\ud800"
"""With what invalid UTF-8 becomes; nothing of it gets into a ledger: `tests/test_hostile_seats.py`."""
FORGED = "# FORGED"
"""A line of its own in the poison: where one line is told, it is not one."""


def _all(reason: str, fields: str) -> dict[Field, str]:
    """`Struct.name other; Struct.name`"""
    rows = (row.strip().partition(".") for row in fields.split(";"))
    return {(struct, name): reason for struct, _, names in rows for name in names.split()}


OURS: dict[Field, str] = {
    **_all(
        "counted by the state (`domain/numbers.py`), which finds things by it",
        "TaskOpened.task mission after; MissionStated.mission; MissionEnded.mission; PlanProposed.plan task turn;"
        "PlanApproved.plan; PlanRejected.plan; HandoffOffered.handoff task; BriefSealed.handoff;"
        "HandoffReleased.handoff; TaskStuck.task; TaskDone.task; WorktreeOpened.task; TurnStarted.turn task handoff;"
        "TurnEnded.turn; UsageNoted.turn; SeatNoticed.turn; ConversationNoted.turn; ToolDenied.turn;"
        "ActionAllowed.id turn; ActionAsked.id turn; ActionDenied.id turn; ActionEnded.id; NoticeRaised.notice task;"
        "Escalated.question task turn; ProposalMade.proposal task turn; TreeImported.task turn action;"
        "Committed.task; HandedOver.task turn; LevelJudged.task turn; ChangeApproved.approval task;"
        "LandingCleared.task approval; LandingIntended.task; Landed.task; WorldAwaited.wait task turn;"
        "IncidentOpened.incident task; DeploymentProposed.deployment task turn; DeploymentApproved.deployment approval;"
        "DeploymentIntended.deployment approval; DeploymentSettled.deployment; DeploymentChecked.deployment",
    ),
    **_all("the id of a role in force: `law.role` refuses every other", "TaskOpened.role; HandoffOffered.to"),
    **_all(
        "of the charter in force, by which things are matched and found: parsed strictly, and no seat writes it",
        "Charter.sha256; RoleCard.id actions reads hands_to escalates_to proposes brief writes runs approves"
        " never_reads never_writes; Fetch.hosts; Never.held_by; Rule.id concerns;"
        "Bearing.phases actions roles except_roles;"
        "Condition.path op any_item; DiffPattern.except_paths patterns paths absent_patterns doubtful except_patterns"
        " unless_readded doubtful_paths; Find.find unless; DenyCommand.raw_patterns patterns; NetRemoved.pattern;"
        "Extract.globs regex; DenyPath.globs except_globs; Lift.approval; Case.role action command path diff;"
        "Gate.planner reviewer; Document.path; Charter.protected; RequireEvidence.evidence",
    ),
}
"""Why each of these is never a stranger's word. Only what stands in the past of the tests' own floors is needed."""


def texts(kind: inspect.Type, owner: str = "", name: str = "") -> Iterator[Field]:
    """Every field below a type that holds text."""
    match kind:
        case inspect.StrType():
            yield owner, name
        case inspect.UnionType(types=types):
            for one in types:
                yield from texts(one, owner, name)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            yield from texts(item, owner, name)
        case inspect.TupleType(item_types=items):
            for item in items:
                yield from texts(item, owner, name)
        case inspect.DictType(key_type=key, value_type=value):
            yield from texts(key, owner, name)
            yield from texts(value, owner, name)
        case inspect.StructType(cls=cls) if cls is Charter:
            return
        case inspect.StructType(cls=cls, fields=fields):
            for field in fields:
                yield from texts(field.type, cls.__name__, field.name)


def holds_text(kind: inspect.Type) -> bool:
    """Not numbers alone, nor words of a closed list."""
    match kind:
        case inspect.StrType() | inspect.StructType():
            return True
        case inspect.VarTupleType(item_type=item):
            return holds_text(item)
        case inspect.UnionType(types=types) | inspect.TupleType(item_types=types):
            return any(holds_text(one) for one in types)
        case _:
            return False


EVENTS = inspect.type_info(e.Event)


# --- every event, from its type --------------------------------------------------------------------


def made(kind: inspect.Type, poison: str, law: Charter, owner: str = "", name: str = "") -> Any:
    """A value of a type, with poison wherever there is text. None of it is spared."""
    match kind:
        case inspect.StrType():
            return poison
        case inspect.IntType():
            return 1
        case inspect.FloatType():
            return 1.0
        case inspect.BoolType():
            return True
        case inspect.NoneType():
            return None
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.EnumType(cls=cls):
            return next(iter(cls))
        case inspect.UnionType(types=types):
            some = next((one for one in types if not isinstance(one, inspect.NoneType)), types[0])
            return made(some, poison, law, owner, name)
        case inspect.VarTupleType(item_type=item) | inspect.ListType(item_type=item):
            return (made(item, poison, law, owner, name),)
        case inspect.TupleType(item_types=items):
            return tuple(made(item, poison, law, owner, name) for item in items)
        case inspect.DictType(key_type=key, value_type=value):
            return {made(key, poison, law, owner, name): made(value, poison, law, owner, name)}
        case inspect.StructType(cls=cls) if cls is Charter:
            return law
        case inspect.StructType(cls=cls, fields=fields):
            return cls(**{one.name: made(one.type, poison, law, cls.__name__, one.name) for one in fields})
        case _:
            raise AssertionError(f"{owner}.{name}: nothing is known of {kind}")


def every_event(poison: str, law: Charter) -> list[e.Event]:
    """One of each, nothing in it but poison, with both kinds of whatever has two."""
    assert isinstance(EVENTS, inspect.UnionType)
    return [made(one, poison, law) for one in EVENTS.types]


# --- what was done, said with other words ----------------------------------------------------------


def haunted(value: Any, poison: str, owner: str = "", name: str = "") -> Any:
    """The same value, with poison wherever it holds text that is not ours."""
    match value:
        case str():
            return poison if value and type(value) is str and (owner, name) not in OURS else value
        case tuple():
            return tuple(haunted(one, poison, owner, name) for one in value)
        case msgspec.Struct():
            struct = type(value).__name__
            kinds = {one.name: one.type for one in inspect.type_info(type(value)).fields}  # type: ignore[union-attr]
            given = {
                field: haunted(getattr(value, field), poison, struct, field)
                for field in value.__struct_fields__
                if holds_text(kinds[field])
            }
            return msgspec.structs.replace(value, **given)
        case _:
            return value


class HostileEvidence(Evidences):
    """Whatever is opened holds poison, file names in differences too."""

    def __init__(self, poison: str) -> None:
        super().__init__()
        self.poison = poison.encode("utf-8", "surrogatepass") + b"\xff\xfe\xc3(invalid"

    def get(self, sha256: str) -> bytes:
        name = self.poison[:2_000].replace(b"\n", b" ")
        head = (
            b"diff --git a/" + name + b" b/" + name + b"\n--- a/" + name + b"\n+++ b/" + name + b"\n@@ -1,1 +1,2 @@\n"
        )
        return head + b" same\n+" + self.poison + b"\n-" + self.poison


def haunt(chair: Chair, poison: str) -> Chair:
    """Its past, in which everybody said something else."""
    chair.store = HostileEvidence(poison)
    chair.ledger.entries[:] = [
        msgspec.structs.replace(one, event=haunted(one.event, poison)) for one in chair.ledger.entries
    ]
    chair.state = fold(chair.ledger.entries)
    chair.factory = Factory(state=chair.state, ledger=chair.ledger, clock=chair)
    chair.name = poison[:4_000]
    chair.checked = haunted(tuple(chair.checked), poison)
    return chair


def is_whole(text: str, width: int, height: int) -> None:
    """Every line fits, and nothing in it steers."""
    lines = text.rstrip("\n").split("\n")
    assert len(lines) <= height
    bad = [line for line in lines if UNSAFE & set(line)]
    assert not bad, bad
    assert all(width_of(line) <= width for line in lines)
