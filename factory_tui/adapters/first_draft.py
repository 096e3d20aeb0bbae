"""A first DNA.md from what a repository shows. Every line names what it was read from and asks to be confirmed."""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence

LANGUAGES = {
    "py": "python",
    "js": "javascript",
    "mjs": "javascript",
    "cjs": "javascript",
    "jsx": "javascript",
    "ts": "typescript",
    "tsx": "typescript",
    "rs": "rust",
    "go": "go",
    "java": "java",
    "kt": "kotlin",
    "rb": "ruby",
    "php": "php",
    "c": "c",
    "h": "c",
    "cc": "c++",
    "cpp": "c++",
    "cs": "c#",
    "swift": "swift",
    "ex": "elixir",
    "sh": "shell",
}
MANIFESTS = (
    "pyproject.toml",
    "setup.py",
    "requirements.txt",
    "package.json",
    "Cargo.toml",
    "go.mod",
    "Gemfile",
    "composer.json",
    "pom.xml",
    "build.gradle",
)
LOCK_FILES = (
    "uv.lock",
    "poetry.lock",
    "Pipfile.lock",
    "requirements.txt",
    "package-lock.json",
    "pnpm-lock.yaml",
    "yarn.lock",
    "Cargo.lock",
    "go.sum",
)
_DATABASES: tuple[tuple[str, str], ...] = (
    ("postgresql", r"image:\s*[\"']?[\w./-]*postgres|postgres(ql)?(\+\w+)?://|django\.db\.backends\.postgresql"),
    ("mysql", r"image:\s*[\"']?[\w./-]*(mysql|mariadb)|mysql(\+\w+)?://|django\.db\.backends\.mysql"),
    ("mongodb", r"image:\s*[\"']?[\w./-]*mongo|mongodb(\+srv)?://"),
)
_TELLS_DATABASE = re.compile(
    r"(^|/)((docker-)?compose[\w.-]*\.ya?ml|\.env\.(example|sample|template)|fly\.toml|render\.yaml|app\.json|settings[\w/]*\.py)$"
)
_MOST = 60_000


def read_for_draft(paths: Sequence[str]) -> tuple[str, ...]:
    """Those of the base's paths whose text the draft looks at."""
    wanted = {*MANIFESTS, *(path for path in paths if re.fullmatch(r"(?i)readme(\.(md|rst|txt))?", path))}
    return tuple(path for path in paths if path in wanted or _TELLS_DATABASE.search(path))


def draft_dna(name: str, paths: Sequence[str], texts: Mapping[str, str], smoke: str) -> str:
    """The text of a DNA.md. `texts` holds what `read_for_draft` asked for; nothing is said that was not read."""
    counted = languages(paths)
    stack = [f"  language: {counted[0][0]}  # draft, from {counted[0][1]} files; confirm"] if counted else []
    named = databases(texts)
    if len(named) == 1:
        database, where = named[0]
        stack.append(f"  production_db: {database}  # draft, from {where}; confirm that production has the same")
    front = ["---", *(["stack:", *stack] if stack else ["stack: {}"]), "architecture: []", "---"]
    head = "A draft: every line below was read from the repository and waits to be confirmed."
    lines = [f"# DNA of {name}", "", head, ""]
    about = first_paragraph(texts)
    if about:
        lines += ["## What this is", f"{about[0]} (draft, from {about[1]}; confirm)", ""]
    if counted:
        lines += ["## Languages"]
        lines += [f"- {language}: {count} files (draft, counted; confirm)" for language, count in counted[:5]]
        lines += [""]
    points = entry_points(paths, texts)
    if points:
        lines += ["## Entry points", *(f"- `{point}` (draft, from {where}; confirm)" for point, where in points), ""]
    manifests = [path for path in paths if path in MANIFESTS or path in LOCK_FILES]
    if manifests:
        lines += ["## Dependencies", *(f"- declared in `{path}` (draft; confirm)" for path in manifests), ""]
    if smoke:
        lines += ["## Tests", f"- `{smoke}` (draft, seen to work on the base; confirm)", ""]
    lines += ["## Decisions", "- None is known: write what was decided, and why (to be written).", ""]
    return "\n".join([*front, *lines])


def languages(paths: Sequence[str]) -> list[tuple[str, int]]:
    """By number of files, most first."""
    counts = Counter(
        LANGUAGES[suffix]
        for path in paths
        if (suffix := path.rpartition("/")[2].rpartition(".")[2]) in LANGUAGES and "." in path.rpartition("/")[2]
    )
    return sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))


def databases(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Server databases that deployment files name, each once, with file and line."""
    found: dict[str, str] = {}
    for path, text in sorted(texts.items()):
        if not _TELLS_DATABASE.search(path):
            continue
        for number, line in enumerate(text[:_MOST].splitlines(), 1):
            for database, pattern in _DATABASES:
                if len(line) < 2000 and re.search(pattern, line):
                    found.setdefault(database, f"{path} line {number}")
    return list(found.items())


def first_paragraph(texts: Mapping[str, str]) -> tuple[str, str] | None:
    """The first paragraph of a README that is prose: no heading, badge, link list, table or markup."""
    for path, text in sorted(texts.items()):
        if not path.lower().startswith("readme"):
            continue
        for block in re.split(r"\n\s*\n", text[:_MOST].replace("\r", "")):
            lines = [line.strip() for line in block.strip().splitlines()]
            if not lines or any(re.match(r"[#<|!`>=*\-.]|\[!?\[|\[[^\]]*\]\(|\d+\.|:\w+:", line) for line in lines):
                continue
            if any(set(line) <= set("=-~*^") for line in lines):
                continue
            prose = " ".join(lines)
            if len(prose) >= 20:
                return prose[:600], path
    return None


def entry_points(paths: Sequence[str], texts: Mapping[str, str]) -> list[tuple[str, str]]:
    """Commands and files by which the program starts, with where that was read."""
    found: list[tuple[str, str]] = []
    try:
        project = tomllib.loads(texts.get("pyproject.toml", "")).get("project", {})
        found += [(f"{command} = {target}", "pyproject.toml") for command, target in project.get("scripts", {}).items()]
    except (tomllib.TOMLDecodeError, AttributeError):
        pass  # what cannot be read is not told
    try:
        package = json.loads(texts.get("package.json", "{}"))
        programs = package.get("bin", {})
        programs = {package.get("name", "bin"): programs} if isinstance(programs, str) else programs
        found += [(f"{command} = {target}", "package.json") for command, target in programs.items()]
        found += [(str(package["main"]), "package.json")] if package.get("main") else []
    except (ValueError, AttributeError):
        pass
    well_known = re.compile(
        r"^((src|cmd)/)?([\w-]+/)?(__main__\.py|main\.(py|go|rs)|manage\.py|app\.py|server\.(py|js|ts))$"
    )
    return (found + [(path, "its name") for path in paths if well_known.match(path)])[:12]
