"""An agent of ours that tries what it should not: started as a seat's own is, to see what holds it.

Standard library only; it runs behind the wall, where nothing of the factory can be seen. It is given one argument: a
script for the shell, and the variables that it wants, as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any


def send(message: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
    sys.stdout.flush()


def say(session: str, text: str) -> None:
    update = {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}
    send({"method": "session/update", "params": {"sessionId": session, "update": update}})


def leave(session: str) -> str:
    """Asks for something that no table maps; whether it was given."""
    call = {"toolCallId": "1", "title": "anything", "kind": "other"}
    options = [
        {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
        {"optionId": "no", "name": "No", "kind": "reject_once"},
    ]
    params = {"sessionId": session, "toolCall": call, "options": options}
    send({"id": 9000, "method": "session/request_permission", "params": params})
    answer = json.loads(sys.stdin.readline())
    outcome = (answer.get("result") or {}).get("outcome") or {}
    return "worked" if outcome.get("optionId") == "yes" else "refused"


def attempts(given: dict[str, Any]) -> str:
    environment = {**os.environ, **given["environment"]}
    done = subprocess.run(["sh", "-c", given["script"]], env=environment, stdout=subprocess.PIPE, check=False)
    return done.stdout.decode("utf-8", "replace")


def main() -> None:
    given = json.loads(sys.argv[1])
    for line in sys.stdin:
        message = json.loads(line)
        method = message.get("method")
        if method == "initialize":
            send({"id": message["id"], "result": {"protocolVersion": 1, "agentCapabilities": {}}})
        elif method == "session/new":
            send({"id": message["id"], "result": {"sessionId": "trial"}})
        elif method == "session/prompt":
            say("trial", attempts(given))
            say("trial", "ask_for_the_unmapped " + leave("trial") + "\n")
            say("trial", '\n```factory\n{"tool": "escalate", "arguments": {"question": "over"}}\n```\n')
            send({"id": message["id"], "result": {"stopReason": "end_turn"}})


if __name__ == "__main__":
    main()
