"""A process that writes to a ledger and says what it was promised: `ledger_child.py LEDGER COUNT [hold]`."""

from __future__ import annotations

import asyncio
import sys

from ledger_events import AT, CODEC, ME, REPO, Noted

from factory_tui.adapters.ledger import Ledger
from factory_tui.domain.errors import LedgerError


async def main(path: str, count: int, hold: bool) -> None:
    ledger = Ledger.open(path, repo_id=REPO, codec=CODEC, at=AT, holder="the child of a test" if hold else "")
    if hold:
        print("held", flush=True)
        sys.stdin.read()
    for _ in range(count):
        n = len(ledger.entries) + 1
        ledger.append([Noted(n=n)], ME, AT)
        await ledger.durable(n)
        print(n, flush=True)
    ledger.close()


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:] == ["hold"]))
    except LedgerError as error:
        sys.exit(str(error))
