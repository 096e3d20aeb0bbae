"""A package index on loopback: wheels for pip, archives for npm, and a record of what was asked for."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Index:
    """`url` is where it listens; `asked` are the paths it was asked for."""

    def __init__(self) -> None:
        files = self.files = dict[str, bytes]()
        asked = self.asked = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.replace("%2f", "/").replace("%2F", "/")
                asked.append(path)
                body = files.get(path)
                self.send_response(404 if body is None else 200)
                kind = "text/html" if path.startswith("/simple/") else "application/json"
                self.send_header("Content-Type", kind if path[-4:] not in (".whl", ".tgz") else "application/zip")
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *about: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def settings(self) -> str:
        """For factory.toml."""
        return f'[dependencies.indexes]\npip = "{self.url}/simple"\nnpm = "{self.url}"\n'

    def add_wheel(self, name: str, version: str, files: Mapping[str, str], needs: Sequence[str] = ()) -> None:
        about = f"{name}-{version}.dist-info"
        needed = "".join(f"Requires-Dist: {one}\n" for one in needs)
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n{needed}"
        wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            for path, text in {
                **files,
                f"{about}/METADATA": metadata,
                f"{about}/WHEEL": wheel,
                f"{about}/RECORD": "",
            }.items():
                archive.writestr(path, text)
        self._list(name, f"{name}-{version}-py3-none-any.whl", data.getvalue())

    def add_source(self, name: str, version: str, setup: str) -> None:
        """A source archive, which pip builds by running its `setup.py`."""
        about = f"Metadata-Version: 1.0\nName: {name}\nVersion: {version}\n"
        files = {f"{name}-{version}/setup.py": setup, f"{name}-{version}/PKG-INFO": about}
        self._list(name, f"{name}-{version}.tar.gz", _tar(files))

    def _list(self, name: str, file: str, data: bytes) -> None:
        self.files[f"/files/{file}"] = data
        page = self.files.get(f"/simple/{name}/", b"")
        self.files[f"/simple/{name}/"] = page + f'<a href="/files/{file}">{file}</a>\n'.encode()

    def add_npm(self, name: str, version: str, files: Mapping[str, str], **more: object) -> None:
        about = {"name": name, "version": version, "license": "ISC", "main": "index.js", **more}
        data = _tar({f"package/{path}": text for path, text in {"package.json": json.dumps(about), **files}.items()})
        path = f"/{name}/-/{name.rpartition('/')[2]}-{version}.tgz"
        self.files[path] = data
        integrity = f"sha512-{base64.b64encode(hashlib.sha512(data).digest()).decode()}"
        dist = {"tarball": f"{self.url}{path}", "integrity": integrity, "shasum": hashlib.sha1(data).hexdigest()}
        if more.get("scripts"):
            about["hasInstallScript"] = True
        document = {"name": name, "dist-tags": {"latest": version}, "versions": {version: {**about, "dist": dist}}}
        self.files[f"/{name}"] = json.dumps(document).encode()


def _tar(files: Mapping[str, str]) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for path, text in files.items():
            about = tarfile.TarInfo(path)
            about.size = len(text.encode())
            archive.addfile(about, io.BytesIO(text.encode()))
    return data.getvalue()


@contextmanager
def package_index() -> Iterator[Index]:
    index = Index()
    try:
        yield index
    finally:
        index.server.shutdown()
        index.server.server_close()
