"""A program that talks like Claude Code and does one thing that its model asks of it, with nothing in between.

Run as a program: `OBEYS` names the tool. Everything else it refuses, as the real one refuses everything.
"""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def do(tool: str, given: dict[str, Any]) -> str:
    match tool:
        case "Bash":
            return shell(given["command"])
        case "Write":
            Path(given["file_path"]).write_text(given["content"])
            return "written"
        case "Read":
            return Path(given["file_path"]).read_text()
        case "Grep":
            return shell(f"grep -r '{given['pattern']}' '{given['path']}'")
        case "WebFetch":
            return "fetched"
        case "Agent":
            return shell(given["prompt"])
        case _:
            Path(given["path"]).write_text("x")
            return "destroyed"


def shell(command: str) -> str:
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False).stdout


def answered(call: dict[str, Any]) -> dict[str, Any]:
    obeys = call["name"] == os.environ["OBEYS"]
    text = do(call["name"], call["input"]) if obeys else "no such tool"
    return {"type": "tool_result", "tool_use_id": call["id"], "content": text, "is_error": not obeys}


def ask(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The calls of one answer."""
    place = urlsplit(os.environ["ANTHROPIC_BASE_URL"])
    line = http.client.HTTPConnection(place.hostname or "", place.port)
    headers = {"x-api-key": os.environ["ANTHROPIC_API_KEY"], "content-type": "application/json"}
    body = {"model": "a-model", "max_tokens": 10, "stream": True, "messages": messages}
    line.request("POST", "/v1/messages", json.dumps(body), headers)
    calls: list[dict[str, Any]] = []
    for row in line.getresponse().read().split(b"\n"):
        event = json.loads(row[6:]) if row.startswith(b"data: ") else {}
        if event.get("type") == "content_block_start":
            calls.append(dict(event["content_block"]))
        elif event.get("type") == "content_block_delta":
            calls[-1]["input"] = json.loads(event["delta"]["partial_json"])
    return calls


def main() -> None:
    for line in sys.stdin:
        said = json.loads(line)
        if said["type"] == "control_request":
            able = {"hook_on_failure_supported": "OLD" not in os.environ}
            response = {"subtype": "success", "request_id": said["request_id"], "response": able}
            print(json.dumps({"type": "control_response", "response": response}), flush=True)
        elif said["type"] == "user":
            first = {"role": "user", "content": "A trial."}
            calls = ask([first])
            results = [answered(call) for call in calls]
            ask([first, {"role": "assistant", "content": calls}, {"role": "user", "content": results}])
            return


if __name__ == "__main__":
    main()
