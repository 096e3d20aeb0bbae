"""One instance of the service as it runs in production: TLS, health, workers, a log, and the data volume.

What it answers for bookings is the release's own code. `broken` in the place holds words, one a line, each of which
breaks one thing: for rehearsing what a bad release looks like.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import secrets
import ssl
import sys
import threading
import time
from dataclasses import asdict
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bookings.service import BookingServer, Handler  # noqa: E402
from bookings.site import HEADERS, VOLUME  # noqa: E402

BREAKS_HEADER = {"nosniff": "X-Content-Type-Options", "hsts": "Strict-Transport-Security"}
SETTINGS = ("BOOKINGS_PLACE",)
STYLE = b"body { font-family: sans-serif; margin: 2rem; }\n"


def mount(place: Path, volume: str) -> Path:
    """As container runtimes do: a volume of a name that is not known is a new, empty one."""
    mine, mounted = place / volume, place / "mounted"
    mine.mkdir(exist_ok=True)
    for name, first in (("schema", "1\n"), ("bookings.json", "[]")):
        if not (mine / name).exists():
            (mine / name).write_text(first)
    new = place / f"mounted.{os.getpid()}"
    new.symlink_to(volume)
    new.replace(mounted)
    return mounted


class Instance(BookingServer):
    request_queue_size = 128

    def __init__(self, place: Path, name: str, port: int, commit: str) -> None:
        self.place, self.name, self.commit = place, name, commit
        self.data = mount(place, VOLUME)
        self.began, self.beat = time.monotonic(), time.monotonic()
        self.jobs: dict[str, int] = {}
        self.queue: queue.Queue[str] = queue.Queue()
        self.lock = threading.Lock()
        self.at_once = 0
        self._context: tuple[int, ssl.SSLContext] | None = None
        super().__init__(port)
        self.RequestHandlerClass = Front
        for booking in self.read("bookings.json", []):
            self.store.add(**{key: booking[key] for key in ("room", "who", "start", "end")})
        threading.Thread(target=self._work, daemon=True).start()

    def is_broken(self, word: str) -> bool:
        try:
            return word in (self.place / "broken").read_text().split()
        except OSError:
            return False

    def read(self, name: str, default):
        try:
            return json.loads((self.data / name).read_text())
        except OSError:
            return default

    def save(self, name: str, value: object) -> None:
        new = self.data / f"{name}.{os.getpid()}"
        new.write_text(json.dumps(value))
        new.replace(self.data / name)

    def log(self, level: str, text: str) -> None:
        with open(self.place / "log" / "app.log", "a") as file:
            file.write(f"{datetime.now(timezone.utc).isoformat()} {level} {self.name}: {text}\n")

    def _work(self) -> None:
        while True:
            self.beat = time.monotonic()
            if self.is_broken("chatty"):
                self.log("INFO", "still here " * 5_000)
            try:
                job = self.queue.get(timeout=0.05)
            except queue.Empty:
                continue
            self.jobs[job] += 2 if self.is_broken("twice") else 1

    def finish_request(self, request, client_address) -> None:
        """TLS begins in the request's own thread. A renewed certificate is used without a restart."""
        file = self.place / "tls" / "cert.pem"
        stamp = file.stat().st_mtime_ns
        if self._context is None or self._context[0] != stamp:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(file)
            self._context = stamp, context
        request.settimeout(30)
        try:
            secure = self._context[1].wrap_socket(request, server_side=True)
        except OSError:
            return  # somebody who only looked whether the port is open
        try:
            self.RequestHandlerClass(secure, client_address, self)
        finally:
            secure.close()

    def handle_error(self, request, client_address) -> None:
        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):
            self.log("ERROR", f"{type(problem).__name__}: {problem}")


class Front(Handler):
    server: Instance
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def version_string(self) -> str:
        return "bookings"

    def end_headers(self) -> None:
        for name, value in HEADERS.items():
            if not any(self.server.is_broken(word) for word, broken in BREAKS_HEADER.items() if broken == name):
                self.send_header(name, value)
        super().end_headers()

    def do_GET(self) -> None:
        server, is_broken = self.server, self.server.is_broken
        path = self.path
        if path == "/version":
            wrong = is_broken("revision") or (server.name == "b" and is_broken("left-behind"))
            self._json(200, {"revision": "0" * 40 if wrong else server.commit})
        elif path == "/health/config":
            missing = [name for name in SETTINGS if not os.environ.get(name)]
            self._json(200, {"missing": [*missing, *(["MAIL_FROM"] if is_broken("config") else [])]})
        elif path == "/healthz":
            pid = secrets.randbelow(10**6) if is_broken("restarts") else os.getpid()
            uptime = round(time.monotonic() - server.began, 4)
            self._json(500 if is_broken("dead") else 200, {"pid": pid, "uptime_s": uptime})
        elif path == "/readyz":
            volume = "ok" if server.data.is_dir() else "gone"
            self._json(200, {"checks": {"volume": "refused" if is_broken("dependency") else volume}})
        elif path == "/health/workers":
            age = 999 if is_broken("worker") else round(time.monotonic() - server.beat, 3)
            self._json(200, {"workers": [{"name": "jobs", "age_s": age, "revision": server.commit}]})
        elif path.startswith("/health/probe-job/"):
            runs = server.jobs.get(path.rpartition("/")[2])
            if runs is None:
                self._error(404, "there is no such job")
            else:
                state = "done" if runs else "waiting"
                self._json(200, {"state": state, "runs": runs, "depth": server.queue.qsize()})
        elif path.startswith("/api/probe-items/"):
            item = server.read("probes.json", {}).get(path.rpartition("/")[2])
            self._json(200, item) if item else self._error(404, "there is no such item")
        elif path == "/help" and not is_broken("route"):
            self._send(200, b"<!doctype html><title>Help</title><p>Book a room on the first page.\n", "text/html")
        elif path == "/style.css":
            self._send(200, b"" if is_broken("asset") else STYLE, "text/css")
        elif path == "/robots.txt":
            self._send(200, b"User-agent: *\nDisallow: " + (b"/\n" if is_broken("robots") else b"/admin\n"), "text/plain")
        elif path == "/sitemap.xml":
            origin = f"https://localhost:{server.server_port}"
            text = f'<?xml version="1.0"?><urlset><url><loc>{origin}/</loc></url><url><loc>{origin}/help</loc></url></urlset>'
            self._send(200, text.encode(), "application/xml")
        elif path == "/admin":
            self._error(200 if is_broken("open") else 401, "say who you are")
        elif path == "/login":
            flags = "Path=/; Secure; SameSite=Lax" + ("" if is_broken("cookie") else "; HttpOnly")
            self._send(200, b"<!doctype html><title>Login</title>\n", "text/html", {"Set-Cookie": f"session=none; {flags}"})
        elif path == "/.env" and is_broken("leak"):
            self._send(200, b"BOOKINGS_PLACE=here\n", "text/plain")
        elif path == "/bookings":
            if is_broken("slow"):
                time.sleep(0.06)
            with server.lock:
                server.at_once += 1
            try:
                if is_broken("burst"):
                    time.sleep(0.02)
                if is_broken("burst") and server.at_once > 3:
                    self._error(503, "too busy")
                else:
                    super().do_GET()
            finally:
                with server.lock:
                    server.at_once -= 1
        elif path.startswith("/__") and is_broken("soft"):
            self._send(200, b"<!doctype html><title>Meeting rooms</title>\n", "text/html")
        else:
            super().do_GET()

    def do_POST(self) -> None:
        if self.path == "/health/probe-job":
            self._body()
            job = secrets.token_hex(8)
            self.server.jobs[job] = 0
            self.server.queue.put(job)
            self._json(202, {"id": job})
        elif self.path == "/api/probe-items":
            item = {**json.loads(self._body() or b"{}"), "id": secrets.token_hex(8)}
            with self.server.lock:
                self.server.save("probes.json", {**self.server.read("probes.json", {}), item["id"]: item})
            self._json(201, item)
        else:
            super().do_POST()
            with self.server.lock:
                self.server.save("bookings.json", [asdict(booking) for booking in self.server.store.all()])

    def do_DELETE(self) -> None:
        if not self.path.startswith("/api/probe-items/"):
            inherited = getattr(super(), "do_DELETE", None)
            inherited() if inherited else self._error(404, "there is nothing here")
            return
        if self.server.is_broken("journey"):
            self._error(500, "it cannot be taken away")
            return
        with self.server.lock:
            items = self.server.read("probes.json", {})
            gone = items.pop(self.path.rpartition("/")[2], None)
            self.server.save("probes.json", items)
        self._json(200 if gone else 404, {})

    def _body(self) -> bytes:
        size = self.headers.get("Content-Length", "0")
        return self.rfile.read(min(int(size), 10_000) if size.isdigit() else 0)

    def _send(self, status, body: bytes, kind: str, more: dict[str, str] | None = None) -> None:
        if self.path == "/" and kind.startswith("text/html"):
            extra = b"<p>Lorem ipsum" if self.server.is_broken("placeholder") else b""
            body = body.replace(b"</head>", b'<link rel="stylesheet" href="/style.css"></head>').replace(b"<h1>", extra + b"<h1>")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


class Plain(BaseHTTPRequestHandler):
    """Sends everybody to the address with TLS."""

    def do_GET(self) -> None:
        self.send_response(308)
        self.send_header("Location", f"https://localhost:{self.server.secure_port}{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--instance", required=True)
    parser.add_argument("--commit", required=True)
    arguments = parser.parse_args()
    place, name = arguments.place, arguments.instance
    ports = json.loads((place / "ports.json").read_text())
    server = Instance(place, name, ports[name], arguments.commit)
    if name == "a":
        plain = ThreadingHTTPServer(("127.0.0.1", ports["plain"]), Plain)
        plain.secure_port = ports["a"]
        threading.Thread(target=plain.serve_forever, daemon=True).start()
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.2)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    server.log("INFO", f"{arguments.commit} began")
    (place / "run" / name).write_text(f"{arguments.commit} {os.getpid()}")
    server.serve_forever(poll_interval=0.02)


if __name__ == "__main__":
    main()
