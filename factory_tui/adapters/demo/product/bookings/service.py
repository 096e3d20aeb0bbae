"""The HTTP side: JSON under /bookings, and one page."""

from __future__ import annotations

import json
from dataclasses import asdict
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from bookings.store import ConflictError, Store

PAGE = Path(__file__).resolve().parent.parent / "web" / "index.html"
LARGEST_BODY = 10_000


class BadRequestError(Exception):
    """What the caller sent cannot be used."""


class BookingServer(ThreadingHTTPServer):
    """The service with its own store. Port 0 takes a free one."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.store = Store()
        super().__init__(("127.0.0.1", port), Handler)


class Handler(BaseHTTPRequestHandler):
    server: BookingServer

    def do_GET(self) -> None:
        if self.path == "/":
            self._send(HTTPStatus.OK, PAGE.read_bytes(), "text/html; charset=utf-8")
        elif self.path == "/bookings":
            self._json(HTTPStatus.OK, [asdict(booking) for booking in self.server.store.all()])
        else:
            self._error(HTTPStatus.NOT_FOUND, "there is nothing here")

    def do_POST(self) -> None:
        if self.path != "/bookings":
            self._error(HTTPStatus.NOT_FOUND, "there is nothing here")
            return
        try:
            booking = self.server.store.add(**self._wish())
        except BadRequestError as error:
            self._error(HTTPStatus.BAD_REQUEST, str(error))
        except ConflictError as error:
            self._error(HTTPStatus.CONFLICT, str(error))
        else:
            self._json(HTTPStatus.CREATED, asdict(booking))

    def _wish(self) -> dict[str, object]:
        size = self.headers.get("Content-Length", "")
        if not size.isdigit() or int(size) > LARGEST_BODY:
            raise BadRequestError("a body of at most 10 kB is needed")
        try:
            wish = json.loads(self.rfile.read(int(size)))
        except ValueError:
            raise BadRequestError("the body is not JSON") from None
        if not isinstance(wish, dict) or set(wish) != {"room", "who", "start", "end"}:
            raise BadRequestError("exactly room, who, start and end are needed")
        if not all(isinstance(wish[name], str) and wish[name].strip() for name in ("room", "who")):
            raise BadRequestError("room and who are text")
        if not all(type(wish[name]) is int for name in ("start", "end")):
            raise BadRequestError("start and end are full hours")
        if not 0 <= wish["start"] < wish["end"] <= 24:
            raise BadRequestError("start must come before end, both between 0 and 24")
        return wish

    def _json(self, status: HTTPStatus, value: object) -> None:
        self._send(status, json.dumps(value).encode() + b"\n", "application/json")

    def _error(self, status: HTTPStatus, message: str) -> None:
        self._json(status, {"error": message})

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the access log is the proxy's."""
