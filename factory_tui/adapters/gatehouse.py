"""Asking for the evidence where the factory does not run: the files for a CI job and for a server's hook.

They are written once and never over a file that is there. Each stands on `verify.py` alone.
"""

from __future__ import annotations

import re
from pathlib import Path

from factory_tui.adapters import verify
from factory_tui.domain.errors import Refusal

CI_HOLDS = (
    "holds:  each pull request and each push is verified with the verifier and the keys of the branch it goes to.",
    "holds not: a push straight to the branch is told after it happened, unless the server requires this check;",
    "           make `factory evidence` a required status check, with nobody on the bypass list.",
    "           A pull request may change the workflow itself: let a person look at each change of .github/workflows.",
    "           Until its job has a key of its own (--key), it says nothing that survives a stolen laptop.",
    "next:   commit these files, `factory vouch` for that commit, and push refs/notes/factory with every branch.",
)
WITNESS_HOLDS = (
    "holds:  what CI witnessed survives a stolen laptop: level 2 passed there too, under a key that is not here (G2).",
    "holds not: while {key} lies on this machine. Store it as the secret FACTORY_CI_KEY, then delete it.",
    "           A commit that changes roles, rules, settings or trust is not witnessed: it would choose its checks.",
)
PRE_RECEIVE_HOLDS = (
    "holds:  nobody moves the branch past the evidence, not with --no-verify, not with --force; notes only grow.",
    "holds not: whoever can write to the server's files, and whoever holds all the keys (see `level`).",
    "next:   git push origin refs/notes/factory main   (the evidence goes with the branch, or before it)",
)

_WORKFLOW = """\
# Asks for the factory's evidence. Written by `factory install ci`. What it runs comes from the base, not the change.
name: factory evidence
on:
  pull_request:
    branches: [{branch}]
  push:
    branches: [{branch}]
permissions:
  contents: read
jobs:
  evidence:
    name: factory evidence
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
          ref: ${{{{ github.event.pull_request.head.sha || github.sha }}}}
          persist-credentials: false
      - name: verify
        env:
          BASE: ${{{{ github.event.pull_request.base.sha || github.event.before }}}}
        run: |
{script}
"""

_WITNESS = """\
  witness:
    name: factory witness
    needs: evidence
    if: github.event_name == 'push'
    runs-on: ubuntu-latest
    permissions:
      contents: write
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0
      - name: install
        run: python3 -m pip install factory-os-cockpit
      - name: witness
        env:
          BASE: ${{ github.event.before }}
          FACTORY_CI_KEY: ${{ secrets.FACTORY_CI_KEY }}
        run: |
          set -eu
          git fetch --quiet origin refs/notes/factory:refs/notes/factory
          key=$(mktemp)
          trap 'rm -f "$key"' EXIT
          printf '%s\\n' "$FACTORY_CI_KEY" > "$key"
          factory witness "$BASE..HEAD" --key "$key"
          git push --quiet origin refs/notes/factory
"""
"""The job that runs level 2 again and says what it found; only with a key of its own."""

_SCRIPT = """\
set -eu
git fetch --quiet origin refs/notes/factory:refs/notes/factory
verifier=$(mktemp)
git show "$BASE:{verifier}" > "$verifier"
python3 -I "$verifier" --at ci "$BASE..HEAD"
"""

_HOOK = """\
#!/bin/sh
# Asks for the factory's evidence before {branch} moves. Written by `factory install pre-receive`.
set -eu
export GIT_NO_REPLACE_OBJECTS=1 GIT_GRAFT_FILE=/dev/null
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
pushed=$(cat)
refuse() {{ printf 'factory: %s\\n' "$1" >&2; exit 1; }}
is_none() {{ case $1 in *[!0]*) return 1 ;; *) return 0 ;; esac; }}

notes=refs/notes/factory
list=$(mktemp)
trap 'rm -f "$list"' EXIT
printf '%s\\n' "$pushed" > "$list"

while read -r old new ref; do
    [ "$ref" = refs/notes/factory ] || continue
    is_none "$new" && refuse 'the evidence is never deleted'
    is_none "$old" || git merge-base --is-ancestor "$old" "$new" || refuse 'the evidence only grows'
    is_none "$old" ||
        python3 -I "$here/factory-verify.py" --repo . --at pre-receive --notes "$new" --notes-before "$old" >&2 ||
        refuse 'nothing that was said is ever taken away'
    notes=$new
done < "$list"

while read -r old new ref; do
    [ "$ref" = 'refs/heads/{branch}' ] || continue
    is_none "$new" && refuse '{branch} is never deleted'
    is_none "$old" && refuse '{branch} is not here yet: push it before the hook is installed'
    git merge-base --is-ancestor "$old" "$new" || refuse '{branch} only moves forward'
    python3 -I "$here/factory-verify.py" --repo . --at pre-receive --notes "$notes" "$old..$new" >&2 ||
        refuse '{branch} takes only what the gate let through'
done < "$list"
"""


def install_ci(repo_root: str, home_dir: str, branch: str, *, witness: bool = False) -> tuple[str, ...]:
    """Writes the verifier into the home and a workflow beside it. Raises Refusal when one is there and differs.

    `witness`: a second job runs level 2 again, and signs what it found with the key of CI.
    """
    home = Path(home_dir)
    _check(branch)
    if not home.is_relative_to(repo_root):
        raise Refusal(
            what="the home lies outside of the repository",
            why="a CI job takes the keys and the verifier from the branch",
            next_step="install the server's hook, or give CI your own copy of verify.py and of trust/allowed_signers",
        )
    verifier = home.relative_to(repo_root) / "verify.py"
    script = _SCRIPT.format(verifier=verifier.as_posix())
    indented = "".join(f"          {line}\n" for line in script.splitlines()).rstrip("\n")
    workflow = _WORKFLOW.format(branch=branch, script=indented) + (_WITNESS if witness else "")
    return _written(
        {
            home / "verify.py": (Path(verify.__file__).read_text("utf-8"), 0o644),
            Path(repo_root, ".github/workflows/factory-evidence.yml"): (workflow, 0o644),
        }
    )


def install_pre_receive(server: str, branch: str) -> tuple[str, ...]:
    """Writes the hook and the verifier into a bare repository. Raises Refusal when a hook is there and differs."""
    place = Path(server)
    _check(branch)
    if not (place / "HEAD").is_file() or not (place / "objects").is_dir():
        raise Refusal(
            what=f"{server} is no bare repository",
            why="there is no HEAD with objects beside it",
            next_step="name the directory that is pushed to, `/srv/git/product.git`",
        )
    return _written(
        {
            place / "hooks/factory-verify.py": (Path(verify.__file__).read_text("utf-8"), 0o644),
            place / "hooks/pre-receive": (_HOOK.format(branch=branch), 0o755),
        }
    )


def _check(branch: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", branch):
        raise Refusal(what=f"{branch[:100]!r} is no branch's name", why="it becomes part of a script")


def _written(files: dict[Path, tuple[str, int]]) -> tuple[str, ...]:
    different = [path for path, (text, _) in files.items() if path.exists() and path.read_text("utf-8") != text]
    if different:
        raise Refusal(
            what=f"{different[0]} is there already, with another content",
            why="nothing of yours is overwritten",
            next_step="move it away, or call the verifier from it by hand",
        )
    for path, (text, mode) in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        path.chmod(mode)
    return tuple(map(str, files))
