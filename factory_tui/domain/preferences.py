"""What one person likes at their own terminal: looks, bell, notices, copying. Never part of a home or a charter."""

from __future__ import annotations

from typing import Literal

from factory_tui.domain.terms import Record


class Look(Record, frozen=True, kw_only=True):
    theme: Literal["dark", "light", "contrast", "mono"] | None = None
    """None = dark, or `mono` where NO_COLOR is set."""
    ascii: bool | None = None
    """None = where the terminal's language has no UTF-8."""


class Bell(Record, frozen=True, kw_only=True):
    ring: bool = True
    seconds: float = 60.0
    """At least this long between two bells; never less than a minute."""


class Notify(Record, frozen=True, kw_only=True):
    how: Literal["auto", "osc9", "osc777", "command", "off"] = "auto"
    """`auto`: what the terminal understands, else `command`."""
    command: tuple[str, ...] = ()
    """An argument list; the notice's text is its last argument. No shell reads it."""


class Copy(Record, frozen=True, kw_only=True):
    how: Literal["auto", "osc52", "file"] = "auto"
    """`auto`: the terminal's clipboard where there may be one; the text is in a file of yours in any case."""


class Away(Record, frozen=True, kw_only=True):
    minutes: float = 10.0
    """Without a key for so long, and what happened meanwhile is told on one card."""


class Ssh(Record, frozen=True, kw_only=True):
    tmux: Literal["ask", "always", "never"] = "ask"
    """Whether a cockpit opened over SSH is opened in tmux, so that it outlives the connection."""


class Preferences(Record, frozen=True, kw_only=True):
    """`cockpit.toml`, whole."""

    look: Look = Look()
    bell: Bell = Bell()
    notify: Notify = Notify()
    copy: Copy = Copy()
    away: Away = Away()
    ssh: Ssh = Ssh()
