"""The same colours for Textual's own widgets: the line one types into, and the editor."""

from __future__ import annotations

from textual.app import App
from textual.theme import Theme as TextualTheme

from factory_tui.tui.palette import THEMES


def register(app: App[None], name: str) -> None:
    """Makes all themes known to an app and takes one of them."""
    for theme in THEMES.values():
        looks = theme.looks
        app.register_theme(
            TextualTheme(
                name=f"factory-{theme.name}",
                primary=looks["title"].fore or "ansi_default",
                foreground=theme.fore or "ansi_default",
                background=theme.back or "ansi_default",
                surface=looks["entry"].back or "ansi_default",
                panel=looks["bar"].back or "ansi_default",
                dark=theme.dark,
            )
        )
    # Without the watcher: it would have every style parsed once more, after the first frame's.
    app.set_reactive(App.theme, f"factory-{name}")
    dark = THEMES[name].dark
    app.update_classes({f"-theme-factory-{name}": True, "-dark-mode": dark, "-light-mode": not dark}, update=False)
    app.stylesheet.set_variables(app.get_css_variables())
