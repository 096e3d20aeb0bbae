"""Talking with a running Claude Code through its Agent SDK. The only module that imports it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    ClaudeSDKClient,
    CLIConnectionError,
    HookMatcher,
    Message,
    RateLimitEvent,
    ResultMessage,
    SdkMcpTool,
    StreamEvent,
    SystemMessage,
    TextBlock,
    ToolResultBlock,
    ToolUseBlock,
    Transport,
    UserMessage,
    create_sdk_mcp_server,
)

from factory_tui.adapters.enclosure import Program
from factory_tui.adapters.offered_tools import Tool
from factory_tui.adapters.seats.claude_code.command import HOOK_SECONDS, SERVER
from factory_tui.adapters.seats.claude_code.telling import (
    Denied,
    Ended,
    Limited,
    Retried,
    Said,
    Told,
)
from factory_tui.adapters.seats.claude_code.wire import WireCalls
from factory_tui.domain.errors import FactoryError, WorldError
from factory_tui.engine.seat_ports import ActionResult

# What it logs would be written over the screen; what matters of it is told.
logging.getLogger("claude_agent_sdk").addHandler(logging.NullHandler())

LONGEST_LINE = 32 << 20
NOT_OFFERED = "No such tool available"

Gate = Callable[[str, object], Awaitable[str]]
"""Asked before every call, with the tool's whole name and its arguments; why not, or empty."""
Carry = Callable[[str, object], Awaitable[ActionResult]]
"""Carries out one call of a tool of ours."""


class Line(Transport):
    """The SDK's messages over the pipes of an enclosed program."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._writing = asyncio.Lock()
        self.calls = WireCalls()
        self.is_over = False
        """Its end is meant: it is no error."""

    async def connect(self) -> None:
        """It runs already."""

    async def write(self, data: str) -> None:
        async with self._writing:
            await self._program.write(data.encode())

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        pending = bytearray()
        while chunk := await self._program.output.read(1 << 16):
            pending += chunk
            *lines, rest = pending.split(b"\n")
            pending = bytearray(rest)
            if len(pending) > LONGEST_LINE:
                raise WorldError(what=f"Claude Code sent one message of more than {LONGEST_LINE >> 20} MB")
            for line in lines:
                if line.startswith(b"{"):
                    message = json.loads(line)
                    if message.get("type") == "stream_event":
                        # Here, and not where messages are read: what asks about a call may overtake those.
                        self.calls.add(message.get("event") or {})
                    yield message
        if not self.is_over:
            raise WorldError(what="Claude Code has ended")

    async def close(self) -> None:
        await self._program.end()

    def is_ready(self) -> bool:
        return self._program.running

    async def end_input(self) -> None:
        self._program.end_input()


class Talk:
    """One conversation."""

    def __init__(self, program: Program, tools: Sequence[Tool], gate: Gate, carry: Carry) -> None:
        self._gate = gate
        self._options = ClaudeAgentOptions(
            verbatim_prompts=True,
            mcp_servers={SERVER: create_sdk_mcp_server(SERVER, tools=[_tool(tool, carry) for tool in tools])},
            hooks={"PreToolUse": [HookMatcher(hooks=[self._asked], on_failure="block", timeout=HOOK_SECONDS)]},
        )
        self._line = Line(program)
        self._client = ClaudeSDKClient(self._options, transport=self._line)
        self._calls: dict[str, tuple[str, object]] = {}
        self._streamed: set[str] = set()
        self._current = ""

    async def connect(self) -> None:
        """Raises FactoryError for a program that cannot be held."""
        try:
            await self._client.connect()
        except CLIConnectionError as error:
            raise FactoryError(
                what="this Claude Code cannot fill a seat",
                why=str(error),
                next_step="update it; or take it off PATH, and the one that came with the extra is used",
            ) from error

    async def ask(self, prompt: str) -> None:
        await self._client.query(prompt)

    async def interrupt(self) -> None:
        await self._client.interrupt()

    def ends(self) -> None:
        """The program is about to be ended."""
        self._line.is_over = True

    async def close(self) -> None:
        """Once the program has ended."""
        await self._client.disconnect()

    async def told(self) -> AsyncIterator[Told]:
        """What it says until this prompt is answered; `Ended` comes last."""
        async for message in self._client.receive_response():
            for one in self._read(message):
                yield one

    async def _asked(self, given: Any, use: str | None, context: Any) -> Any:
        said = await self._line.calls.arguments(use)
        why = await self._gate(given["tool_name"], given["tool_input"] if said is None else said)
        answer: dict[str, Any] = {"hookEventName": "PreToolUse", "permissionDecision": "deny" if why else "allow"}
        if said is not None and not why:
            answer["updatedInput"] = said
        return {"hookSpecificOutput": {**answer, "permissionDecisionReason": why or "it goes to the desk"}}

    def _read(self, message: Message) -> list[Told]:
        match message:
            case StreamEvent():
                return self._streamed_text(message.event)
            case AssistantMessage():
                return self._assistant(message)
            case UserMessage():
                return self._results(message)
            case RateLimitEvent():
                info = message.rate_limit_info
                return [Limited(status=info.status, window=info.rate_limit_type or "", until=info.resets_at)]
            case SystemMessage() if message.subtype == "api_retry":
                return [_retried(message.data)]
            case ResultMessage():
                return [_ended(message)]
            case _:
                return []

    def _streamed_text(self, event: dict[str, Any]) -> list[Told]:
        if event.get("type") == "message_start":
            self._current = str(event.get("message", {}).get("id", ""))
        delta = event.get("delta") or {}
        if delta.get("type") != "text_delta":
            return []
        self._streamed.add(self._current)
        return [Said(text=str(delta.get("text", "")), answer=self._current)]

    def _assistant(self, message: AssistantMessage) -> list[Told]:
        """Text comes without a stream when it fell back to a plain request."""
        found: list[Told] = []
        for block in message.content:
            if isinstance(block, ToolUseBlock):
                self._calls[block.id] = (block.name, block.input)
            elif isinstance(block, TextBlock) and message.message_id not in self._streamed and not message.error:
                found.append(Said(text=block.text))
        return found

    def _results(self, message: UserMessage) -> list[Told]:
        """A tool that was not offered never reaches the hook: only its result tells that it was tried."""
        found: list[Told] = []
        for block in message.content if isinstance(message.content, list) else ():
            if isinstance(block, ToolResultBlock) and block.is_error and NOT_OFFERED in str(block.content):
                tool, arguments = self._calls.get(block.tool_use_id, ("?", None))
                found.append(Denied(tool=tool, arguments=arguments))
        return found


def _tool(tool: Tool, carry: Carry) -> SdkMcpTool[Any]:
    async def handler(arguments: Any) -> dict[str, Any]:
        result = await carry(tool.name, arguments)
        return {"content": [{"type": "text", "text": result.text or result.decision}], "is_error": not result.ok}

    return SdkMcpTool(name=tool.name, description=tool.description, input_schema=tool.schema, handler=handler)


def _retried(data: dict[str, Any]) -> Retried:
    def number(name: str) -> int:
        value = data.get(name)
        return value if isinstance(value, int) else 0

    return Retried(
        attempt=number("attempt"),
        most=number("max_retries"),
        seconds=number("retry_delay_ms") / 1000,
        status=number("error_status"),
        error=str(data.get("error") or "the line broke"),
    )


def _ended(message: ResultMessage) -> Ended:
    return Ended(
        is_error=message.is_error,
        status=message.api_error_status or 0,
        stop=message.stop_reason or "",
        reason=message.terminal_reason or "",
        text="; ".join(message.errors or ()) or message.result or message.subtype,
        total_usd=message.total_cost_usd,
    )
