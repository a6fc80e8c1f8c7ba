# Every task of this project by its name. `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help
help: ## List the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.PHONY: demo
demo: .venv/.runtime ## Drain a small queue against the built-in loopback servers and show what happened
	@$(BIN)/python -m test_executions_rerunner.demo

.PHONY: test
test: .venv/.dev ## Run the tests, with coverage
	@tests/run

.PHONY: quick
quick: .venv/.dev ## Run the tests that hold the promises, in a minute and a half
	@tests/run -n 2 --dist loadfile tests/unit --ignore-glob='*/test_demo_*' tests/integration \
	  --ignore=tests/integration/people

.PHONY: fuzz
FUZZ_SECONDS ?= 20
fuzz: .venv/.fuzz ## Search for links, queue entries and error pages that break what reads them, for a minute
	@for target in links entries pages; do \
	  $(BIN)/python tests/fuzz/search.py "$$target" -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

.PHONY: model model-large
model: ## Check the protocol's models with spin, every state; a minute or two
	@cd tests && $(PYTHON) -m models.check

model-large: ## The larger models too, for which there must be time and memory
	@cd tests && $(PYTHON) -m models.check --large

.PHONY: lint
lint: .venv/.dev ## Run every linter
	@tests/lint

.PHONY: bench
bench: .venv/.runtime ## Measure the speed side by side with a plain sequential client
	@$(BIN)/python tests/bench/bench.py

.PHONY: image
image: ## Build the container image test-executions-rerunner:latest
	@sed 's|^FROM \(python:[^ ]*\)|FROM $(or $(BASE),\1)|' Dockerfile | \
	  docker build --tag test-executions-rerunner:latest --file - .

.PHONY: dist
DIST ?= dist
dist: ## Build the wheel and the source archive, into dist
	@scratch=$$(mktemp -d) && trap 'rm -rf "$$scratch"' EXIT && $(PYTHON) -m venv "$$scratch" && \
	  "$$scratch/bin/pip" install --quiet --require-hashes --requirement requirements-build.txt && \
	  "$$scratch/bin/python" -m hatchling build -d "$(DIST)"

.PHONY: picture
picture: .venv/.runtime ## Make the picture of the README from what the program shows
	@PYTHONPATH=src $(BIN)/python tests/picture.py

.PHONY: lock
lock: .venv/.dev ## Pin the newest fitting versions again, with their hashes
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	  --quiet --upgrade --custom-compile-command 'make lock' -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.10 --generate-hashes \
	  --no-emit-index-url --quiet --upgrade --custom-compile-command 'make lock' -o requirements-dev.txt
	printf 'hatchling>=1.27\nsetuptools\n' | $(BIN)/uv pip compile - --python-version 3.13 --generate-hashes \
	  --no-emit-index-url --no-annotate --quiet --upgrade --custom-compile-command 'make lock' -o requirements-build.txt
	printf 'atheris%s\n' '==2.3.0; python_version < "3.11"' '==3.0.0; python_version == "3.11"' \
	  '>=3.1; python_version > "3.11"' | $(BIN)/uv pip compile - --universal --python-version 3.10 --generate-hashes \
	  --no-emit-index-url --no-annotate --quiet --upgrade --custom-compile-command 'make lock' -o requirements-fuzz.txt

.PHONY: clean
clean: ## Remove what the tasks made
	rm -rf .venv build dist target node_modules .coverage* .hypothesis .mypy_cache .pytest_cache .ruff_cache

# Looked at where .venv is missing or PYTHON is given: another Python than that of .venv makes it anew.
.venv/.python: FORCE
ifneq ($(origin PYTHON) $(wildcard .venv/.python),file .venv/.python)
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 10) or sys.exit("Python 3.10 or newer is needed, and \
	$(PYTHON) is %d.%d: name another with PYTHON=python3.12" % sys.version_info[:2])'
	@identity='import sys; print(sys.version_info, sys.base_prefix)'; \
	  [ "$$($(PYTHON) -c "$$identity")" = "$$($(BIN)/python -c "$$identity" 2>&1)" ] || \
	  { rm -rf .venv && $(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }; }
	@[ -e $@ ] || touch $@
endif

.PHONY: FORCE
FORCE:

.venv/.runtime: .venv/.python requirements.txt pyproject.toml
	$(PIP) install --require-hashes --requirement requirements.txt
	$(PIP) install --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.txt
	$(PIP) install --require-hashes --requirement requirements-dev.txt
	@touch $@

.venv/.fuzz: .venv/.runtime requirements-fuzz.txt
	$(PIP) install --require-hashes --only-binary :all: --requirement requirements-fuzz.txt
	@touch $@
