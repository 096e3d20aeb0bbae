"""Making the demo's product: a small real HTTP service, as a git repository with a history and a home.

The files lie beside this module, as anybody would write them; only names that begin with a dot are spelled `dot-…`.
The same call makes the same commits, so that a script and its test speak of one history.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from factory_tui.adapters.git import GitAt
from factory_tui.domain.errors import WorldError

REPO_ID = "de30de30de30de30de30de30de30de30"
"""Of the demo's ledger, when the caller names none."""


@dataclass(frozen=True)
class _Step:
    """One commit of the history."""

    author: str
    when: str
    message: str
    paths: tuple[str, ...]
    """What it adds; a folder means everything in it."""


_HISTORY = (
    _Step(
        "Mira Holm",
        "2026-01-12T09:10:00+00:00",
        "Keep bookings of meeting rooms",
        ("README.md", ".gitignore", "bookings/__init__.py", "bookings/store.py"),
    ),
    _Step(
        "Mira Holm",
        "2026-01-12T15:42:00+00:00",
        "Answer over HTTP, and test the real service",
        ("bookings", "tests/__init__.py", "tests/running.py", "tests/test_booking.py"),
    ),
    _Step("Jon Abara", "2026-01-19T11:05:00+00:00", "Show the bookings on a page", ("web", "tests/test_page.py")),
    _Step("Jon Abara", "2026-01-20T10:30:00+00:00", "Write down the API", ("docs",)),
    _Step("Mira Holm", "2026-01-26T16:20:00+00:00", "Deploy with one script", ("deploy", "CHANGELOG.md")),
    _Step("Mira Holm", "2026-02-16T08:55:00+00:00", "Give the repository a factory", (".factory",)),
)


_SETTINGS = {
    "user.name": "Supervisor of the demo",
    "user.email": "supervisor@bookings.example",
    "core.hooksPath": ".git/hooks",
}
"""Of the demo's repository itself: what the user's own files say of every repository stays out of it."""


def make_product(directory: str | Path, repo_id: str = REPO_ID, signers: str = "", deploy: str = "") -> None:
    """Create the repository in `directory`, which must be absent or empty: branch `main`, six commits, all checked out.

    `signers` is the text of the home's `trust/allowed_signers`; empty = nobody is trusted, so nothing is signed.
    `deploy` is its `deploy.yaml`; empty = it runs nowhere.

    Blocks for about 0.2 s. Raises WorldError when something is there already, or git is missing.
    """
    root = Path(directory).absolute()
    root.mkdir(parents=True, exist_ok=True)
    if any(root.iterdir()):
        raise WorldError(
            what=f"{root} is not empty", why="the demo makes a repository of its own", next_step="name a new directory"
        )
    git = GitAt(str(root / ".git"), str(root), str(root / ".git" / "index"))
    git.run("init", "-q", "-b", "main", "--template=")
    for key, value in _SETTINGS.items():
        git.run("config", key, value)
    files = product_files(repo_id)
    if signers:
        files[".factory/trust/allowed_signers"] = signers
    if deploy:
        files[".factory/deploy.yaml"] = deploy
    head = ""
    for step in _HISTORY:
        names = [name for name in files if any(name == path or name.startswith(path + "/") for path in step.paths)]
        for name in names:
            _write(root / name, files[name])
        git.run("update-index", "--add", "--stdin", stdin="".join(f"{name}\n" for name in names).encode())
        parent = ("-p", head) if head else ()
        head = (
            git.run(
                "commit-tree",
                git.line("write-tree"),
                *parent,
                stdin=step.message.encode() + b"\n",
                extra=_identity(step),
            )
            .decode()
            .strip()
        )
        git.run("update-ref", "-m", step.message, "refs/heads/main", head)


def product_files(repo_id: str = REPO_ID) -> dict[str, str]:
    """Path to text of everything in the product, as it is after the last commit."""
    found: dict[str, str] = {}
    _collect(resources.files(__package__).joinpath("product"), "", found)
    settings = ".factory/factory.toml"
    found[settings] = found[settings].replace("{repo_id}", repo_id)
    return found


def _collect(folder: Traversable, prefix: str, found: dict[str, str]) -> None:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        name = prefix + (f".{entry.name.removeprefix('dot-')}" if entry.name.startswith("dot-") else entry.name)
        if entry.name == "__pycache__":
            continue
        if entry.is_dir():
            _collect(entry, name + "/", found)
        else:
            found[name] = entry.read_text("utf-8")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755 if text.startswith("#!") else 0o644)


def _identity(step: _Step) -> dict[str, str]:
    email = f"{step.author.split()[0].lower()}@bookings.example"
    return {
        "GIT_AUTHOR_NAME": step.author,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_AUTHOR_DATE": step.when,
        "GIT_COMMITTER_NAME": step.author,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_COMMITTER_DATE": step.when,
    }
