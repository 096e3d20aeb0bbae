"""Going on after the ledger was damaged, on the supervisor's word: nothing is lost from disk, and it is an incident."""

from __future__ import annotations

from pathlib import Path

import click

from factory_tui.cli.speech import say
from factory_tui.cli.talking import here
from factory_tui.domain.plurals import count


@click.command()
def mend() -> None:
    """Go on from the last good entry of a damaged ledger: the file is kept whole aside, landings and deployments are
    frozen, and an incident says what is missing."""
    from factory_tui.adapters.ledger import Ledger
    from factory_tui.adapters.mending import mend as mend_file
    from factory_tui.bootstrap.grounds import codec, supervisor
    from factory_tui.domain import commands as c
    from factory_tui.domain.decide import decide
    from factory_tui.domain.evolve import fold

    place, by = here().place, supervisor("cli")
    at = _now()
    mended = mend_file(place.ledger, codec())
    if mended is None and not (left := _not_on_record(place.ledger, [])):
        say("the chain holds: there is nothing to mend")
        return
    with Ledger.open(place.ledger, repo_id=place.repo_id, codec=codec(), at=at) as ledger:
        left = _not_on_record(place.ledger, [str(entry.event) for entry in ledger.entries])
        if not left:
            say("the chain holds: there is nothing to mend")
        for saved in left:
            state = fold(ledger.entries)
            size = Path(saved).stat().st_size
            is_this = mended is not None and mended.saved_as == saved
            why = mended.why if mended is not None and is_this else "found aside; a run before this one was cut off"
            wish = c.RecordDamage(size=mended.size if mended and is_this else size, saved_as=saved, why=why)
            ledger.append(decide(state, c.Envelope(command=wish, by=by, at=at)), by, at)
            state = fold(ledger.entries)
            say(f"{why}")
            say(f"the file as it was: {saved}")
            say(f"it goes on from entry {state.seq}; {count(wish.size, 'byte')} of it are not believed any more")
            for known in state.incidents.values():
                if known.cause == "ledger" and not known.closed:
                    say(f"{known.id} is open, landings and deployments are frozen: `factory incident show {known.id}`")
    say("Look at the repository and at what runs before `factory unfreeze`: answers given after that entry are gone.")


def _now() -> str:
    from factory_tui.adapters.clock import SystemClock

    return SystemClock().now()


def _not_on_record(ledger: str, told: list[str]) -> list[str]:
    """Files set aside that no entry names: a crash came between."""
    aside = sorted(str(path) for path in Path(ledger).parent.glob(f"{Path(ledger).name}.damaged-*"))
    return [path for path in aside if not any(path in line for line in told)]
