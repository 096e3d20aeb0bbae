"""What a kind of check is given, and how it asks over HTTP."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory_tui.adapters.postdeploy.judging import Answer, GapError, Seen
from factory_tui.domain.environments import Environment
from factory_tui.engine.deploy_ports import Commands, Release

if TYPE_CHECKING:
    import httpx2

MOST_BYTES = 4_000_000
"""Of one answer or file; what is over is not read."""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One run of one check."""

    run: Mapping[str, Any]
    """Filled in."""
    names: Mapping[str, Any]
    """The check's parameters and the common ones."""
    environment: Environment
    release: Release
    previous: Mapping[str, float]
    client: httpx2.AsyncClient
    commands: Commands
    pace: float
    """What pauses are multiplied with: 1, and less where a service is tried that is known to be small."""

    @property
    def timeout(self) -> float:
        return float(self.names.get("timeout_s") or 5)

    def path(self, name: str) -> Path:
        """As it is given, or in the export of the commit."""
        return Path(self.release.directory or ".") / name

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds * self.pace)

    async def http(self, method: str, url: str, body: Any = None) -> Answer:
        """Follows no redirect: what the address itself answers is looked at."""
        import httpx2

        began = time.perf_counter()
        headers = {"content-type": "application/json"} if body is not None else {}
        content = json.dumps(body).encode() if body is not None else None
        try:
            async with (
                asyncio.timeout(self.timeout),
                self.client.stream(method, url, content=content, headers=headers) as response,
            ):
                data = bytearray()
                async for piece in response.aiter_bytes():
                    data += piece
                    if len(data) > MOST_BYTES:
                        break
                return Answer(
                    url=url,
                    status=response.status_code,
                    headers={name.lower(): value for name, value in response.headers.items()},
                    cookies=response.headers.get_list("set-cookie"),
                    body=bytes(data[:MOST_BYTES]),
                    seconds=time.perf_counter() - began,
                )
        except TimeoutError:
            trouble = f"no answer in {self.timeout:g} s"
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
            raise GapError(f"{url} is no address that can be asked: {error}") from error
        except (httpx2.HTTPError, ssl.SSLError, OSError) as error:
            trouble = str(error) or type(error).__name__
        return Answer(url=url, trouble=trouble, seconds=time.perf_counter() - began)


Kind = Callable[[Ask], Awaitable[Seen]]
