"""What can be seen of a factory that another process runs: its ledger, its evidence, and whether it still lives."""

from __future__ import annotations

from typing import Any

import msgspec

from factory_tui.adapters.clock import SystemClock
from factory_tui.adapters.control import ask
from factory_tui.adapters.evidence import EvidenceFiles
from factory_tui.adapters.glance import Glance, codec
from factory_tui.adapters.ledger import Ledger, LedgerView, holder_of
from factory_tui.domain.errors import Refusal
from factory_tui.engine.reception import PreviewDigest


class LedgerWindow:
    """Satisfies the cockpit's `Window`. Takes no lock and writes no byte."""

    def __init__(self, place: Glance) -> None:
        self.place = place.place.root
        self.evidence = EvidenceFiles(place.place.evidence)
        self.clock = SystemClock()
        self._place = place.place

    def ledger(self) -> LedgerView:
        """Raises LedgerError when there is none, or it cannot be read."""
        return Ledger.read(self._place.ledger, codec=codec())

    def holder(self) -> str:
        """What the process that writes the ledger says of itself; empty = nobody does."""
        return holder_of(self._place.ledger)

    def preview(self, request: PreviewDigest) -> dict[str, Any]:
        """Raises FactoryError when the other process has ended, or refuses."""
        told = ask(self._place.control_socket(), msgspec.to_builtins(request))
        if told is None:
            raise Refusal(
                what="the digest cannot be told beforehand",
                why="the process that would write it has ended",
                next_step="what it wrote lies in memory/digests",
            )
        return dict(told)
