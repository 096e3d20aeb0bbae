"""`python3 -m bookings [--port N] [--check]`"""

from __future__ import annotations

import argparse
import threading
import urllib.request

from bookings.service import BookingServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="bookings")
    parser.add_argument("--port", type=int, default=8080, help="0 takes a free one")
    parser.add_argument("--check", action="store_true", help="start on a free port, answer two requests, end")
    arguments = parser.parse_args()
    with BookingServer(0 if arguments.check else arguments.port) as server:
        address = f"http://127.0.0.1:{server.server_port}"
        print(f"bookings listens on {address}", flush=True)
        if arguments.check:
            check(server, address)
        else:
            server.serve_forever()


def check(server: BookingServer, address: str) -> None:
    """Raises when the service does not answer."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        for path in ("/", "/bookings"):
            with urllib.request.urlopen(address + path, timeout=5) as answer:
                print(f"{path}: {answer.status}", flush=True)
    finally:
        server.shutdown()
        thread.join()


if __name__ == "__main__":
    main()
