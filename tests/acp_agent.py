"""An agent of our own that speaks the real protocol through its real library: it does what its brief's lines say.

    read PATH | write PATH TEXT | run CMD | ask KIND TEXT | behind PATH TEXT (not by the client) | say TEXT | slow N
    call JSON (a call of the factory's, as text) | model (asks its model what to do, over the Messages API)
    die | hang | garbage N | never | own (starts a process of its own and leaves it) | caps

Lines count from one that is `DO:` on; without such a line it does what it was told the last time. What came of each is
said. Run as a program: `python acp_agent.py`.
"""

from __future__ import annotations

import asyncio
import json
import os
import pathlib
import subprocess
import sys
import urllib.request
from typing import Any

import acp
from acp.schema import (
    AgentCapabilities,
    Implementation,
    InitializeResponse,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    ToolCallLocation,
    ToolCallUpdate,
)

OPTIONS = [
    PermissionOption(option_id="always", name="Always", kind="allow_always"),
    PermissionOption(option_id="yes", name="Allow", kind="allow_once"),
    PermissionOption(option_id="no", name="Reject", kind="reject_once"),
]


ALWAYS = sys.argv[sys.argv.index("--do") + 1] if "--do" in sys.argv else ""


class Demo:
    def __init__(self) -> None:
        self.cancelled = asyncio.Event()
        self.caps: Any = None
        self.cwd = self.again = ""

    def on_connect(self, conn: Any) -> None:
        self.client = conn

    async def initialize(self, protocol_version: int, client_capabilities: Any = None, **more: Any) -> Any:
        if "hang-at-start" in sys.argv:
            await asyncio.Event().wait()
        self.caps = client_capabilities
        return InitializeResponse(
            protocol_version=acp.PROTOCOL_VERSION,
            agent_capabilities=AgentCapabilities(load_session=False),
            agent_info=Implementation(name="demo", version="1"),
        )

    async def new_session(self, cwd: str, mcp_servers: Any = None, **more: Any) -> Any:
        if "no-session" in sys.argv:
            raise acp.RequestError(-32000, "Authentication required", None)
        self.cwd = cwd
        return NewSessionResponse(session_id="s1")

    async def cancel(self, session_id: str, **more: Any) -> None:
        self.cancelled.set()

    async def say(self, text: str) -> None:
        await self.client.session_update(session_id="s1", update=acp.update_agent_message_text(text))

    async def prompt(self, session_id: str, prompt: Any, **more: Any) -> Any:
        self.cancelled.clear()
        text = "".join(part.text for part in prompt)
        last = text.rpartition("DO:\n")[2] if "DO:\n" in text else ""
        if not last and "# Result of" not in text:
            last = self.again
        self.again = last = last or ALWAYS
        for number, line in enumerate(last.split("\nEND")[0].splitlines()):
            verb, _, rest = line.partition(" ")
            if verb == "stop":
                return PromptResponse(stop_reason=rest)
            try:
                told = await self.do(verb, rest, number)
            except acp.RequestError as error:
                told = f"REFUSED {error}"
            except OSError as error:
                told = f"FAILED {error}"
            if told is None:
                return PromptResponse(stop_reason="cancelled")
            await self.say(told if verb in ("call", "model") else f"[{verb}] {told}\n")
        return PromptResponse(stop_reason="end_turn")

    async def do(self, verb: str, rest: str, number: int) -> str | None:
        path, _, text = rest.partition(" ")
        match verb:
            case "read":
                return str((await self.client.read_text_file(session_id="s1", path=self.at(rest))).content)
            case "write":
                await self.client.write_text_file(session_id="s1", path=self.at(path), content=text)
                return "written"
            case "run":
                made = await self.client.create_terminal(session_id="s1", command="/bin/sh", args=["-c", rest])
                end = await self.client.wait_for_terminal_exit(session_id="s1", terminal_id=made.terminal_id)
                out = await self.client.terminal_output(session_id="s1", terminal_id=made.terminal_id)
                await self.client.release_terminal(session_id="s1", terminal_id=made.terminal_id)
                return f"exit {end.exit_code}: {out.output.strip()}"
            case "ask":
                places = [ToolCallLocation(path=self.at(text))] if path in ("read", "edit", "delete") else []
                call = ToolCallUpdate(
                    tool_call_id=f"t{number}",
                    title=text,
                    kind=path,
                    locations=places,
                    raw_input={"command": text} if path == "execute" else {},
                )
                answer = await self.client.request_permission(session_id="s1", tool_call=call, options=OPTIONS)
                return f"{answer.outcome.outcome} {getattr(answer.outcome, 'option_id', '')}"
            case "behind":
                pathlib.Path(self.at(path)).write_text(text)
                return "written behind the client's back"
            case "call":
                return f"\n```factory\n{rest}\n```\n"
            case "model":
                return await asyncio.to_thread(ask_model)
            case "caps":
                return json.dumps(self.caps.model_dump(by_alias=True, exclude_none=True) if self.caps else {})
            case "env":
                return os.environ.get(rest, "")
            case "slow":
                for _ in range(int(rest)):
                    if self.cancelled.is_set():
                        return None
                    await self.say("tick ")
                    await asyncio.sleep(0.02)
                return "done"
            case "never":
                while True:
                    await self.say("tick ")
                    await asyncio.sleep(0.02)
            case "hang":
                await asyncio.Event().wait()
            case "die":
                sys.stderr.write("I give up\n")
                sys.stderr.flush()
                os._exit(3)
            case "garbage":
                for _ in range(int(rest)):
                    sys.stdout.write("Welcome to this machine!\n")
                sys.stdout.flush()
                return "printed"
            case "own":
                child = subprocess.Popen(["sleep", "60"], start_new_session=True, stdin=subprocess.DEVNULL)
                return f"started {child.pid}"
        return f"echo: {verb} {rest}"

    def at(self, path: str) -> str:
        return path if path.startswith("/") else f"{self.cwd}/{path}"

    async def ext_method(self, method: str, params: Any) -> Any:
        return {}

    async def ext_notification(self, method: str, params: Any) -> None: ...


def ask_model() -> str:
    """One call over the way out; the model's text is what is said."""
    body = {
        "model": os.environ["MODEL"],
        "max_tokens": 100,
        "stream": True,
        "messages": [{"role": "user", "content": "What now?"}],
    }
    request = urllib.request.Request(
        os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages",
        json.dumps(body).encode(),
        {"content-type": "application/json", "x-api-key": os.environ["ANTHROPIC_API_KEY"]},
    )
    said = ""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=20) as answer:
        for line in answer:
            if line.startswith(b"data:"):
                delta = json.loads(line[5:]).get("delta") or {}
                said += delta.get("text", "")
    return said


if __name__ == "__main__":
    if "noise" in sys.argv:
        print("Last login: today", flush=True)
    if "only-noise" in sys.argv:
        while True:
            print("spam spam spam", flush=True)
    asyncio.run(acp.run_agent(Demo()))  # type: ignore[arg-type]
