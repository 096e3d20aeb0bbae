"""The tests' own Messages server, held against the real client: a fake that differs from the wire proves nothing."""

from __future__ import annotations

import http.client
import json

import pytest
from messages_server import MessagesServer, Reply, Script, serving

anthropic = pytest.importorskip("anthropic")


def client(server: MessagesServer, key: str = "a-key"):
    return anthropic.AsyncAnthropic(api_key=key, base_url=server.url, max_retries=0)


ASKED = {"model": "some-model", "max_tokens": 100, "messages": [{"role": "user", "content": "go"}]}


async def test_it_streams_what_was_scripted_and_counts_what_was_asked() -> None:
    reply = Reply(thinking="hm", text="a longer text than one piece", calls=[("read", {"path": "a"})])
    async with MessagesServer(Script(reply), key="a-key") as server, client(server) as api:
        async with api.messages.stream(**ASKED) as stream:
            texts = [event.text async for event in stream if event.type == "text"]
            message = await stream.get_final_message()
        assert "".join(texts) == reply.text
        assert len(texts) > 1
        assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
        assert message.content[2].input == {"path": "a"}
        assert message.stop_reason == "tool_use"
        assert server.requests[0].key == "a-key"


async def test_it_answers_plain_requests_and_refuses_another_key() -> None:
    async with MessagesServer(Script(Reply(text="plain")), key="a-key") as server:
        async with client(server) as api:
            assert (await api.messages.create(**ASKED)).content[0].text == "plain"
        async with client(server, "wrong") as api:
            with pytest.raises(anthropic.AuthenticationError):
                await api.messages.create(**ASKED)


def test_it_takes_the_other_way_of_sending_a_key_and_system_inside_of_messages() -> None:
    with serving(Script(Reply(text="hello")), key="a-key") as server:
        address = server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(address, timeout=10)
        connection.request("HEAD", "/api/hello")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        body = {**ASKED, "messages": [{"role": "system", "content": "be brief"}, *ASKED["messages"]]}
        connection.request("POST", "/v1/messages", json.dumps(body), {"x-api-key": "a-key"})
        answer = connection.getresponse()
        assert json.loads(answer.read())["content"][0]["text"] == "hello"
        connection.close()
        assert "be brief" in server.requests[0].system
