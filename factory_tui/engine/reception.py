"""The reception: what other commands ask of a factory, and what they are answered, as plain data.

A request is parsed at the border and answered here, the same for a factory that runs and for one that was opened for
this request alone. Looking is always answered; whoever answers, adopts or hands over must not be a seat.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from factory_tui.domain import commands as c
from factory_tui.domain.errors import Refusal
from factory_tui.domain.events import Mode
from factory_tui.domain.item import Waiting
from factory_tui.domain.pace import mode_of
from factory_tui.domain.spending import amount_in
from factory_tui.domain.staffing import NO_BOUNDS
from factory_tui.domain.terms import Actor, Record
from factory_tui.domain.waiting import waiting
from factory_tui.engine.deploy_orders import Deploy, carry_out
from factory_tui.engine.deployments import Deployments
from factory_tui.engine.exhibits import difference, find_item, parts_of, proposed_charter
from factory_tui.engine.factory import Factory
from factory_tui.engine.incidents import IncidentDesk, IncidentWish
from factory_tui.engine.orders import Steer, command_of
from factory_tui.engine.ports import EvidenceStore
from factory_tui.engine.session import Session
from factory_tui.engine.settling import CardDesk, DraftCard
from factory_tui.engine.summary import as_data, budget_lines, crew_of, summary_of

SHORTEST_SHA = 6
"""Characters of a sha256 that name an object."""


class Status(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="status"):
    pass


class Inbox(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="inbox"):
    id: str = ""
    """One item, whole; empty = all of them, a line each."""


class Reply(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="answer"):
    id: str
    verb: str
    text: str = ""
    sha256: str = ""
    """Or its beginning; empty = whatever the item is at that moment."""
    content: str | None = None
    """edit: the whole new brief."""
    expires: str = ""


class HandOver(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="handover"):
    task: str
    note: str = ""
    message: str = ""
    """Of the commit; empty = the task's title."""
    form_path: str = ""
    """A filled-in form, absolute; empty = the one that was laid out."""
    question: str = ""
    """Instead of a delivery."""


class Acknowledge(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="ack"):
    digest: str


class Adopt(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="adopt"):
    proposal: str
    sha256: str = ""


class SetPaused(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="pause"):
    paused: bool
    reason: str = ""


class ChangeMode(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="mode"):
    mode: Mode
    task: str = ""
    """Its own; empty = the session's."""


class PreviewDigest(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="digest"):
    words: str = ""


class Propose(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="propose"):
    """Look at the home on disk again."""


class Workplace(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="workplace"):
    """Where the person who fills the task's seat works."""

    task: str


class LookAtCrew(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="crew"):
    """Who fills each role, and what is used of every budget."""


class ChangeSeat(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="seat-role"):
    role: str
    seat: str = ""
    """`seat/model@effort`, of which parts may be left out; empty = by the settings again."""


class Raise(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="raise"):
    scope: str
    amount: str
    """`usd 5, tokens 500000`"""
    reason: str = ""


Request = (
    Status
    | Inbox
    | Reply
    | HandOver
    | Acknowledge
    | Adopt
    | SetPaused
    | Steer
    | ChangeMode
    | PreviewDigest
    | Propose
    | LookAtCrew
    | Workplace
    | ChangeSeat
    | Raise
    | IncidentWish
    | Deploy
    | DraftCard
)

Answer = dict[str, Any]


class HandoverPort(Protocol):
    """Where a person's seat waits to be told that the work is done."""

    def place_of(self, task: str) -> tuple[str, str]:
        """Directory and form of a person's turn, absolute. Raises Refusal when there is none."""

    def give(self, request: HandOver) -> Awaitable[str]:
        """Returns what came of it, in words, when the turn has taken it. Raises Refusal when no such turn waits."""


class Reception:
    """Answers requests for one factory."""

    def __init__(
        self,
        *,
        factory: Factory,
        session: Session,
        evidence: EvidenceStore,
        propose: Callable[[], Awaitable[None]],
        handovers: HandoverPort | None = None,
        incidents: IncidentDesk | None = None,
        deployments: Deployments | None = None,
        cards: CardDesk | None = None,
    ) -> None:
        self._factory, self._session, self._evidence = factory, session, evidence
        self._propose, self._handovers, self._incidents = propose, handovers, incidents
        self._deployments, self._cards = deployments, cards

    async def answer(self, request: Request, by: Actor, *, at_terminal: bool = False) -> Answer:
        """`at_terminal`: it was typed where the factory itself runs, so that no seat can have asked."""
        state = self._factory.state
        match request:
            case Status():
                return summary_of(state)
            case Inbox(id=id) if id:
                item = find_item(state, id)
                parts = parts_of(state, item, self._evidence)
                return {"item": as_data(item), "parts": [{"title": part.title, "text": part.text} for part in parts]}
            case Inbox():
                return {"waiting": [as_data(item) for item in waiting(state)]}
            case LookAtCrew():
                return crew_of(state)
            case Workplace(task=task):
                if self._handovers is None:
                    raise Refusal(what="no person fills a seat here", next_step="`factory status` shows who works")
                directory, form = self._handovers.place_of(task)
                return {"directory": directory, "form": form}
            case PreviewDigest(words=words):
                return {"text": self._session.preview("it is still running", words)}
            case SetPaused(paused=True, reason=reason):
                await self._factory.carried_out(c.Pause(reason=reason), by)
                return {"paused": self._factory.state.paused}
            case Propose():
                await self._propose()
                return {"waiting": [as_data(item) for item in waiting(self._factory.state)]}
            case _:
                if not at_terminal:
                    self._refuse_a_seat()
                return await self._act(request, by)

    async def _act(
        self,
        request: Reply
        | HandOver
        | Acknowledge
        | Adopt
        | SetPaused
        | Steer
        | ChangeMode
        | ChangeSeat
        | Raise
        | IncidentWish
        | Deploy
        | DraftCard,
        by: Actor,
    ) -> Answer:
        match request:
            case Deploy():
                return await carry_out(request, self._factory, self._deployments, by)
            case DraftCard():
                if self._cards is None:
                    raise Refusal(
                        what="no card is drafted here",
                        next_step="`factory` opens the cockpit, whose `allowed` drafts one",
                    )
                return await self._cards.draft(request)
            case ChangeSeat(role=role, seat=seat):
                await self._factory.carried_out(c.SeatRole(role=role, seat=seat), by)
                return {"role": role, "seat": seat}
            case Raise():
                if not request.amount.strip():
                    raise Refusal(what="by how much?", next_step="for instance `usd 5, tokens 500000`")
                by_how_much = amount_in(request.amount, NO_BOUNDS)
                wish = c.RaiseBudget(scope=request.scope, by=by_how_much, reason=request.reason or request.amount)
                await self._factory.carried_out(wish, by)
                lines = [line for line in budget_lines(self._factory.state) if line.startswith(f"{request.scope} ")]
                return {"scope": request.scope, "now": " ".join((lines or ["for the next turn"])[0].split())}
            case IncidentWish():
                if self._incidents is None:
                    raise Refusal(what="incidents are not worked on here", next_step="`factory incident list`")
                return await self._incidents.carry_out(request, by)
            case Reply():
                return await self._reply(request, by)
            case HandOver():
                if self._handovers is None:
                    raise Refusal(what="no person fills a seat here", next_step="`factory status` shows who works")
                return {"task": request.task, "result": await self._handovers.give(request)}
            case Acknowledge(digest=digest):
                return await self._acknowledge(digest, by)
            case Adopt():
                return await self._adopt(request, by)
            case Steer():
                entries = await self._factory.carried_out(command_of(self._factory.state, request, self._evidence), by)
                return {"target": request.target, "order": request.order, "entries": [one.seq for one in entries]}
            case SetPaused():
                await self._factory.carried_out(c.Unpause(), by)
                return {"paused": self._factory.state.paused}
            case ChangeMode(mode=mode, task=task):
                await self._factory.carried_out(c.SetMode(mode=mode, task=task), by)
                state = self._factory.state
                return {"mode": mode_of(state, state.task(task)) if task else state.mode}

    def _refuse_a_seat(self) -> None:
        """Without a wall, a seat's commands run as the supervisor's own user: they could reach this door too."""
        state = self._factory.state
        if state.wall and not state.wall.startswith("none"):
            return
        loud = [turn.id for turn in state.turns.values() if turn.control not in ("human", "rehearsed")]
        if loud:
            raise Refusal(
                what=f"answers from the command line are refused while {', '.join(loud)} runs",
                why=f"wall: {state.wall or 'unknown'}, so its commands run as you and could answer in your name",
                next_step="answer in the terminal where the factory runs, or wait until the turn has ended",
            )

    async def _reply(self, request: Reply, by: Actor) -> Answer:
        state = self._factory.state
        item = next((item for item in waiting(state) if item.id.lower() == request.id.lower()), None)
        brief = edit = None
        if item is not None and item.kind == "incident" and request.verb == "adopt" and self._incidents is not None:
            wish = IncidentWish(verb="adopt", id=item.id, sha256=request.sha256)
            return await self._incidents.carry_out(wish, by)
        if item is not None and request.content is not None and item.kind == "handoff":
            brief = self._evidence.put(request.content.encode(), f"edited brief of {item.id}")
            handoff = state.task(item.task).handoff
            old = self._evidence.get(handoff.brief.sha256).decode() if handoff and handoff.brief else ""
            changed = difference(old, request.content, f"brief of {item.id}")
            edit = self._evidence.put(changed.encode(), f"edit of the brief of {item.id}")
        entries = await self._factory.carried_out(
            c.Answer(
                id=item.id if item else request.id,
                verb=request.verb,
                sha256=_bound(item, request.sha256) if item else request.sha256,
                text=request.text,
                brief=brief,
                edit=edit,
                expires=request.expires,
            ),
            by,
        )
        return {
            "id": item.id if item else request.id,
            "verb": request.verb,
            "title": item.title if item else "",
            "sha256": item.sha256 if item else "",
            "entries": [entry.seq for entry in entries],
        }

    async def _acknowledge(self, digest: str, by: Actor) -> Answer:
        state = self._factory.state
        item = next((item for item in waiting(state) if item.kind == "digest"), None)
        if state.digest is None:
            raise Refusal(what="no digest was written yet", next_step="a session's end writes one")
        names = {f"d-{state.digest.session}", str(state.digest.session), state.digest.path.lower()}
        names |= {state.digest.path.lower().rpartition("/")[2]}
        if digest.lower() not in names and not digest.lower().endswith(f"/{state.digest.path.lower()}"):
            raise Refusal(
                what=f"{digest[:80]} is not the last digest",
                why=f"that is D-{state.digest.session}, {state.digest.path}",
                next_step=f"read it, then `factory ack D-{state.digest.session}`",
            )
        if item is None:
            raise Refusal(what=f"D-{state.digest.session} was read before", next_step="nothing waits for that")
        return await self._reply(Reply(id=item.id, verb="ack", sha256=item.sha256), by)

    async def _adopt(self, request: Adopt, by: Actor) -> Answer:
        state = self._factory.state
        item = find_item(state, request.proposal)
        _bound(item, request.sha256)
        charter = proposed_charter(state, item.id, self._evidence)
        await self._factory.carried_out(c.AdoptCharter(proposal=item.id, charter=charter), by)
        committed = await self._incidents.commit_owed() if self._incidents is not None else []
        return {"id": item.id, "title": item.title, "charter": charter.sha256, "committed": committed}


def _bound(item: Waiting, given: str) -> str:
    """The object's sha256, if what was given names it; nothing given takes it as it is now."""
    if not given:
        return item.sha256
    if len(given) < SHORTEST_SHA or not item.sha256.startswith(given.lower()):
        raise Refusal(
            what=f"{item.id} is not {given[:80]}",
            why=f"it is {item.sha256[:16]} now: {item.title}",
            next_step=f"look at it again: `factory inbox {item.id}`",
        )
    return item.sha256


def parse(data: bytes | str) -> Request:
    """A request from JSON, its kind under `type`. Raises Refusal for anything that is none."""
    try:
        return msgspec.json.decode(data, type=Request)  # type: ignore[no-any-return]
    except msgspec.MsgspecError as error:
        raise Refusal(
            what=f"this is no request: {error}",
            why="the command and the running factory may be of different versions",
            next_step="end the factory and start it again with this version",
        ) from None
