"""The one page."""

from __future__ import annotations

from tests.running import ServiceCase


class Page(ServiceCase):
    def test_the_page_shows_the_bookings(self) -> None:
        status, page = self.ask_raw("GET", "/")
        self.assertEqual(status, 200)
        self.assertIn(b'id="bookings"', page)

    def test_any_other_path_is_not_found(self) -> None:
        self.assertEqual(self.ask("GET", "/admin"), (404, {"error": "there is nothing here"}))
