"""Names that one document of a home gives for another: each must be there, or the line that names it is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from factory_tui.adapters.front_matter import FrontMatter, did_you_mean
from factory_tui.domain.charter import Document
from factory_tui.domain.errors import DocumentError
from factory_tui.domain.roles import RoleCard


def unknown_names(
    roles: Sequence[RoleCard],
    ids: frozenset[str],
    rule_ids: frozenset[str] | None,
    documents: Sequence[Document],
    heads: Mapping[str, FrontMatter],
) -> Iterator[DocumentError]:
    """Roles and rules that are named and do not exist. `rule_ids` None: the rules could not be read, so none is wrong.

    `heads` holds a card's front matter under its id, a document's under its path.
    """
    for card in roles:
        head = heads[card.id]
        for number, role in enumerate(card.hands_to):
            if role != "*" and role not in ids:
                yield _unknown(head, "role", role, ids, "hands_to", number)
        if card.escalates_to not in {*ids, "supervisor"}:
            yield _unknown(head, "role", card.escalates_to, {*ids, "supervisor"}, "escalates_to")
        for number, never in enumerate(card.never):
            for place, holder in enumerate(never.held_by):
                kind, _, name = holder.partition(":")
                if kind == "rule" and rule_ids is not None and name not in rule_ids:
                    yield _unknown(head, "rule", name, rule_ids, "never", number, "held_by", place)
    for document in documents:
        for number, role in enumerate(document.roles):
            if role not in ids:
                yield _unknown(heads[document.path], "role", role, ids, "bears_on", "roles", number)


def _unknown(head: FrontMatter, what: str, name: str, known: Iterable[str], *keys: str | int) -> DocumentError:
    return head.error(f"there is no {what} `{name[:80]}`", *keys, next_step=did_you_mean(name, known))
