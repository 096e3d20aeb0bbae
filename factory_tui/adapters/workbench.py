"""The in-process tools of a seat: read, search, edit, in one directory.

Every file is reached through `beneath`, so nothing here checks a path and opens it later. A write is a new file in the
held folder that takes the old one's name: nobody sees half of it, and no link is written through.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
from collections.abc import Callable, Iterator

import re2

from factory_tui.adapters.beneath import Beneath, beneath, components, put, through_a_link
from factory_tui.domain.errors import WorldError
from factory_tui.domain.patterns import Pattern, problem_of_pattern
from factory_tui.domain.plurals import count
from factory_tui.domain.terms import Action

READ_BYTES = 200_000
"""Of one file, shown at once."""
NAMES = 1_000
"""Of one folder."""
EDIT_BYTES = 5_000_000
SEARCH_FILE_BYTES = 2_000_000
"""A larger file is left out of a search, and named."""
SEARCH_FILES = 50_000
MATCHES = 200
LINE_CHARACTERS = 300
NEVER_SEARCHED = frozenset({".git", "node_modules", "__pycache__", ".venv"})


class DirectoryWorkbench:
    """Satisfies `ports.Workbench`. `use_kernel=False` walks component by component, as on a kernel without openat2."""

    def __init__(self, *, use_kernel: bool | None = None) -> None:
        self._use_kernel = use_kernel

    async def read(self, directory: str, path: str) -> str:
        return await asyncio.to_thread(self._read, directory, path)

    async def search(self, directory: str, pattern: str, path: str, may_read: Callable[[str], bool]) -> str:
        return await asyncio.to_thread(self._search, directory, pattern, path, may_read)

    async def edit(self, directory: str, action: Action) -> str:
        return await asyncio.to_thread(self._edit, directory, action)

    # --- read ------------------------------------------------------------------------------------

    def _read(self, directory: str, path: str) -> str:
        with beneath(directory, use_kernel=self._use_kernel) as place:
            if place.is_directory(path):
                return _listing(place, path)
            with open(place.file(path), "rb") as file:
                data = file.read(READ_BYTES + 1)
                size = os.fstat(file.fileno()).st_size
        if _is_binary(data):
            return f"[`{path}` is binary, {size} bytes; it is not shown]"
        if len(data) <= READ_BYTES:
            return data.decode("utf-8", "replace")
        shown = data[: data.rfind(b"\n", 0, READ_BYTES) + 1 or READ_BYTES]
        following = shown.count(b"\n") + 1
        return (
            shown.decode("utf-8", "replace") + f"\n[{size - len(shown)} of {size} bytes left out, from line {following}"
            f" on; read on with a search in `{path}`, or run `sed -n '{following},{following + 400}p' {path}`]"
        )

    # --- search ----------------------------------------------------------------------------------

    def _search(self, directory: str, pattern: str, path: str, may_read: Callable[[str], bool]) -> str:
        compiled = _compile(pattern)
        found: list[str] = []
        left_out: list[str] = []
        looked_at = 0
        with beneath(directory, use_kernel=self._use_kernel) as place:
            for name in _files(place, path):
                if not may_read(name):
                    continue
                if looked_at >= SEARCH_FILES:
                    left_out.append(f"everything after {SEARCH_FILES} files; search in a folder")
                    break
                looked_at += 1
                data = _searchable(place, name, left_out)
                if not compiled.is_in(data):
                    continue
                found += _matching_lines(compiled, name, data, MATCHES + 1 - len(found))
                if len(found) > MATCHES:
                    del found[MATCHES:]
                    left_out.append(f"everything after {MATCHES} matches; make the pattern or the path narrower")
                    break
        lines = found or [f"[nothing matches in {count(looked_at, 'file')}]"]
        return "\n".join((*lines, *(f"[left out: {what}]" for what in left_out)))

    # --- edit ------------------------------------------------------------------------------------

    def _edit(self, directory: str, action: Action) -> str:
        kinds = (action.delete, action.content is not None, bool(action.old))
        if sum(kinds) != 1:
            raise WorldError(
                what=f"the edit of `{action.path}` says {'more than one thing' if any(kinds) else 'nothing'} to do",
                next_step="send `content` (the whole text), or `old` and `new` (one replacement), or `delete`",
            )
        with beneath(directory, use_kernel=self._use_kernel) as place:
            if action.delete:
                return _delete(place, action.path)
            if action.content is not None:
                return _write_whole(place, action.path, action.content)
            return _replace_once(place, action.path, action.old, action.new)


def _listing(place: Beneath, path: str) -> str:
    descriptor = place.directory(path)
    try:
        with os.scandir(descriptor) as entries:
            names = sorted(entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "") for entry in entries)
    finally:
        os.close(descriptor)
    shown = [_showable(name) for name in names[:NAMES]]
    if len(names) > NAMES:
        shown.append(f"[{len(names) - NAMES} of {len(names)} names left out; run `ls` to see them]")
    return "\n".join(shown) if shown else "[an empty folder]"


def _files(place: Beneath, path: str) -> Iterator[str]:
    """Plain files at or below the path, links never followed, in order."""
    start = "/".join(components(path))
    if start and not place.is_directory(start):
        yield start
        return
    pending = [start]
    while pending:
        folder = pending.pop()
        try:
            descriptor = place.directory(folder)
        except WorldError:
            if folder == start:
                raise
            continue  # swapped or removed since its name was seen
        try:
            with os.scandir(descriptor) as entries:
                kinds = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        finally:
            os.close(descriptor)
        prefix = f"{folder}/" if folder else ""
        yield from (prefix + name for name, is_folder in kinds if not is_folder)
        pending += [prefix + name for name, is_folder in reversed(kinds) if is_folder and name not in NEVER_SEARCHED]


def _searchable(place: Beneath, name: str, left_out: list[str]) -> bytes:
    try:
        with open(place.file(name), "rb") as file:
            data = file.read(SEARCH_FILE_BYTES + 1)
    except WorldError:
        return b""  # a link, a pipe, or gone since its name was seen
    if _is_binary(data):
        return b""
    if len(data) > SEARCH_FILE_BYTES:
        if len(left_out) < 20:
            left_out.append(f"{_showable(name)}, over {SEARCH_FILE_BYTES} bytes")
        return b""
    return data


def _matching_lines(pattern: Pattern, name: str, data: bytes, most: int) -> list[str]:
    found: list[str] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if pattern.is_in(line):
            text = line.decode("utf-8", "replace").rstrip("\r")
            cut = text if len(text) <= LINE_CHARACTERS else text[:LINE_CHARACTERS] + " […]"
            found.append(f"{_showable(name)}:{number}: {cut}")
            if len(found) >= most:
                break
    return found


def _compile(pattern: str) -> Pattern:
    if not pattern:
        raise WorldError(what="the search has no pattern", next_step="send an RE2 pattern; `.` matches every line")
    try:
        return Pattern(pattern)
    except (re2.error, UnicodeError) as error:
        problem = problem_of_pattern(pattern) if isinstance(error, re2.error) else "the pattern is no valid text"
        raise WorldError(
            what=f"`{pattern[:200]}` cannot be searched for: {problem}".encode("utf-8", "replace").decode(),
            next_step="mend the pattern; a plain word needs no escapes, `(`, `[`, `.`, `*` and `?` need a backslash",
        ) from error


# --- writing -----------------------------------------------------------------------------------------------


def _write_whole(place: Beneath, path: str, content: str) -> str:
    data = _encoded(path, content)
    folder, name = place.parent(path, make=True)
    try:
        existed = put(folder, name, path, data)
    finally:
        os.close(folder)
    return (
        f"{path}: {'rewritten' if existed else 'created'}, {count(_lines(content), 'line')}, {count(len(data), 'byte')}"
    )


def _replace_once(place: Beneath, path: str, old: str, new: str) -> str:
    folder, name = place.parent(path)
    try:
        data = _whole(folder, name, path)
        wanted, substitute = _encoded(path, old), _encoded(path, new)
        found = data.count(wanted)
        if found != 1:
            raise _not_once(path, data, wanted, found)
        line = data[: data.index(wanted)].count(b"\n") + 1
        put(folder, name, path, data.replace(wanted, substitute))
    finally:
        os.close(folder)
    return f"{path}: replaced at line {line}, {count(_lines(old), 'line')} by {_lines(new)}"


def _delete(place: Beneath, path: str) -> str:
    folder, name = place.parent(path)
    try:
        if stat.S_ISDIR(_status(folder, name, path).st_mode):
            raise WorldError(what=f"`{path}` is a folder", next_step="remove its files one by one")
        os.unlink(name, dir_fd=folder)
    except OSError as error:
        raise WorldError(
            what=f"`{path}` cannot be removed: {error.strerror}", next_step="look at its folder"
        ) from error
    finally:
        os.close(folder)
    return f"{path}: removed"


def _whole(folder: int, name: str, path: str) -> bytes:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise through_a_link(path) from error
        raise WorldError(
            what=f"`{path}` cannot be opened: {error.strerror}", next_step="search for the file, or create it whole"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise WorldError(what=f"`{path}` is no plain file", next_step="name a file")
    with open(descriptor, "rb") as file:
        data = file.read(EDIT_BYTES + 1)
    if len(data) > EDIT_BYTES:
        raise WorldError(
            what=f"`{path}` is larger than {EDIT_BYTES} bytes", next_step="change it with a command, or split it"
        )
    return data


def _status(folder: int, name: str, path: str) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError as error:
        raise WorldError(what=f"there is no `{path}`", next_step="nothing needs to be removed") from error


def _not_once(path: str, data: bytes, wanted: bytes, found: int) -> WorldError:
    if found:
        lines: list[str] = []
        place = -1
        while (place := data.find(wanted, place + 1)) >= 0 and len(lines) < 10:
            lines.append(str(data[:place].count(b"\n") + 1))
        return WorldError(
            what=f"`old` occurs {found} times in `{path}` (lines {', '.join(lines)}), not once",
            next_step="send more of the text around the one you mean",
        )
    hint = "read the file again and copy the text exactly, with its spaces"
    if wanted.replace(b"\n", b"\r\n") in data:
        hint = "the file ends its lines with CR LF; send the same line ends"
    return WorldError(what=f"`old` occurs 0 times in `{path}`, not once", next_step=hint)


def _encoded(path: str, text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise WorldError(what=f"the new text of `{path}` is no valid text", next_step="send it as UTF-8") from error


def _is_binary(data: bytes) -> bool:
    return b"\0" in data[:8_000]


def _lines(text: str) -> int:
    return len(text.splitlines())


def _showable(name: str) -> str:
    return os.fsencode(name).decode("utf-8", "replace").replace("\n", "\\n")
