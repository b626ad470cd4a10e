# Needs Python 3.11 or later and nothing else: each target sets up what it uses.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PO := $(wildcard petition/translations/*/LC_MESSAGES/messages.po)
MO := $(PO:.po=.mo)
# One more than processors: some tests wait.
PYTEST = $(BIN)/python -m pytest -n $$($(BIN)/python -c "import os; print((os.cpu_count() or 1) + 1)") --dist loadgroup

# Modules are kept compiled: a run compiles thousands otherwise, in each of its processes.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help up demo test test-all check pictures bench forge faults lock translations clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

up: $(VENV)/.run $(MO) ## start everything on this machine: make up ARGS="--port 9000 --data DIR"
	@exec $(BIN)/petition up $(ARGS)

demo: $(VENV)/.run $(MO) ## play a whole campaign: 600 people, 30 organisations
	@exec $(BIN)/petition demo $(ARGS)

test: $(VENV)/.dev $(MO) ## run the tests of behaviour, on real engines: make test ARGS="tests/signatures"
	@$(PYTEST) -m "not slow" --ignore=tests/checks $(ARGS)

test-all: $(VENV)/.dev $(MO) ## run every test: also scale, faults, failover and bounded time
	@$(PYTEST) $(ARGS)

check: $(VENV)/.dev $(MO) ## check style, types, layers, templates, translations and the documents' links
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/checks

pictures: $(VENV)/.dev $(MO) ## take a picture of every page, into an index page: make pictures ARGS=DIR
	@$(BIN)/python tests/pictures.py $(ARGS)

bench: $(VENV)/.dev $(MO) ## measure speed against references, on engines of its own: SCALE=full make bench
	@$(BIN)/python benchmarks $(ARGS)

forge: $(VENV)/.dev $(MO) ## replay attacks and genuine crowds, print what got through: SCALE=full make forge
	@$(BIN)/python benchmarks/forge $(ARGS)

faults: $(VENV)/.dev $(MO) ## break every part under load, half an hour: make faults ARGS="-k valkey", FAULTS_SEED=1 make faults
	@FAULTS=full $(BIN)/python -m pytest -s tests/faults $(ARGS)

lock: $(VENV)/.dev ## update requirements/ to newer versions of what pyproject.toml asks for
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-emit-find-links --custom-compile-command "make lock" --upgrade --group build -o requirements/build.txt
	@for e in run:embedded dev:embedded,dev,monitoring,tracing image:monitoring; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
			--no-emit-find-links --custom-compile-command "make lock" --upgrade \
			$$(echo $${e#*:} | tr , '\n' | sed 's/^/--extra /') pyproject.toml -o requirements/$${e%%:*}.txt; \
	done
	@$(BIN)/python requirements/constraints.py > requirements/constraints.txt

translations: $(VENV)/.dev ## gather the texts to translate into the .po files, and say what is missing
	@$(BIN)/pybabel -q extract -F petition/translations/babel.cfg -k lazy_gettext -k N_ --no-location --sort-output \
		--project petition -o petition/translations/messages.pot petition
	@$(BIN)/pybabel -q update -i petition/translations/messages.pot -d petition/translations --no-fuzzy-matching \
		--width 120
	@$(BIN)/python -m petition.core.languages.catalogues

clean: ## remove the virtual environment and the compiled translations (never the data)
	rm -rf $(VENV) $(MO)

%.mo: %.po $(VENV)/.run
	@$(BIN)/pybabel -q compile -i $< -o $@

$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml setup.py
	@echo "Installing the application and its packages into $(VENV) (once; half a minute where the network is near)"
	@$(PYTHON) requirements/install.py $(VENV) requirements/run.txt --application
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(VENV)/.run
	@echo "Installing the packages of the tests into $(VENV) (once)"
	@$(PYTHON) requirements/install.py $(VENV) requirements/dev.txt
	@touch $@
