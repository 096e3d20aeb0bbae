"""Booking a room, and seeing who has it."""

from __future__ import annotations

from tests.running import ServiceCase


class Booking(ServiceCase):
    def test_a_booked_room_is_in_the_list(self) -> None:
        booked = self.book("Blue", "Ada", 9, 10)
        status, listed = self.ask("GET", "/bookings")
        self.assertEqual((status, [one["id"] for one in listed]), (200, [booked["id"]]))

    def test_the_list_tells_what_anybody_may_know_and_nothing_else(self) -> None:
        self.book("Blue", "Ada", 9, 10)
        _, listed = self.ask("GET", "/bookings")
        self.assertEqual(listed, [{"id": 1, "room": "Blue", "who": "Ada", "start": 9, "end": 10}])

    def test_a_room_is_not_booked_twice_at_once(self) -> None:
        self.book("Blue", "Ada", 9, 11)
        status, answer = self.ask("POST", "/bookings", {"room": "Blue", "who": "Bob", "start": 10, "end": 12})
        self.assertEqual((status, answer), (409, {"error": "Blue is taken between 10 and 12"}))

    def test_the_next_booking_may_begin_when_one_ends(self) -> None:
        self.book("Blue", "Ada", 9, 10)
        self.assertEqual(self.book("Blue", "Bob", 10, 11)["id"], 2)

    def test_a_wish_that_makes_no_sense_is_refused(self) -> None:
        for wish in (
            {},
            [],
            {"room": "Blue", "who": "Ada", "start": 10, "end": 9},
            {"room": "Blue", "who": "Ada", "start": 9, "end": 25},
            {"room": "Blue", "who": " ", "start": 9, "end": 10},
            {"room": "Blue", "who": "Ada", "start": "9", "end": 10},
        ):
            with self.subTest(wish=wish):
                self.assertEqual(self.ask("POST", "/bookings", wish)[0], 400)
        self.assertEqual(self.ask("GET", "/bookings"), (200, []))
