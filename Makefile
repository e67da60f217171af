# make demo and make test do all the set-up: they need git, make and Python 3.11 to 3.13 (with venv).
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 && echo $$p && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
PIP := $(RUN) -m pip --disable-pip-version-check install --quiet --no-deps
ARGS ?=
# Stages are short processes: without kept bytecode each of them would compile everything again.
unexport PYTHONDONTWRITEBYTECODE
# Nothing from outside gets into the environment.
unexport PYTHONPATH
unexport PYTHONHOME

.PHONY: help demo test lint bench generated locks clean

help:
	@echo "make demo    the life of a model: train, gate, serve, canary, roll back"
	@echo "make test    lint, types, layers and every test   (ARGS='-k gate' goes to pytest)"
	@echo "make bench   the figures of docs/benchmarks.md"
	@echo "make generated   renew what is generated and committed"
	@echo "make locks   renew requirements/*.txt"

demo: $(VENV)/demo.installed
	$(RUN) examples/demo.py build/demo

test: lint
	$(RUN) -m pytest -n 2 --dist loadgroup $(ARGS)

lint: $(VENV)/dev.installed
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check jenkins_ml tests benchmarks
	$(RUN) -m mypy
	$(VENV)/bin/lint-imports

bench: $(VENV)/dev.installed
	$(RUN) -m benchmarks

generated: $(VENV)/dev.installed
	$(RUN) -m jenkins_ml.config.schema docs
	for files in kubernetes prometheus grafana; do $(RUN) -m tests.golden.test_$${files}_files; done
	$(VENV)/bin/jenkins-ml jobs render -f tests/golden/jobs/jobs.yaml -o tests/golden/jobs/rendered
	for example in digits quickstart; do $(VENV)/bin/jenkins-ml -C examples/$$example generate; done

locks: $(VENV)/dev.installed
	$(RUN) requirements/lock.py

clean:
	rm -rf $(VENV) build

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 with venv and ensurepip is needed (Debian: apt-get install python3-venv); or name one: make PYTHON=/path/to/python"; exit 2; }
	$(PYTHON) -m venv $(VENV)

# The stamps come last, so that an interrupted installation is done again.
$(VENV)/demo.installed: requirements/demo.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing what the demo needs (once, about a minute)"
	$(PIP) --require-hashes -r requirements/demo.txt
	$(PIP) --no-build-isolation -e .
	@touch $@

$(VENV)/dev.installed: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "installing what the tests need (once, about a minute)"
	$(PIP) --require-hashes -r requirements/dev.txt
	$(PIP) --no-build-isolation -e .
	@touch $@
