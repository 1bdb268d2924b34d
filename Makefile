# Needs make and Python 3.11 or later; everything else is brought by the first call.
# `make` alone lists the targets.

ifndef PYTHON
PYTHON := $(shell for name in python3.11 python3 python3.12 python3.13 python3.14; do \
    $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
endif
BIN := .venv/bin
DEMO := demo
STUDY := studies/quick-start.toml
ASSAY := ASSAY_STORE=$(DEMO)/store ASSAY_CACHE=$(DEMO)/cache $(BIN)/assay

# One thread a process, and idle threads that sleep: the numbers of a run depend on both.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OMP_WAIT_POLICY := PASSIVE
# Nothing of the caller's Python leaks into the environment.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint format flagship bench docs lock clean python

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: python ## run the quick-start study on real tables, verify it, and write its report
	@$(PYTHON) scripts/environment.py demo
	@rm -rf $(DEMO) && mkdir -p $(DEMO)
	$(ASSAY) table import nas-bench-graph
	$(ASSAY) table import nas-bench-201
	$(ASSAY) run $(STUDY)
	$(ASSAY) verify $(STUDY) --sample 30
	$(ASSAY) report $(STUDY) --out $(DEMO)/report
	@echo
	@echo "The report is $(DEMO)/report/index.html: open it in a browser."

test: lint ## check style, types and floors, and run the tests
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: python ## run the tests that take long
	@$(PYTHON) scripts/environment.py dev
	$(BIN)/python -m pytest -m slow

lint: python ## check style, types and floors
	@$(PYTHON) scripts/environment.py dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: python ## format the code
	@$(PYTHON) scripts/environment.py dev
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

docs: python ## run every command of the documentation
	@$(PYTHON) scripts/environment.py dev
	$(BIN)/python -m pytest tests/docs

flagship: python ## run the flagship studies and write their results
	@$(PYTHON) scripts/environment.py dev
	$(BIN)/python studies/flagship/winners-curse/winners_curse.py
	$(BIN)/python studies/flagship/peeking/peeking.py
	$(BIN)/python studies/flagship/transfer/transfer.py
	$(BIN)/python studies/flagship/hardware/hardware.py

bench: python ## measure against peers, which are installed in environments of their own
	@$(PYTHON) scripts/environment.py dev
	@$(PYTHON) scripts/environment.py peers
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/tables.py
	$(BIN)/python benchmarks/study.py
	$(BIN)/python benchmarks/compare.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/aggregates.py
	$(BIN)/python benchmarks/coverage.py
	$(BIN)/python benchmarks/attribution.py
	$(BIN)/python benchmarks/hashing.py
	$(BIN)/python benchmarks/recording.py
	$(BIN)/python benchmarks/trace.py
	$(BIN)/python benchmarks/strategies.py

lock: python ## renew constraints.txt
	@$(PYTHON) scripts/environment.py lock

clean: ## remove what the other targets made
	rm -rf .venv .venv-peers .venv-peers-rliable .venv-peers-trackers .venv-peers-dvc
	rm -rf $(DEMO) .assay build dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks scripts -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@test -n "$(PYTHON)" || { echo "Assay needs Python 3.11 or later; none was found on PATH"; exit 1; }
