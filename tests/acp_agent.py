"""An agent of our own that speaks the real protocol through its real library: it does what its brief's lines say.

    read PATH | write PATH TEXT | run CMD | ask KIND TEXT | behind PATH TEXT (not by the client) | say TEXT | slow N
    call JSON (a call of the factory's, as text) | tool JSON (the same, by the server of tools; started with `mcp`)
    shy JSON (as `tool`, but it does not wait for the result) | model (asks its model what to do, over the Messages API)
    die | hang | garbage N | never | own [TEXT] (starts a process of its own and leaves it) | caps

Lines count from one that is `DO:` on; without such a line it does what it was told the last time. What came of each is
said. Run as a program: `python acp_agent.py`.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import pathlib
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import acp
from acp.schema import (
    AgentCapabilities,
    Implementation,
    InitializeResponse,
    LoadSessionResponse,
    NewSessionResponse,
    PermissionOption,
    PromptResponse,
    ToolCallLocation,
    ToolCallUpdate,
    UsageUpdate,
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
            agent_capabilities=AgentCapabilities(load_session="loads" in sys.argv),
            agent_info=Implementation(name="demo", version="1"),
        )

    async def new_session(self, cwd: str, mcp_servers: Any = None, **more: Any) -> Any:
        if "no-session" in sys.argv:
            raise acp.RequestError(-32000, "Authentication required", None)
        self.cwd = cwd
        if "mcp" in sys.argv:
            await self.connect(mcp_servers[0])
        if "KEPT" in os.environ:
            pathlib.Path(os.environ["KEPT"], "began").touch()
        return NewSessionResponse(session_id="s1")

    async def load_session(self, cwd: str, session_id: str, mcp_servers: Any = None, **more: Any) -> Any:
        if "forgets" in sys.argv or not pathlib.Path(os.environ["KEPT"], "began").exists():
            raise acp.RequestError(-32000, "no such conversation", None)
        self.cwd = cwd
        await self.say("what was said before")
        return LoadSessionResponse()

    async def connect(self, server: Any) -> None:
        ready = asyncio.get_running_loop().create_future()
        self.kept = asyncio.create_task(self.keep(server, ready))
        self.tools = await ready

    async def keep(self, server: Any, ready: Any) -> None:
        """The real client library, as any agent has one."""
        from mcp import ClientSession, StdioServerParameters
        from mcp.client.stdio import stdio_client

        environment = {one.name: one.value for one in server.env}
        given = StdioServerParameters(command=server.command, args=server.args, env=environment)
        async with stdio_client(given) as (read, write), ClientSession(read, write) as session:
            await session.initialize()
            found = [tool.name for tool in (await session.list_tools()).tools]
            self.session = session
            ready.set_result(found)
            await asyncio.Event().wait()

    async def tool(self, rest: str) -> str:
        call = json.loads(rest)
        answer = await self.session.call_tool(call["tool"], call["arguments"])
        return f"{'no' if answer.is_error else 'ok'}: {answer.content[0].text}"

    async def cancel(self, session_id: str, **more: Any) -> None:
        self.cancelled.set()

    async def say(self, text: str) -> None:
        await self.client.session_update(session_id="s1", update=acp.update_agent_message_text(text))

    async def prompt(self, session_id: str, prompt: Any, **more: Any) -> Any:
        self.cancelled.clear()
        text = "".join(part.text for part in prompt)
        if "KEPT" in os.environ:
            with open(f"{os.environ['KEPT']}/told", "a") as told:
                told.write(text)
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
            case "link":
                pathlib.Path(os.environ["KEPT"], path).symlink_to(text)
                return "linked"
            case "call":
                return f"\n```factory\n{rest}\n```\n"
            case "uninvited":
                return str(await asyncio.to_thread(post_uninvited))
            case "tools":
                return " ".join(self.tools)
            case "tool":
                return await self.tool(rest)
            case "shy":
                with contextlib.suppress(TimeoutError):
                    return await asyncio.wait_for(self.tool(rest), 0.2)
                return "I did not wait"
            case "model":
                try:
                    return await asyncio.to_thread(ask_model)
                except urllib.error.HTTPError as error:
                    if rest:
                        return f"again after {error.code}"
                    raise acp.RequestError(-32603, f"the model failed: {error.code}", None) from error
            case "fills":
                used, size = int(path), int(text)
                await self.client.session_update(
                    session_id="s1", update=UsageUpdate(session_update="usage_update", used=used, size=size)
                )
                return "told"
            case "home":
                pathlib.Path(os.environ["KEPT"], "mine").write_text("x")
                return os.environ["KEPT"]
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
                sleeper = ["sh", "-c", f"sleep 60; : {rest}"] if rest else ["sleep", "60"]
                child = subprocess.Popen(sleeper, start_new_session=True, stdin=subprocess.DEVNULL)
                return f"started {child.pid}"
        return f"echo: {verb} {rest}"

    def at(self, path: str) -> str:
        return path if path.startswith("/") else f"{self.cwd}/{path}"

    async def ext_method(self, method: str, params: Any) -> Any:
        return {}

    async def ext_notification(self, method: str, params: Any) -> None: ...


def post_uninvited() -> int:
    """To the factory's own server, with a word of its own instead of the stand-in."""
    line = http.client.HTTPConnection("127.0.0.1", 8377)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "read", "arguments": {}}}
    line.request("POST", "/factory/tools", json.dumps(message), {"authorization": "Bearer guessed"})
    return line.getresponse().status


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
