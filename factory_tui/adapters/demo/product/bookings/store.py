"""Who has which room when. Held in memory; a booking lasts as long as the service."""

from __future__ import annotations

import threading
from dataclasses import dataclass


class ConflictError(Exception):
    """The room is taken at that time."""


@dataclass(frozen=True)
class Booking:
    """One room for one stretch of the day."""

    id: int
    room: str
    who: str
    start: int
    end: int
    """Full hours, 0 to 24; the room is free again at `end`."""

    def overlaps(self, room: str, start: int, end: int) -> bool:
        return self.room == room and start < self.end and self.start < end


class Store:
    """All bookings. Safe to use from many requests at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bookings: dict[int, Booking] = {}
        self._next = 1

    def all(self) -> list[Booking]:
        """Every booking, by room and time."""
        with self._lock:
            return sorted(self._bookings.values(), key=lambda booking: (booking.room, booking.start))

    def add(self, room: str, who: str, start: int, end: int) -> Booking:
        """Book a room. Raises ConflictError when it is taken."""
        with self._lock:
            if any(booking.overlaps(room, start, end) for booking in self._bookings.values()):
                raise ConflictError(f"{room} is taken between {start} and {end}")
            booking = Booking(id=self._next, room=room, who=who, start=start, end=end)
            self._bookings[booking.id] = booking
            self._next += 1
            return booking
