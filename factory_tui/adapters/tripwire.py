"""A test that must fail, hidden in a copy: a run that stays green does not run what it seems to run."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Wire:
    """One failing test, laid into one test module."""

    path: str
    name: str
    """Occurs in the id under which the runner tells of it, and nowhere else."""


def _python(name: str, text: str) -> str:
    case = (
        f"\n\nimport unittest as _{name}\n\n\nclass Test_{name}(_{name}.TestCase):\n"
        f"    def test_{name}(self):\n        assert [] == [0]\n\n\n"
    )
    main = re.search(r"^if __name__ ==", text, re.MULTILINE)
    return text[: main.start()] + case.lstrip("\n") + text[main.start() :] if main else text + case


def _script(name: str, text: str) -> str:
    fails = f'("{name}", () => {{ throw new Error("{name}"); }});\n'
    is_module = re.search(r"^\s*import\s.*from\s|^\s*import\s+[\"']|^export\s", text, re.MULTILINE) is not None
    for package in ("node:test", "vitest", "@jest/globals", "bun:test"):
        if re.search(rf"[\"']{re.escape(package)}[\"']", text):
            if is_module:
                return f'{text}\nimport {{ test as {name} }} from "{package}";\n{name}{fails}'
            return f'{text}\nrequire("{package}").test{fails}'
    return f'{text}\n(typeof test === "function" ? test : it){fails}'


def _rust(name: str, text: str) -> str:
    return (
        f'{text}\n#[cfg(test)]\nmod {name} {{\n    #[test]\n    fn fails() {{\n        panic!("{name}");\n    }}\n}}\n'
    )


def _go(name: str, text: str) -> str:
    return f'{text}\nfunc Test_{name}(t *testing.T) {{\n\tt.Fatal("{name}")\n}}\n'


_WRITERS = {
    ".py": (_python, re.compile(r"def test|class \w*Test|unittest|pytest")),
    ".js": (_script, re.compile(r"\b(test|it|describe)\s*[(.]")),
    ".rs": (_rust, re.compile(r"#\[(\w+::)?test\]")),
    ".go": (_go, re.compile(r"func Test\w*\(\w+ \*testing\.T\)")),
}
for _suffix in (".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".cts"):
    _WRITERS[_suffix] = _WRITERS[".js"]


def eligible(root: str | Path, paths: Iterable[str]) -> list[str]:
    """Modules among `paths` in which a failing test can be written so that an honest runner should see it.

    One that picks its own tests (`load_tests`) is taken only where there is no other.
    """
    plain: list[str] = []
    picking: list[str] = []
    for name in dict.fromkeys(paths):
        path = Path(root) / name
        writer = _WRITERS.get(path.suffix)
        if writer is None or path.is_symlink() or not path.is_file() or (path.suffix == ".go" and "_test." not in name):
            continue
        text = path.read_text("utf-8", "replace")
        if writer[1].search(text):
            (picking if "def load_tests" in text else plain).append(name)
    return sorted(plain or picking)


def lay(root: str | Path, paths: Iterable[str]) -> Wire | None:
    """Writes a failing test into a random one of the modules; None when none of them can hold one."""
    modules = eligible(root, paths)
    if not modules:
        return None
    path = secrets.choice(modules)
    name = f"f{secrets.token_hex(6)}"
    file = Path(root) / path
    text = file.read_bytes().decode("utf-8", "surrogateescape")
    file.write_bytes(_WRITERS[file.suffix][0](name, text).encode("utf-8", "surrogateescape"))
    return Wire(path=path, name=name)
