"""Wall time and durations, read from the system."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SystemClock:
    """Satisfies `ports.Clock`."""

    def now(self) -> str:
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    def monotonic(self) -> float:
        return time.monotonic()


def hours_after(at: str, hours: float) -> str:
    """`at` and the answer as the ledger writes times."""
    moment = datetime.strptime(at, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp() + hours * 3600
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
