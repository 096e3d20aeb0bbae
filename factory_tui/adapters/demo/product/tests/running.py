"""The service on a free port, for one test."""

from __future__ import annotations

import http.client
import json
import threading
import unittest
from typing import Any

from bookings.service import BookingServer


class ServiceCase(unittest.TestCase):
    """Each test has its own service, with nothing booked."""

    def setUp(self) -> None:
        self.server = BookingServer(0)
        self.addCleanup(self.server.server_close)
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.shutdown)

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        """Status and JSON of one request."""
        status, data = self.ask_raw(method, path, b"" if body is None else json.dumps(body).encode(), headers)
        return status, json.loads(data)

    def ask_raw(
        self, method: str, path: str, data: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_port, timeout=5)
        try:
            connection.request(method, path, data or None, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def book(self, room: str = "Blue", who: str = "Ada", start: int = 9, end: int = 10) -> Any:
        status, booking = self.ask("POST", "/bookings", {"room": room, "who": who, "start": start, "end": end})
        self.assertEqual(status, 201)
        return booking
