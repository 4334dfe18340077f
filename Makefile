# Each target sets up .venv itself; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help demo test check bench quality faults lock format clean kafka compose-test

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Pinned and hash-checked; the package itself is installed in place, without its dependencies.
$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or later is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## sample reports through broker and worker; prints the tension table
	$(BIN)/tensionwire demo

test: $(STAMP) ## all tests; real Kafka wherever a Docker engine, or Java and Maven, are
	$(BIN)/pytest -m "not faults"

check: $(STAMP) ## ruff, format, mypy --strict, import-linter, published schemas
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m streams.contract --check
	$(BIN)/tensionwire actors check
	$(BIN)/python -m corpus.check corpus > /dev/null

bench: $(STAMP) ## speeds and ratios of this machine, in one run
	$(BIN)/python bench/bench.py

quality: $(STAMP) ## how right actors and types are, with 95% intervals
	$(BIN)/python -m quality

faults: $(STAMP) ## the long runs against real Kafka: killed workers, the whole Reuters feed
	TENSIONWIRE_REQUIRE_REAL_KAFKA=1 $(BIN)/pytest -m faults -s

compose-test: $(STAMP) ## docker-compose.yml for real: build the images, up, feed, kill, restart, down
	deploy/compose/try.sh

kafka: ## fetch Apache Kafka's jars, checked against their sums
	deploy/kafka/fetch.sh

format: $(STAMP) ## let ruff write the format
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

lock: $(STAMP) ## resolve the pinned requirements anew
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-annotate --no-header \
		--python-version 3.11 --extra test --extra dev pyproject.toml -o requirements/dev.txt

clean: ## remove what the other targets made
	rm -rf .venv build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
