"""How Claude Code is started: every option and variable, as data.

Three layers hold it: nothing of its own is offered (`--tools ""`), a hook of ours is asked before every call and blocks
when it fails, and the wall. Each alone was seen to be passed by something.
"""

from __future__ import annotations

import json

SERVER = "factory"
"""Its in-process server, and the only one: tools are called `mcp__factory__read` and so on."""
PREFIX = f"mcp__{SERVER}__"
RETRIES = 4
SILENCE_SECONDS = 90.0
"""Without a byte in a stream, before it is cut and asked for again."""
HOOK_SECONDS = 86_400
"""A hook waits while a person answers."""


def argv(program: str, *, system_prompt: str, model: str, session: str, resume: bool, effort: str = "") -> list[str]:
    """`session` is the conversation's id, a UUID; new, or one to take up."""
    servers = {"mcpServers": {SERVER: {"type": "sdk", "name": SERVER}}}
    return [
        program,
        *("--output-format", "stream-json", "--input-format", "stream-json", "--verbose"),
        "--include-partial-messages",
        *("--system-prompt", system_prompt),
        *("--tools", ""),
        "--restricted",
        "--strict-mcp-config",
        *("--mcp-config", json.dumps(servers)),
        *("--permission-mode", "dontAsk"),
        "--setting-sources=",
        *(("--model", model) if model else ()),
        *(("--effort", effort) if effort else ()),
        f"--resume={session}" if resume else f"--session-id={session}",
    ]


def environment(url: str, config: str, login: dict[str, str], silence_seconds: float, retries: int) -> dict[str, str]:
    """Beside the wall's own few. `login` holds the stand-in, never what opens the endpoint. After `silence_seconds`
    without a byte the program gives up a stream by itself; the proxy does so before."""
    return {
        "ANTHROPIC_BASE_URL": url,
        **login,
        "CLAUDE_CONFIG_DIR": config,
        "CLAUDE_CODE_ENTRYPOINT": "sdk-py",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
        "CLAUDE_CODE_DISABLE_CLAUDE_MDS": "1",
        # A full context is handed on with words of its own, never cut down unseen.
        "DISABLE_COMPACT": "1",
        "DISABLE_AUTO_COMPACT": "1",
        "CLAUDE_CODE_MAX_RETRIES": str(retries),
        "CLAUDE_ENABLE_BYTE_WATCHDOG": "1",
        "CLAUDE_BYTE_STREAM_IDLE_TIMEOUT_MS": str(int(silence_seconds * 1000)),
        "MCP_TOOL_TIMEOUT": str(HOOK_SECONDS * 1000),
        "ENABLE_TOOL_SEARCH": "false",
        "NO_PROXY": "127.0.0.1",
        "DISABLE_AUTOUPDATER": "1",
    }
