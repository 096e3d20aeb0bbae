"""Errors that help: what happened, why, what to do next. Code reads the fields, people read the text."""

from __future__ import annotations


class FactoryError(Exception):
    """Anything the factory can explain. Everything else is a mistake of ours and exits with 3."""

    exit_code = 1

    def __init__(self, *, what: str, why: str = "", next_step: str = "") -> None:
        self.what, self.why, self.next_step = what, why, next_step
        super().__init__(what)

    @property
    def in_a_line(self) -> str:
        """What happened and why, without the next step."""
        return f"{self.what}: {self.why}" if self.why else self.what

    def __str__(self) -> str:
        lines = [self.what]
        if self.why:
            lines.append(f"  why:  {self.why}")
        if self.next_step:
            lines.append(f"  next: {self.next_step}")
        return "\n".join(lines)


class Refusal(FactoryError):
    """A supervisor's slip: the command makes no sense now. Nothing was recorded."""


class UsageError(FactoryError):
    """The command line was used wrongly."""

    exit_code = 2


class DocumentError(FactoryError):
    """A file of a home is wrong. `line` is 1-based, 0 = the whole file."""

    def __init__(self, *, path: str, line: int = 0, problem: str, why: str = "", next_step: str = "") -> None:
        self.path, self.line, self.problem = path, line, problem
        spot = f"{path} line {line}" if line else path
        super().__init__(what=f"{spot}: {problem}", why=why, next_step=next_step)


class LedgerError(FactoryError):
    """The ledger cannot be trusted, read or written past a point."""


class WorldError(FactoryError):
    """Something outside refused: git, a file system, a command that is missing."""
