"""Beginning: what `init` and the demo do."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from factory_tui.cli.ending import DONE, FINDINGS, Ended
from factory_tui.cli.speech import has_terminal, hint, say, say_json, table
from factory_tui.domain.errors import FactoryError, Refusal, UsageError, WorldError
from factory_tui.domain.plurals import count

if TYPE_CHECKING:
    from factory_tui.adapters.starting import Written
    from factory_tui.adapters.state_place import StatePlace
    from factory_tui.adapters.survey import Survey


@click.command()
@click.option("--headless", is_flag=True, help="By itself, its supervisor a script; a line for each step.")
@click.option("--keep", type=click.Path(file_okay=False), help="Its repository here; goes on with one that is there.")
@click.option(
    "--mode", type=click.Choice(["step", "flow"]), help="Whether you see every handoff, or what must be seen."
)
@click.option("--pace", type=click.FloatRange(0.0, 2.0), help="Seconds that the models take for a few words.")
def demo(headless: bool, keep: str | None, mode: Literal["step", "flow"] | None, pace: float | None) -> None:
    """One whole mission, offline, on a real repository. Only the models' words are written beforehand."""
    from importlib import import_module

    try:
        stage = import_module("factory_tui.demo")
    except ModuleNotFoundError as error:
        raise WorldError(
            what="this build has no demo", why=str(error), next_step="install the released wheel"
        ) from error
    watched = not headless and has_terminal()
    if not watched and (mode is not None or pace is not None):
        raise UsageError(what="`--mode` and `--pace` are for whoever watches", next_step="leave them away here")
    if watched:
        from factory_tui.cli.reopening import offer_tmux
        from factory_tui.cli.watching import wishes

        offer_tmux("demo", wishes(str(Path.cwd())))
        code = stage.watch_demo(say, keep or "", mode, stage.PACE if pace is None else pace)
    else:
        code = stage.play_demo(say, keep or "")
    if code != DONE:
        raise Ended(code)


@click.command()
@click.option("--outside", type=click.Path(file_okay=False), help="Put the home here instead, outside the repository.")
@click.option("--digests", type=click.Choice(["committed", "ignored"]), help="Whether git keeps the digests.")
@click.option("--yes", is_flag=True, help="Make the commit without asking.")
@click.option("--no-commit", is_flag=True, help="Draft only; say how to commit it.")
@click.option("--no-survey", is_flag=True, help="Look for no smoke command; nothing is run.")
@click.option("--new-id", is_flag=True, help="Give this clone a ledger of its own.")
@click.option("--moved", is_flag=True, help="This checkout was moved: its ledger moves with it.")
@click.option(
    "--keys", is_flag=True, help="Make the keys that are missing here, and add them to trust/allowed_signers."
)
@click.option("--json", "as_json", is_flag=True, help="For programs; see docs/json.md.")
def init(
    outside: str | None,
    digests: str | None,
    yes: bool,
    no_commit: bool,
    no_survey: bool,
    new_id: bool,
    moved: bool,
    keys: bool,
    as_json: bool,
) -> bool:
    """Draft a home for this repository: smoke command, DNA.md, keys. Overwrites nothing, offers one commit."""
    from factory_tui.adapters.homes import find_repository, home_of

    root = find_repository(str(Path.cwd()))
    if root is None:
        raise Refusal(
            what=f"{Path.cwd()} is in no git repository",
            why="a factory works on one repository",
            next_step="go to a repository, or run `git init` here and make a first commit",
        )
    home = home_of(root)
    if keys:
        if home is None:
            raise UsageError(what="there is no home here yet", next_step="plain `factory init` makes keys too")
        _add_keys(home.repo_root, home.home_dir, as_json)
        return False
    if new_id or moved:
        if home is None:
            raise UsageError(what="there is no home here yet", next_step="plain `factory init`")
        _own(home.repo_root, home.home_dir, moved, as_json)
        return False
    if home is not None:
        raise Refusal(
            what=f"{root} has a home already: {home.home_dir}",
            why="nothing of it is overwritten",
            next_step="`factory check` says whether it is right; a clone wants `factory init --new-id`",
        )
    chosen = digests or ("ignored" if not has_terminal() or as_json else _ask_digests())
    beginning = Beginning(root, outside, chosen == "ignored", as_json)
    return beginning.play(survey=not no_survey, commit=not no_commit, yes=yes)


def _add_keys(root: str, home_dir: str, as_json: bool) -> None:
    """This machine's keys, made where they are missing. The file of who is trusted grows; its commit is the user's."""
    from factory_tui.adapters import starting
    from factory_tui.adapters.glance import place_of
    from factory_tui.adapters.homes import find_home
    from factory_tui.adapters.keys import add_signers, make_keys
    from factory_tui.bootstrap.grounds import find_ground

    place = place_of(find_home(root), os.environ)
    charter = find_ground(root).reading.charter
    text = make_keys(place.keys, charter.roles if charter else starting.shipped_cards())
    if not text:
        raise WorldError(what="no key can be made", why="no ssh-keygen", next_step="apt install openssh-client")
    path = Path(home_dir) / "trust" / "allowed_signers"
    added = add_signers(path, text)
    if as_json:
        say_json("init", {"repository": root, "trust": str(path), "added": list(added)})
        return
    for line in added:
        say(f"added {line}")
    say(f"{count(len(added), 'line')} added to {path}" if added else f"{path} knows this machine's keys already")
    if added:
        say("They count from the commit that brings them: look at the difference, commit it, then `factory vouch HEAD`")


def _ask_digests() -> str:
    say("A digest is written at the end of each session, into the home's memory/digests/.")
    return str(click.prompt("Shall git keep them", type=click.Choice(["committed", "ignored"]), default="ignored"))


def _own(root: str, home_dir: str, moved: bool, as_json: bool) -> None:
    """A clone gets an id of its own, a moved checkout takes its ledger with it."""
    import re

    from factory_tui.adapters.git import find_repository
    from factory_tui.adapters.glance import place_of
    from factory_tui.adapters.homes import find_home
    from factory_tui.adapters.state_place import new_repo_id, open_state_place

    common = find_repository(root).common_dir
    path = Path(home_dir) / "factory.toml"
    if moved:
        place = place_of(find_home(root), os.environ)
        claim = place.claim(common)
        if not claim.ok and claim.owner_exists:
            raise Refusal(
                what=f"the ledger {claim}, which is still there",
                why="two checkouts with one ledger would each believe the other's worktrees are its own",
                next_step="this is a clone: `factory init --new-id`",
            )
        place.take_over(common)
        told = {"repository": root, "repo_id": place.repo_id, "state": place.root}
    else:
        repo_id = new_repo_id()
        text = path.read_text("utf-8")
        fresh, times = re.subn(r"(?m)^repo_id\s*=.*$", f'repo_id = "{repo_id}"', text, count=1)
        if not times:
            fresh = f'repo_id = "{repo_id}"\n{text}'
        path.write_text(fresh, "utf-8")
        place = open_state_place(repo_id, repository=root, git_dir=common, environment=os.environ)
        place.claim(common)
        told = {"repository": root, "repo_id": repo_id, "state": place.root}
    if as_json:
        say_json("init", told)
    else:
        say(f"repo_id {told['repo_id']}; state: {told['state']}")


class Beginning:
    """One `init`, from the first look to the commit."""

    def __init__(self, root: str, outside: str | None, ignore_digests: bool, quiet: bool) -> None:
        self._root, self._ignore_digests, self._quiet = root, ignore_digests, quiet
        self._outside = outside is not None
        self._home_dir = str(Path(outside).absolute()) if outside else f"{root}/.factory"
        if outside and Path(self._home_dir).resolve().is_relative_to(Path(root).resolve()):
            raise UsageError(
                what=f"{self._home_dir} lies inside the repository",
                next_step="name a directory outside of it, or leave `--outside` away",
            )

    def play(self, *, survey: bool, commit: bool, yes: bool) -> bool:
        """Whether a session can start with it: the home is whole, and committed."""
        from factory_tui.adapters import starting
        from factory_tui.adapters.git import find_repository
        from factory_tui.adapters.homes import name_outside_home
        from factory_tui.adapters.keys import make_keys
        from factory_tui.adapters.state_place import new_repo_id, open_state_place
        from factory_tui.bootstrap.grounds import find_ground

        repo_id = new_repo_id()
        common = find_repository(self._root).common_dir
        place = open_state_place(repo_id, repository=self._root, git_dir=common, environment=os.environ)
        found = asyncio.run(self._survey(place, survey))
        line = found.base_line
        files = starting.draft(
            repo_id=repo_id,
            smoke=found.smoke,
            dependencies=found.dependencies,
            dna=found.dna,
            signers=make_keys(place.keys, starting.shipped_cards()),
            ignore_digests=self._ignore_digests and not self._outside,
            seconds=line.seconds,
            tried=[f"{one.command}: {one.outcome.splitlines()[0]}" for one in found.attempts],
        )
        written = starting.write_new(self._home_dir, files)
        if self._outside:
            name_outside_home(self._root, self._home_dir)
        ground = find_ground(self._root)
        told: dict[str, Any] = {
            "repository": self._root,
            "home": self._home_dir,
            "repo_id": ground.reading.repo_id,
            "state": ground.place.root,
            "written": list(written.new),
            "there_before": list(written.there),
            "smoke": {"command": found.smoke.command, "runner": found.smoke.runner, "seconds": line.seconds},
            "known_red": list(line.red),
            "known_flaky": list(line.flaky),
            "attempts": [{"command": a.command, "outcome": a.outcome, "works": a.works} for a in found.attempts],
            "surroundings": list(found.surroundings),
            "problems": [str(one) for one in ground.reading.problems],
        }
        if not self._quiet:
            self._say(found, written)
        if ground.reading.problems:
            if self._quiet:
                say_json("init", told)
            for problem in ground.reading.problems:
                hint(str(problem))
            raise Ended(FINDINGS)
        told |= self._offer(place, written, commit, yes)
        if self._quiet:
            say_json("init", told)
        elif not found.smoke.command:
            hint("no smoke command: set one under [smoke] in factory.toml, or nothing can be committed here")
        else:
            say("Next: `factory run --task 'what shall be true' --to builder`, and `factory check` for the rules.")
        return bool(told["commit"]) and bool(found.smoke.command)

    async def _survey(self, place: StatePlace, wanted: bool) -> Survey:
        from factory_tui.adapters.evidence import EvidenceFiles
        from factory_tui.adapters.git import find_repository
        from factory_tui.adapters.survey import survey
        from factory_tui.adapters.walls import choose_wall
        from factory_tui.adapters.worktrees import GitWorktrees

        worktrees = GitWorktrees(self._root, place.worktrees)
        await worktrees.base_ref()
        # Behind the same wall as later: what needs more than that is not found to work.
        hidden = (place.root, find_repository(self._root).common_dir)
        wall = choose_wall(place.exports, os.environ, self._root, hidden=hidden)
        await wall.prove()
        return await survey(
            worktrees,
            wall,
            EvidenceFiles(place.evidence),
            await worktrees.head(),
            place.prepared,
            checkout=self._root,
            seconds=900.0 if wanted else 0.0,
            progress=lambda text: None if self._quiet else hint(f"  {text}"),
        )

    def _say(self, found: Survey, written: Written) -> None:
        for attempt in found.attempts:
            say(f"{'works' if attempt.works else 'no   '}  {attempt.command}: {attempt.outcome.splitlines()[0]}")
        line = found.base_line
        if line.red or line.flaky:
            say(f"known before anybody touched it: {count(len(line.red), 'red test')}, {len(line.flaky)} flaky")
            for test in (*line.red, *line.flaky)[:20]:
                say(f"  {test}")
        rows = [(one.treatment, one.kind, one.path, f"{one.name}: {one.reason}") for one in found.surroundings]
        if rows:
            say("other agents' files here:")
        for row in table(rows, "  "):
            say(row)
        for name in written.new:
            say(f"wrote {self._home_dir}/{name}")
        for name in written.there:
            say(f"left as it is: {self._home_dir}/{name}")

    def _offer(self, place: StatePlace, written: Written, wanted: bool, yes: bool) -> dict[str, Any]:
        from factory_tui.adapters import starting

        if self._outside or not written.new:
            return {"commit": "", "commands": []}
        paths = [f".factory/{name}" for name in written.new]
        offer = starting.offer(self._root, paths)
        told: dict[str, Any] = {"commit": "", "commands": list(offer.commands)}
        if wanted and not offer.blocked and not yes and has_terminal() and not self._quiet:
            say(f"\nOne commit of exactly these {count(len(paths), 'file')}, in your name, without running your hooks:")
            yes = click.confirm("Make it now?", default=True)
        if wanted and yes and not offer.blocked:
            try:
                told["commit"] = starting.commit_new(place, self._root, paths)
            except FactoryError as error:
                hint(str(error))
        elif wanted and yes:
            hint(f"the commit is not made: {offer.blocked}")
        if self._quiet:
            return told
        if told["commit"]:
            say(f"committed {told['commit'][:10]}: {starting.MESSAGE.splitlines()[0]}")
        else:
            say("A session starts with the home as it is committed. To commit exactly these files:")
            for command in offer.commands:
                say(f"  {command}")
        return told
