"""A number and what it counts, in proper English."""

from __future__ import annotations


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 task`, `4 tasks`, `0 entries`: the plural is the noun with an s, unless told."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
