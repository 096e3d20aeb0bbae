"""What an incident waits for, and what a freeze stops: asked by everything that shows or starts something."""

from __future__ import annotations

from factory_tui.domain.state import Incident, State
from factory_tui.domain.terms import Verdict

FEW = 200
"""Benign events that a proof looks back on at most; with fewer it says how many there were."""


def landings_frozen(state: State) -> str:
    """Why no landing begins now; empty = one may."""
    return state.frozen.reason if state.frozen is not None and state.frozen.landings else ""


def next_step(known: Incident) -> str:
    """What an open incident waits for."""
    if known.broken:
        start = f"broken check {known.broken}: it happened again; "
    else:
        start = "it happened again; " if known.repeats else ""
    if known.draft is None:
        return start + "fill the form, pick its entries, draft a rule"
    if known.proof is None:
        return start + f"{known.draft.rule} is drafted; prove it"
    if known.proof.verdict is not Verdict.PASS:
        return start + f"{known.draft.rule} is not proven ({known.proof.verdict.value}); mend it"
    if missing := unfilled(known):
        return start + f"{known.draft.rule} is proven; fill the form: {', '.join(missing).replace('_', ' ')}"
    return start + f"{known.draft.rule} is proven; adopt it"


def unfilled(known: Incident) -> tuple[str, ...]:
    """Fields without which no rule is adopted: one that cannot say what it cost to learn is forgotten."""
    return tuple(name for name in ("what", "when", "cost", "root_cause") if not getattr(known, name))


def may_be_adopted(known: Incident) -> bool:
    """Whether all that is left is the supervisor's word."""
    return known.proof is not None and known.proof.verdict is Verdict.PASS and not unfilled(known)


def why_no_commit(known: Incident) -> str:
    """Why rule and incident are not to be committed, now or again; empty = they may be."""
    written = known.written
    if written is None or known.closed != f"rule {written.rule}":
        return "no rule was adopted for it"
    if written.kept is None:
        return "it was adopted before the factory committed rules"
    done = known.committed.commit if known.committed else ""
    return f"both are committed, as {done[:10]}" if done else ""


def is_commit_owed(known: Incident) -> bool:
    """Whether committing was begun and not settled, or never tried."""
    return known.committing is not None or (known.committed is None and not why_no_commit(known))


def commit_words(known: Incident) -> str:
    """What came of committing its rule; empty = nobody has tried."""
    done = known.committed
    if known.committing is not None:
        return f"not committed yet: {known.committing.new[:10]} is under way, and completed at the next start"
    if done is None:
        return ""
    if not done.commit:
        return f"not committed: {done.why}"
    by = " by hand" if done.by_hand else ""
    told = f"committed{by} on {done.ref.removeprefix('refs/heads/')} as {done.commit[:10]}"
    if done.unvouched:
        return f"{told}; nobody vouches for that commit yet: {done.unvouched}"
    return f"{told}; `factory verify` is open for it"


FORM = ("what", "when", "cost", "root_cause", "level")
"""Fields of the form, as they are typed: `root cause: …` is the same as `root_cause: …`."""


def form_in(text: str) -> dict[str, str]:
    """Fields from lines `field: value`; a line without a field goes on with the one before. Unknown ones are left in
    the value before, so that nothing that was typed is lost."""
    found: dict[str, str] = {}
    last = "what"
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        key = name.strip().lower().replace(" ", "_")
        if colon and key in FORM:
            found[key] = value.strip()
            last = last if key == "level" else key
        elif line.strip():
            found[last] = "\n".join(part for part in (found.get(last, ""), line.strip()) if part)
    return found
