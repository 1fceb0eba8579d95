# Two commands: `make demo` and `make test`. Both set up .venv themselves; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
WORKERS ?= 2

export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1
# Threads that spin while they wait make training many times slower on a shared machine.
export OMP_WAIT_POLICY := PASSIVE
# Where a machine forbids it, each of the tests' hundreds of processes would compile the project anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo test spark check format lock clean

help:  ## List the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

demo: $(VENV)/.ready  ## Simulate a county, train, promote, score it and open the service (ARGS=--check: do it and exit)
	$(BIN)/python -m deploy.demo $(ARGS)

test: $(VENV)/.ready-test  ## Set up, check and run every test in two processes (WORKERS=1: in one)
	$(BIN)/python deploy/prepare.py browser
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

spark: $(VENV)/.ready-test  ## Install pyspark (456 MB) and Java 17 where they can be had, and run the tests of the Spark engine
	$(PYTHON) deploy/prepare.py java
	$(PYTHON) deploy/prepare.py spark
	$(BIN)/python -m pytest tests/features/spark tests/serving/spark $(ARGS)

check: $(VENV)/.ready-test  ## Lint, types and import arrows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --num-workers $(WORKERS)
	$(BIN)/lint-imports

format: $(VENV)/.ready-test  ## Let ruff mend what it can
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

lock: $(VENV)/.ready  ## Resolve the locked requirements anew
	$(BIN)/python deploy/prepare.py lock

clean:  ## Remove the environment and the demo's files
	rm -rf $(VENV) demo

$(VENV)/.ready: requirements.lock pyproject.toml deploy/prepare.py
	$(PYTHON) deploy/prepare.py environment requirements.lock
	@touch $@

$(VENV)/.ready-test: requirements-test.lock pyproject.toml deploy/prepare.py
	$(PYTHON) deploy/prepare.py environment requirements-test.lock
	@touch $@ $(VENV)/.ready
