"""Times as the ledger writes them: UTC, ISO 8601, `Z`. Nothing here knows what time it is."""

from __future__ import annotations

import re

_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?Z")


def is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None


def minutes_between(earlier: str, later: str) -> float:
    """Minutes between two ISO 8601 times in UTC as the ledger writes them; 0 when the later is not later, or when one
    is none: a trial asks about a turn that never began."""
    if not earlier or not later:
        return 0.0
    return max(0.0, (_seconds(later) - _seconds(earlier)) / 60.0)


def _seconds(at: str) -> float:
    year, month, day = int(at[0:4]), int(at[5:7]), int(at[8:10])
    # Days since 0000-03-01 in the proleptic Gregorian calendar: leap days fall at the end of the shifted year.
    shifted_year, shifted_month = (year - 1, month + 9) if month <= 2 else (year, month - 3)
    days = 365 * shifted_year + shifted_year // 4 - shifted_year // 100 + shifted_year // 400
    days += (153 * shifted_month + 2) // 5 + day - 1
    return days * 86_400 + int(at[11:13]) * 3_600 + int(at[14:16]) * 60 + float(at[17:].rstrip("Z") or 0)


def weekday(at: str) -> int:
    """0 = Monday."""
    # 0000-03-01, where the count of days begins, was a Wednesday.
    return (int(_seconds(at) // 86_400) + 2) % 7


def minutes_after(at: str, minutes: float) -> str:
    """That many minutes later."""
    whole = round((_seconds(at) + minutes * 60) * 1_000)
    days, left = divmod(whole, 86_400_000)
    year, month, day = _date_of(days)
    hour, left = divmod(left, 3_600_000)
    minute, left = divmod(left, 60_000)
    second, thousandth = divmod(left, 1_000)
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{thousandth:03}Z"


def _date_of(days: int) -> tuple[int, int, int]:
    """The inverse of the count of days above."""
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    return year_of_era + 400 * era + (month <= 2), month, day
