"""The machine that the service runs on, played by one process: it keeps two instances of the wanted release running.

`python3 deploy/host.py PLACE [--ports A,B,PLAIN]`; what `release.py` writes to PLACE/wanted is what runs.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import certificate

INSTANCES = ("a", "b")


def free_ports(count: int) -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def install(place: Path, ports: list[int]) -> None:
    """What is there already stays: a data volume is made once."""
    for name in ("data", "log", "backups", "release", "releases", "run"):
        (place / name).mkdir(parents=True, exist_ok=True)
    volume = place / "data" / ".volume-id"
    if not volume.exists():
        volume.write_text(f"bookings-{secrets.token_hex(4)}\n")
        (place / "data" / "schema").write_text("1\n")
        (place / "data" / "bookings.json").write_text("[]")
    (place / "log" / "app.log").touch()
    if not (place / "tls" / "cert.pem").exists():
        certificate.make(place / "tls")
    if not (place / "ports.json").exists():
        numbers = ports or free_ports(3)
        (place / "ports.json").write_text(json.dumps(dict(zip((*INSTANCES, "plain"), numbers))))


def write(path: Path, text: str) -> None:
    new = path.with_name(f"{path.name}.new")
    new.write_text(text)
    new.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("place", type=Path)
    parser.add_argument("--ports", default="")
    arguments = parser.parse_args()
    place = arguments.place.absolute()
    install(place, [int(port) for port in arguments.ports.split(",") if port])
    children: dict[str, subprocess.Popen[bytes]] = {}
    running, restarts, ends = "none", 0, []
    signal.signal(signal.SIGTERM, lambda *_: ends.append(True))
    signal.signal(signal.SIGINT, lambda *_: ends.append(True))
    parent = os.getppid()

    def stop() -> None:
        for child in children.values():
            child.kill()
        for child in children.values():
            child.wait()
        children.clear()
        for name in INSTANCES:
            (place / "run" / name).unlink(missing_ok=True)

    try:
        while not ends and os.getppid() == parent:
            wanted = (place / "wanted").read_text().strip() if (place / "wanted").exists() else "none"
            dead = [name for name, child in children.items() if child.poll() is not None]
            restarts += len(dead)
            if wanted != running:
                stop()
                running, dead = wanted, list(INSTANCES) if wanted != "none" else []
            script = place / "releases" / running / "deploy" / "serve.py"
            for name in dead if script.exists() else ():
                (place / "run" / name).unlink(missing_ok=True)
                command = [sys.executable, str(script), "--place", str(place), "--instance", name, "--commit", running]
                with open(place / "log" / "instances.log", "ab") as log:
                    own = {"PATH": os.environ.get("PATH", ""), "BOOKINGS_PLACE": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
                    children[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=own)
            up = [name for name in children if (place / "run" / name).exists()]
            told = {"commit": running, "up": up, "restarts": restarts, "at": time.time()}
            write(place / "running.json", json.dumps(told))
            time.sleep(0.05)
    finally:
        stop()


if __name__ == "__main__":
    main()
