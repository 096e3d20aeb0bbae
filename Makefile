# Two commands for a stranger: `make demo` and `make test`. Everything else is for people who change this.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check containment shots keys bench real-repositories

demo: .venv/installed  ## play one whole mission on a real repository, offline
	$(BIN)/factory demo

test: .venv/developed  ## every test this machine can run; names what it could not and how to mend that
	$(BIN)/python -m pytest

check: .venv/developed  ## what must be green before a commit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

containment: .venv/developed  ## play a seat that does its worst; blocked of attempted per role and layer (part of check)
	$(BIN)/python tests/containment/play.py

shots: .venv/developed  ## draw screenshots/ anew
	$(BIN)/python -m screenshots.shots

keys: .venv/developed  ## write docs/keys.md anew from the table of actions
	$(BIN)/python -c 'from factory_tui.tui.keymap import page; print(page(), end="")' > docs/keys.md

bench: .venv/developed  ## measure, as ratios against a named baseline in the same run
	$(BIN)/python -m bench

.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable .
	touch $@

.venv/developed: .venv/installed
	$(BIN)/python -m pip install --quiet --constraint requirements.lock --editable '.[dev]'
	touch $@
