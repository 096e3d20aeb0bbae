"""What calls the supervisor, and whether somebody is there to be called: bells, notices, and the card of an absence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from factory_tui.domain.gathering import calling
from factory_tui.tui.presence import Presence
from factory_tui.tui.present.words import seconds_of, waiting_notice
from factory_tui.tui.sending import Sending

if TYPE_CHECKING:
    from factory_tui.tui.outside import Outside
    from factory_tui.tui.view import Door


class Noticing(Sending, inherit_bindings=False):
    """Beneath the cockpit: one person at one terminal, who looks elsewhere or goes away."""

    phase: str
    door: Door
    outside: Outside
    rings: bool
    """Whether a bell may be heard at all."""

    def begin_noticing(self) -> None:
        """Nobody has been away yet, and nothing was rung for."""
        self.presence = Presence(self.outside.preferences.away.minutes * 60)
        self.absence: tuple[int, str, str] | None = None
        """What happened meanwhile: after which entry, since when, and why somebody seemed to be away."""
        self._waited: set[str] = set()
        """What was rung for, or was there from the beginning."""

    def has_seen_all(self) -> None:
        """What waits now was there from the beginning: nothing rings for it."""
        self._waited = {item.id for item in calling(self.state)}

    def notice_second(self) -> None:
        """Called about once a second."""
        self._notice_absence()

    # --- somebody is here, or was away -----------------------------------------------------------

    def was_here(self) -> None:
        if self.view is not None:
            now = self.now()
            self.presence.key(self.view.monotonic(), seconds_of(now), self.state.seq, now)

    def came_back(self) -> None:
        if self.view is not None and (why := self.presence.came_back(self.view.monotonic())):
            self._tell_absence(why)

    def _notice_absence(self) -> None:
        if self.view is not None and not self.phase:
            if not self.presence.left:
                self.was_here()
            if why := self.presence.beat(self.view.monotonic(), seconds_of(self.now())):
                self._tell_absence(why)

    def _tell_absence(self, why: str) -> None:
        """One card, when anything happened. Whoever types or edits is not disturbed: it is one key away."""
        seen = self.presence.seq
        if self.state.seq <= seen or self.phase:
            return
        self.presence.told()
        self.absence = (seen, self.presence.left, why)
        room = self.room
        if room is None or room.is_typing or self.focused is not None:
            self.say("while you were away, things happened; gw shows them", "warn")
        else:
            self.act_go_away()

    def act_go_away(self) -> None:
        from factory_tui.tui.screens.away import Away

        assert self.absence is not None
        while isinstance(self.room, Away):
            self.pop_screen()
        self.enter(Away(*self.absence))

    def ring(self) -> None:
        """A bell and a notice when more waits than before, at most one a minute."""
        if self.door.elsewhere is not None:
            return  # it rings there
        items = [item for item in calling(self.state) if item.kind != "notice"]
        fresh = [item for item in items if item.id not in self._waited]
        self._waited &= {item.id for item in items}
        if not fresh or self.view is None:
            return
        self._waited |= {item.id for item in fresh}
        if self.rings and self.outside.may_ring(self.view.monotonic()):
            self.bell()
            self.soon(self._notify(waiting_notice(items)))

    async def _notify(self, text: str) -> None:
        if problem := await self.outside.notify(text):
            self.say(problem, "warn")
