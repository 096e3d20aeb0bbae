"""The one place that permits: every action of every seat comes through here, and has no other way.

Card, rules, grants and budget answer in `decide`; here the answer is waited for, the effect is carried out once it is
on record, and its end is recorded. A denial is an answer to the seat, never an exception.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from factory_tui.domain import commands as c
from factory_tui.domain import events as e
from factory_tui.domain.entries import Entry
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.events import NoticeKind
from factory_tui.domain.harmless import writable
from factory_tui.domain.packages import packages_line
from factory_tui.domain.redaction import Redactor
from factory_tui.domain.roles import may_fetch, may_read
from factory_tui.domain.scrubbing import scrubbed
from factory_tui.domain.seals import action_sha256, sha256_of
from factory_tui.domain.state import Message, State
from factory_tui.domain.terms import Action, Actor, Evidence, FetchedPackages, Ruling
from factory_tui.engine.boundaries import boundary_of
from factory_tui.engine.deployments import Deployments
from factory_tui.engine.factory import Factory
from factory_tui.engine.fetch_ports import Fetcher, Packages
from factory_tui.engine.gatekeeper import Gatekeeper
from factory_tui.engine.ports import EvidenceStore, Limits, Progress, RunResult, Sandbox, Workbench
from factory_tui.engine.seat_ports import ActionResult

BROUGHT_BY = Actor(kind="factory", name="packages")
TOLD_CHARACTERS = 20_000
"""Of a command's output that the seat is told; the whole is evidence."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a desk works with, for one turn."""

    directory: str
    """Worktree, or scratch export; empty = the role sees no tree."""
    environment: dict[str, str]
    readable: tuple[str, ...]
    seconds: float
    """Of one command."""
    held: tuple[str, ...] = ()
    """Paths of the tree that its commands cannot change, relative to it."""
    widened: tuple[str, ...] = ()
    """Of `held`, those that hold more than the card says; a command that fails is told so."""
    scratch: Callable[[], AbstractAsyncContextManager[str]] | None = None
    """Makes a copy of the worktree as it is now, that vanishes: where commands run instead. None = in `directory`."""


class TurnDesk:
    """A seat's whole world, for one turn. Satisfies `seat_ports.Desk`."""

    def __init__(
        self,
        *,
        turn: str,
        factory: Factory,
        gatekeeper: Gatekeeper,
        workbench: Workbench,
        sandbox: Sandbox,
        evidence: EvidenceStore,
        progress: Progress,
        tools: Tools,
        redactor: Redactor | None = None,
        fetcher: Fetcher | None = None,
        packages: Packages | None = None,
        equip_again: Callable[[], Awaitable[Tools]] | None = None,
        deployments: Deployments | None = None,
    ) -> None:
        """`equip_again` says what the desk works with once a package came in."""
        self._fetcher, self._packages, self._equip_again = fetcher, packages, equip_again
        self._deployments = deployments
        self._turn = turn
        self._redactor = redactor or Redactor()
        self._factory = factory
        self._gatekeeper = gatekeeper
        self._workbench = workbench
        self._sandbox = sandbox
        self._evidence = evidence
        self._progress = progress
        self._tools = tools
        self._by = Actor(kind="seat", name=turn)

    def say(self, text: str) -> None:
        self._progress(self._turn, text)

    def notice(self, kind: NoticeKind, text: str) -> None:
        self._factory.submit(c.NoteSeat(turn=self._turn, kind=kind, text=self._redactor.text(text)), self._by)

    def deny(self, tool: str, arguments: object, reason: str) -> None:
        shown = self._redactor.text(reason)
        tool = writable(tool)
        call = sha256_of({"tool": tool, "arguments": writable(str(arguments))})
        self._factory.submit(c.DenyTool(turn=self._turn, tool=tool, reason=shown, sha256=call), self._by)

    def conversation(self, id: str, model: str = "") -> None:
        self._factory.submit(c.NoteConversation(turn=self._turn, conversation=id, model=model), self._by)

    def spend(
        self,
        usd: float | None,
        tokens_in: int,
        tokens_out: int,
        tokens_cached: int = 0,
        tokens_written: int = 0,
        model: str = "",
    ) -> None:
        usage = c.NoteUsage(
            turn=self._turn,
            usd=usd,
            tokens_in=tokens_in,
            tokens_out=tokens_out,
            tokens_cached=tokens_cached,
            tokens_written=tokens_written,
            model=model,
        )
        self._factory.submit(usage, self._by)

    async def act(self, action: Action) -> ActionResult:
        """Ask, wait if a person must answer, carry out, record; what the supervisor said ends the answer."""
        result = await self._act(action)
        said = await self.hear()
        return replace(result, text="\n\n".join((result.text, *said))) if said else result

    async def permit(self, action: Action) -> ActionResult:
        """Ask, wait if a person must answer, record; whoever asked does it by themselves, or does not."""
        return await self._act(action, is_ours=False)

    async def hear(self) -> tuple[str, ...]:
        turn = self._factory.state.turns.get(self._turn)
        if turn is None or not turn.unheard:
            return ()
        await self._factory.carried_out(c.HearMessages(turn=self._turn), self._by)
        for message in turn.unheard:
            self._progress(self._turn, f"\n[{message.by} said: {message.text}]\n")
        return tuple(_said(message) for message in turn.unheard)

    async def _act(self, action: Action, *, is_ours: bool = True) -> ActionResult:
        # Before anybody looks at it: what is asked for, recorded and done is one and the same.
        action = scrubbed(action, writable)
        # On record, and so what an approval is bound to, is the action without its secrets.
        shown = scrubbed(action, self._redactor.text)
        text = self._kept_text(shown)
        wish = c.RequestAction(turn=self._turn, action=shown, sha256=action_sha256(shown), text=text)
        answer = await self._request(wish)
        asked = False
        changed = ""
        while isinstance(answer, e.ActionAsked):
            asked = True
            edited, refused = await self._answered(answer.id)
            if refused is not None:
                return ActionResult(ok=False, decision="deny", text=f"the supervisor denied it: {refused}")
            if edited is not None:
                changed = (
                    f"the supervisor changed your command before it ran: `{shown.command}` became `{edited.command}`\n"
                )
                action = shown = edited
                wish = c.RequestAction(turn=self._turn, action=shown, sha256=action_sha256(shown), text=text)
            answer = await self._request(wish)
        if isinstance(answer, e.ActionDenied):
            return ActionResult(ok=False, decision="deny", text=changed + _told_denial(answer.ruling))
        await self._factory.durable()
        if is_ours:
            result = await self._carry_out(action, answer.id)
        elif changed:
            # What would be done is what was asked for, and that was not what was allowed.
            return self._ended(answer.id, ok=False, text=f"{changed}It was not done; ask for it as it is now.")
        else:
            result = self._ended(answer.id, ok=True, text="permitted", summary="permitted; its own tool does it")
        return ActionResult(
            ok=result.ok, decision="ask" if asked else "allow", text=changed + result.text, exit_code=result.exit_code
        )

    async def _request(self, wish: c.RequestAction) -> e.ActionAllowed | e.ActionAsked | e.ActionDenied:
        """Held here while the factory or this turn is paused."""
        await self._factory.until(lambda state: not state.paused and not self._is_paused(state))
        entries = self._factory.submit(wish, self._by)
        answer = next(
            entry.event
            for entry in entries
            if isinstance(entry.event, e.ActionAllowed | e.ActionAsked | e.ActionDenied)
        )
        assert isinstance(answer, e.ActionAllowed | e.ActionAsked | e.ActionDenied)
        return answer

    def _is_paused(self, state: State) -> bool:
        turn = state.turns.get(self._turn)
        return turn is not None and bool(turn.paused)

    async def _answered(self, ask: str) -> tuple[Action | None, str | None]:
        """Waits for the supervisor: the action they made of it, if another; and why it is denied, None = allowed."""
        found: list[e.AskAnswered] = []
        edited: list[Action] = []

        def look(entry: Entry, state: object) -> None:
            if isinstance(entry.event, e.AskAnswered) and entry.event.id == ask:
                found.append(entry.event)
            elif isinstance(entry.event, e.ActionEdited) and entry.event.id == ask:
                edited.append(entry.event.action)

        end = self._factory.subscribe(look)
        try:
            await self._factory.until(lambda state: bool(found) or ask not in state.asks)
        finally:
            end()
        if not found:
            return None, "nobody answered"
        return edited[-1] if edited else None, None if found[0].allowed else found[0].reason

    def _kept_text(self, action: Action) -> Evidence | None:
        if action.kind == "report" and action.text:
            return self._evidence.put(action.text.encode(), f"report of {self._turn}")
        if action.kind == "propose" and action.content is not None:
            return self._evidence.put(action.content.encode(), f"proposed text of {action.path}")
        return None

    # --- effects ---------------------------------------------------------------------------------

    async def _carry_out(self, action: Action, id: str) -> ActionResult:
        match action.kind:
            case "read" | "search" | "edit":
                return await self._at_the_bench(action, id)
            case "run":
                return await self._run(action, id)
            case "commit":
                return await self._gatekeeper.commit(self._turn, id, self._tools.directory, action.text)
            case "fetch":
                return await self._fetch(action, id)
            case "deploy":
                return await self._deploy(action, id)
            case _:
                return ActionResult(ok=True, decision="allow", text=f"{action.kind}: on record")

    async def _at_the_bench(self, action: Action, id: str) -> ActionResult:
        directory = self._tools.directory
        try:
            if action.kind == "read":
                text = await self._workbench.read(directory, action.path)
            elif action.kind == "search":
                text = await self._workbench.search(directory, action.pattern, action.path, self._may_read())
            else:
                text = await self._workbench.edit(directory, action)
        except FactoryError as error:
            return self._ended(id, ok=False, text=str(error))
        # Only what we hold: a shape that is merely like a secret may be the code that the seat is to edit.
        text = self._redactor.known(text)
        return self._ended(id, ok=True, text=text, summary=f"{len(text)} characters")

    def _may_read(self) -> Callable[[str], bool]:
        state = self._factory.state
        card = state.law.role(state.turn(self._turn).role)
        return lambda path: may_read(card, path)

    async def _deploy(self, action: Action, id: str) -> ActionResult:
        if self._deployments is None:
            return self._ended(id, ok=False, text="this factory carries out no deployment")
        return await self._deployments.wish(self._turn, id, action.target, action.commit, action.text)

    async def _fetch(self, action: Action, id: str) -> ActionResult:
        if action.resource == "package":
            return await self._fetch_package(action, id)
        if self._fetcher is None:
            return self._ended(id, ok=False, text="this factory has no route to fetch an address")
        state = self._factory.state
        card = state.law.role(state.turn(self._turn).role)
        try:
            fetched = await self._fetcher.fetch(action.target, lambda url: may_fetch(card, url))
        except FactoryError as error:
            return self._ended(id, ok=False, text=str(error))
        kept = self._evidence.put(self._redactor.data(fetched.data), f"fetched from {fetched.host}")
        text = self._redactor.text(fetched.text)
        cut = len(text) > TOLD_CHARACTERS or fetched.truncated
        how = f"{len(fetched.data)} bytes from {fetched.url[:200]}"
        end = c.EndAction(id=id, result="ok", summary=f"{how}{', cut' if cut else ''}", evidence=kept)
        self._factory.submit(end, self._by)
        note = f"\n[cut; kept as evidence {kept.sha256[:12]}]" if cut else ""
        return ActionResult(ok=True, decision="allow", text=_quoted(text[:TOLD_CHARACTERS], fetched.host) + note)

    async def _fetch_package(self, action: Action, id: str) -> ActionResult:
        """The factory brings it in; what came is on record before the seat hears of it."""
        if self._packages is None or not self._tools.directory:
            why = "this turn has no tree of its own that a package could be given to"
            return self._ended(id, ok=False, text=f"{why}; escalate with what you need")
        law = self._factory.state.law
        try:
            brought = await self._packages.fetch(action.target, law.stack, law.gate.dependencies.indexes)
        except FactoryError as error:
            return self._ended(id, ok=False, text=str(error))
        fetched = FetchedPackages(
            asked=action.target,
            manager=brought.manager,
            store=brought.store,
            packages=brought.packages,
            files=brought.files,
            size=brought.size,
            listing=self._evidence.put(brought.listing, f"files of {action.target}"),
        )
        self._factory.submit(c.RecordPackages(turn=self._turn, action=id, fetched=fetched), BROUGHT_BY)
        if self._equip_again is not None:
            try:
                self._tools = await self._equip_again()
            except FactoryError as error:
                return self._ended(id, ok=False, text=f"it came in and could not be given to the tree: {error}")
        told = "\n".join(
            f"- {one.name} {one.version}, licence {one.licence or 'unknown'}"
            + (", its install script did not run" if one.scripts else "")
            for one in fetched.packages
        )
        text = (
            f"{fetched.files} files came in, and nothing of them has run:\n{told}\n{brought.way}. Add it to the "
            "project's own list of dependencies too: whoever judges the change is told what came in."
        )
        return self._ended(id, ok=True, text=text, summary=f"{packages_line(fetched)}, {fetched.files} files")

    async def _run(self, action: Action, id: str) -> ActionResult:
        directory = self._tools.directory
        if not directory:
            return self._ended(id, ok=False, text="this role has no tree to run anything in")
        try:
            if self._tools.scratch is None:
                result = await self._run_in(directory, action.command)
            else:
                async with self._tools.scratch() as copy:
                    result = await self._run_in(copy, action.command)
        except FactoryError as error:
            return self._ended(id, ok=False, text=str(error))
        return self._ran(id, action, result)

    async def _run_in(self, directory: str, command: str) -> RunResult:
        tools = self._tools
        boundary = boundary_of(directory, held=tools.held, readable=tools.readable, environment=tools.environment)
        return await self._sandbox.run(("sh", "-c", command), boundary, Limits(seconds=self._tools.seconds))

    def _ran(self, id: str, action: Action, result: RunResult) -> ActionResult:
        output = self._redactor.data(result.output)
        kept = self._evidence.put(output, f"output of {action.command[:120]}")
        text = output.decode("utf-8", "replace")
        if len(text) > TOLD_CHARACTERS:
            left_out = len(text) - TOLD_CHARACTERS
            text = f"[{left_out} characters left out; kept as evidence {kept.sha256[:12]}]\n{text[-TOLD_CHARACTERS:]}"
        how = result.killed or ", ".join(part for part in (f"exit code {result.exit_code}", result.met) if part)
        ok = result.exit_code == 0
        self._factory.submit(
            c.EndAction(
                id=id,
                result="ok" if ok else ("killed" if result.killed else "error"),
                exit_code=result.exit_code,
                summary=f"{how}, {result.seconds:.1f} s, {len(result.output)} bytes",
                evidence=kept,
                breach=result.breach,
            ),
            self._by,
        )
        note = "" if ok or not self._tools.widened else _told_widened(self._tools.widened)
        return ActionResult(ok=ok, decision="allow", text=f"{text}\n[{how}]{note}", exit_code=result.exit_code)

    def _ended(self, id: str, *, ok: bool, text: str, summary: str = "") -> ActionResult:
        end = c.EndAction(id=id, result="ok" if ok else "error", summary=summary or text[:500])
        self._factory.submit(end, self._by)
        return ActionResult(ok=ok, decision="allow", text=text)


def _said(message: Message) -> str:
    """As a model is told it. Each line is marked, so that nothing in it can look like its end."""
    lines = "\n".join(f"> {line}" for line in message.text.splitlines())
    return (
        f"--- {message.id}: the supervisor ({message.by}) says ---\n{lines}\n"
        "--- end of what the supervisor says; it approves nothing, what must be asked is still asked ---"
    )


def _told_widened(folders: tuple[str, ...]) -> str:
    named = ", ".join(f"`{folder or '.'}`" for folder in folders[:10])
    more = f" and {len(folders) - 10} more" if len(folders) > 10 else ""
    return f"\n[commands write nothing in {named}{more}: too many single paths there are not yours; use `edit`]"


def _quoted(text: str, host: str) -> str:
    """Each line marked, so that nothing in it can look like its end."""
    lines = "\n".join(f"> {line}" for line in text.splitlines())
    return f"--- untrusted text from {host} ---\n{lines}\n--- end of untrusted text from {host} ---"


def _told_denial(ruling: Ruling) -> str:
    """What the seat is told: every reason, and the way on."""
    lines = [
        f"{match.source}: {match.reason}" + (f" Instead: {match.instead}" if match.instead else "")
        for match in ruling.matches
        if match.decision is ruling.decision
    ]
    return "denied. " + "\n".join(lines)
