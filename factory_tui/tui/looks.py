"""How the cockpit looks: its colours and signs, changed at once on every screen."""

from __future__ import annotations

from factory_tui.tui.going import Going
from factory_tui.tui.painting import Paint, Painted
from factory_tui.tui.palette import THEMES
from factory_tui.tui.screens.room import Room


class Looks(Going, inherit_bindings=False):
    """Beneath the cockpit, above its screens."""

    def set_look(self, theme: str, ascii_only: bool | None = None) -> None:
        """Other colours or signs, at once."""
        ascii_only = self.paint.ascii_only if ascii_only is None else ascii_only
        self.paint = Paint(THEMES[theme], ascii_only=ascii_only)
        self.theme = f"factory-{theme}"
        for screen in self.screen_stack:
            for widget in screen.query(Painted).results():
                widget.repaint()
            if isinstance(screen, Room):
                screen.renew()

    def act_theme_dark(self) -> None:
        self.set_look("dark")

    def act_theme_light(self) -> None:
        self.set_look("light")

    def act_theme_contrast(self) -> None:
        self.set_look("contrast")

    def act_theme_mono(self) -> None:
        self.set_look("mono")

    def act_theme_ascii(self) -> None:
        self.set_look(self.paint.theme.name, not self.paint.ascii_only)
