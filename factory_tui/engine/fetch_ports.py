"""What comes in from outside at a seat's wish, as protocols: pages and packages, both a stranger's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from factory_tui.domain.terms import Package, Sha256


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What came in from outside: a stranger's words, never an instruction."""

    host: str
    """The one that answered, after redirects."""
    url: str
    data: bytes
    """As it came, cut to the limit."""
    text: str
    """What a reader would see of it."""
    truncated: bool = False


class Fetcher(Protocol):
    """Fetches text from outside for a seat, in the factory's own process."""

    async def fetch(self, url: str, may_fetch: Callable[[str], bool]) -> Fetched:
        """`may_fetch` is asked for the address and for each it is sent on to. Raises WorldError."""


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What one `fetch package` brought in."""

    manager: str
    store: Sha256
    packages: tuple[Package, ...]
    files: int
    size: int
    listing: bytes
    """Every file with its sha256, one a line."""
    way: str
    """How a command finds it: for the seat."""


class Packages(Protocol):
    """Brings packages in from an index, in the factory's own hands; nothing of them runs."""

    async def fetch(self, asked: str, stack: Mapping[str, str], indexes: Mapping[str, str]) -> Brought:
        """`stack` is what DNA.md declares, `indexes` where to ask, by manager. Raises WorldError."""
