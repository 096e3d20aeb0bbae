"""Which terminal this is and what stands between: tmux, GNU screen, ssh. What it is sent is made here, and only here.

Whatever text is put into a sequence has been made harmless before, so that nothing a model says can end one and begin
another.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from typing import Literal

import msgspec

from factory_tui.tui.harmless import one_line

Between = Literal["", "tmux", "screen"]
Notice = Literal["", "osc9", "osc777"]

MOST_NOTICE = 160
MOST_CLIPBOARD = 74_000
"""Bytes of text; more than about 100,000 characters in base64 many terminals drop without a word."""
_SCREEN_PIECE = 240
"""GNU screen takes no longer string at once."""

_NOTICES: tuple[tuple[str, Notice], ...] = (
    ("iterm", "osc9"),
    ("wezterm", "osc777"),
    ("ghostty", "osc777"),
    ("kitty", "osc9"),
    ("foot", "osc777"),
    ("rxvt", "osc777"),
    ("vte", "osc777"),
    ("konsole", "osc777"),
    ("contour", "osc777"),
    ("warp", "osc9"),
    ("apple_terminal", ""),
    ("alacritty", ""),
    ("vscode", ""),
    ("linux", ""),
    ("dumb", ""),
    ("xterm", "osc9"),
)
"""By a word in the terminal's own name, the first that is found. A terminal without notices ignores them."""
_MARKS = (
    ("KITTY_WINDOW_ID", "kitty"),
    ("VTE_VERSION", "vte"),
    ("KONSOLE_VERSION", "konsole"),
    ("ITERM_SESSION_ID", "iterm"),
)


class Emulator(msgspec.Struct, frozen=True, kw_only=True):
    """A terminal, as far as it can be known."""

    name: str
    """As it calls itself, lower case; empty = unknown."""
    between: Between = ""
    passes: bool = True
    """Whether what is meant for the outer terminal gets there."""

    @property
    def notice(self) -> Notice:
        """What it shows a notice for."""
        if not self.passes:
            return ""
        return next((notice for word, notice in _NOTICES if word in self.name), "osc9" if self.name else "")

    @property
    def has_clipboard(self) -> bool:
        """Whether it may take OSC 52; none says so for certain."""
        return self.passes and self.name not in ("", "linux", "dumb", "apple_terminal")


def emulator_from(environment: Mapping[str, str]) -> Emulator:
    """By what the environment says. Inside tmux nothing passes until tmux was asked."""
    if environment.get("TMUX"):
        return Emulator(name="", between="tmux", passes=False)
    marked = next((name for variable, name in _MARKS if environment.get(variable)), "")
    program = (environment.get("LC_TERMINAL") or environment.get("TERM_PROGRAM") or "").lower()
    name = program or marked or environment.get("TERM", "").lower()
    if environment.get("STY"):
        return Emulator(name=marked or "xterm", between="screen")
    return Emulator(name=name)


async def look_through(emulator: Emulator, environment: Mapping[str, str]) -> Emulator:
    """Asks tmux what it lets through and which terminal is attached just now; others are what they were."""
    if emulator.between != "tmux":
        return emulator
    pane = ("-t", environment["TMUX_PANE"]) if environment.get("TMUX_PANE") else ()
    told = await _ask("tmux", "display-message", "-p", *pane, "#{client_termtype} #{client_termname}")
    allowed = await _ask("tmux", "show-options", "-A", "-p", "-v", *pane, "allow-passthrough")
    name = (told or "").strip().lower()
    # Before tmux 3.3 there was no such option, and everything passed; no answer at all passes nothing.
    passes = told is not None and (allowed is None or allowed.strip() in ("on", "all"))
    return Emulator(name=name, between="tmux", passes=passes)


async def into_tmux_buffer(text: str) -> bool:
    """Into tmux's own buffer, and from there to the clipboard where tmux has one. True when it took it."""
    return await _ask("tmux", "load-buffer", "-w", "-", give=text.encode()) is not None


async def run_notifier(command: tuple[str, ...], text: str) -> str:
    """The user's own command, the text as its last argument. Returns what went wrong; empty = nothing."""
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            one_line(text, MOST_NOTICE),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        return f"the notify command {command[0]} did not run: {error}"
    try:
        code = await asyncio.wait_for(process.wait(), 10.0)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"the notify command {command[0]} did not end within 10 s"
    return f"the notify command {command[0]} ended with {code}" if code else ""


async def _ask(*words: str, give: bytes = b"") -> str | None:
    """What a short command prints; None when it failed."""
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.PIPE if give else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError:
        return None
    try:
        out, _ = await asyncio.wait_for(process.communicate(give or None), 2.0)
    except TimeoutError:
        process.kill()
        await process.wait()
        return None
    return out.decode("utf-8", "replace") if process.returncode == 0 else None


# --- what is written -----------------------------------------------------------------------------


def notice_sequence(emulator: Emulator, title: str, text: str, kind: Notice) -> str:
    """A desktop notice. Text becomes one harmless line without what separates a sequence's parts."""
    plain = one_line(text, MOST_NOTICE).replace(";", ",")
    head = one_line(title, 40).replace(";", ",")
    match kind:
        case "osc9":
            return wrapped(emulator, f"\x1b]9;{head}: {plain}\x07")
        case "osc777":
            return wrapped(emulator, f"\x1b]777;notify;{head};{plain}\x07")
        case "":
            return ""


def clipboard_sequence(emulator: Emulator, text: str) -> str:
    """OSC 52. Base64 holds nothing that could end it."""
    return wrapped(emulator, f"\x1b]52;c;{base64.b64encode(text.encode('utf-8', 'replace')).decode()}\x07")


def wrapped(emulator: Emulator, sequence: str) -> str:
    """Through tmux or screen to the terminal outside."""
    match emulator.between:
        case "tmux":
            return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
        case "screen":
            pieces = [sequence[start : start + _SCREEN_PIECE] for start in range(0, len(sequence), _SCREEN_PIECE)]
            return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
        case "":
            return sequence
