# Everything a fresh machine needs is Python 3.11 or later; each target does its own set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PO := $(wildcard petition/translations/*/LC_MESSAGES/messages.po)
MO := $(PO:.po=.mo)

.PHONY: up demo test check bench faults lock translations clean help

help: ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: $(VENV)/.run $(MO) ## start everything on this machine: make up ARGS="--port 9000 --data DIR"
	@exec $(BIN)/petition up $(ARGS)

demo: $(VENV)/.run $(MO) ## play a whole campaign: 600 people, 30 organisations
	@exec $(BIN)/petition demo $(ARGS)

test: $(VENV)/.dev $(MO) ## all the tests, in parallel, on real engines: make test ARGS="tests/signatures"
	@$(BIN)/pytest -n auto --dist loadgroup $(ARGS)

check: $(VENV)/.dev $(MO) ## style, types, layers, templates and translations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/checks

bench: $(VENV)/.dev $(MO) ## measure speed against references, on engines of its own: SCALE=full make bench
	@$(BIN)/python benchmarks $(ARGS)

faults: $(VENV)/.dev $(MO) ## break every part under load, half an hour: make faults ARGS="-k valkey", FAULTS_SEED=1 make faults
	@FAULTS=full $(BIN)/pytest -s tests/faults $(ARGS)

lock: $(VENV)/.dev ## take newer versions of what pyproject.toml asks for
	@$(BIN)/pip install --quiet uv
	@for e in run:embedded dev:embedded,dev,monitoring image:monitoring; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-emit-find-links --custom-compile-command "make lock" --upgrade \
			$$(echo $${e#*:} | tr , '\n' | sed 's/^/--extra /') pyproject.toml -o requirements/$${e%%:*}.txt; \
	done

translations: $(VENV)/.dev ## gather the texts to translate into the .po files
	@$(BIN)/pybabel -q extract -F petition/translations/babel.cfg -k lazy_gettext -k N_ --no-location --sort-output \
		--project petition -o petition/translations/messages.pot petition
	@$(BIN)/pybabel -q update -i petition/translations/messages.pot -d petition/translations --no-fuzzy-matching

%.mo: %.po $(VENV)/.run
	@$(BIN)/pybabel -q compile -i $< -o $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed; this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@echo "Setting up .venv (about half a minute, once)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.run: requirements/run.txt pyproject.toml | $(BIN)/python
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python $(VENV)/.run
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

clean: ## remove the virtual environment and the compiled translations (never the data)
	rm -rf $(VENV) $(MO)
