"""What a turn used, as its model's endpoint counted it on the way; never as the agent says."""

from __future__ import annotations

from factory_tui.adapters.metering import Metered
from factory_tui.domain.prices import Models, cost
from factory_tui.engine.seat_ports import Desk


class Account:
    """Of one turn. A later count of the same answer replaces the earlier one."""

    def __init__(self, models: Models, desk: Desk) -> None:
        self._models, self._desk = models, desk
        self._used: dict[str, Metered] = {}
        self._is_told = True

    @property
    def counted(self) -> bool:
        """Whether anything was."""
        return bool(self._used)

    @property
    def last_stop(self) -> str:
        """Why the last answer ended, as the endpoint said it."""
        return next(reversed(self._used.values())).stop if self._used else ""

    def add(self, used: Metered) -> None:
        self._used[used.answer] = used
        self._is_told = False

    def tell(self) -> None:
        """The desk hears what was used until now, if that is new."""
        if self._is_told:
            return
        self._is_told = True
        every = self._used.values()
        self._desk.spend(
            self.usd(),
            sum(one.tokens_in for one in every),
            sum(one.tokens_out for one in every),
            sum(one.tokens_cached for one in every),
            sum(one.tokens_written for one in every),
            next(reversed(self._used.values())).model,
        )

    def usd(self) -> float | None:
        """None = a model without a known price was used."""
        total = 0.0
        for one in self._used.values():
            usd = cost(self._models, one.model, one.tokens)
            if usd is None:
                return None
            total += usd
        return total
