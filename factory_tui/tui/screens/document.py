"""A document of the home: as it is in force, or what changed in it, where that can be adopted."""

from __future__ import annotations

from factory_tui.domain.item import Waiting
from factory_tui.domain.waiting import waiting
from factory_tui.tui.bridge import Bridge
from factory_tui.tui.present.exhibit import Exhibit
from factory_tui.tui.present.proposals import covering, mark_parts, proposal_exhibit
from factory_tui.tui.screens.sheet import Sheet


class ChangedDocument(Sheet):
    """The proposal that a document belongs to, with that document's difference on top."""

    def __init__(self, item: Waiting, path: str) -> None:
        super().__init__(item)
        self.path = path

    def _make_exhibit(self) -> Exhibit:
        return proposal_exhibit(self.cockpit.state, self.cockpit.state.proposals[self.item.id], self._read, self.path)


def open_document(cockpit: Bridge, path: str) -> None:
    """What changed, where something did; else the text in force. `path` is relative to the home."""
    state, mark = cockpit.state, cockpit.chronicle.marks.get(path)
    proposal = covering(state, path, is_marked=mark is not None)
    item = next((one for one in waiting(state) if proposal and one.id == proposal.id), None)
    document = state.law.document(path)
    if item is not None:
        cockpit.enter(ChangedDocument(item, path))
    elif mark is not None:
        cockpit.read(path or "the home", mark_parts(path, mark.at, mark.old, mark.new, mark.problem))
    else:
        cockpit.read(path, [(path, document.text if document else "It is not in the charter in force.")])
