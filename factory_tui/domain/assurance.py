"""How far evidence can be trusted, in words: a ladder of four, each tried by the verifier and none of them claimed."""

from __future__ import annotations

LEVELS = {
    "G0": "models cannot skip the gate; whoever owns the machine can",
    "G1": "nobody pushes past it: a server asked for this evidence",
    "G2": "survives a stolen laptop: the checks ran again elsewhere, under another key",
    "G3": "a human touched it: approved with a hardware key",
}
"""The words of `verify.py`, which knows nothing of ours; a test compares them.

No standard that needs two trusted people is claimed.
"""


SHORT = {
    "G0": "models cannot skip",
    "G1": "nobody pushes past",
    "G2": "survives a stolen laptop",
    "G3": "a human touched it",
}
"""The same in three or four words, for where there is little room."""


def short(level: str) -> str:
    """A level with its short words."""
    return f"{level} {SHORT[level]}" if level in SHORT else "unsigned"


def told(level: str, unsigned: str = "") -> str:
    """A level with its words; without one, that nothing is signed, and why."""
    if level in LEVELS:
        return f"{level}: {LEVELS[level]}"
    return f"nothing is signed{f': {unsigned}' if unsigned else ''}"
