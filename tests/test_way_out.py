"""The proxy of an agent's way out: where the environment's own proxy is asked, and where never."""

from __future__ import annotations

import asyncio
import socket

import httpx2
import pytest
from messages_server import MessagesServer, Reply, Script

from factory_tui.adapters.endpoint import Endpoint
from factory_tui.adapters.proxy import Proxy

REAL = "the-real-credential-0123456789"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_credential_for_this_machine_goes_to_no_proxy_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    heard = bytearray()

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read(1 << 16))
        writer.close()

    elsewhere = await asyncio.start_server(hear, "127.0.0.1", 0)
    port = elsewhere.sockets[0].getsockname()[1]
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{port}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with MessagesServer(Script(Reply(text="hello")), key=REAL) as server, elsewhere:
        base_url = server.url.replace("127.0.0.1", host)
        proxy = Proxy(Endpoint(base_url=base_url, credential=REAL))
        await proxy.serve(listener)
        try:
            body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
            async with httpx2.AsyncClient(trust_env=False) as client:
                told = await client.post(f"{address}/v1/messages", json=body, headers={"x-api-key": proxy.stand_in})
        finally:
            await proxy.close()
    assert REAL.encode() not in heard
    assert heard == b""
    assert told.status_code == 200, told.text
