# The commands people type. `make` alone lists them. Everything is made inside this folder, in .venv and dist.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Side by side, because most tests wait; the browser's apart (its greenlets and event loop are in the way of other tests'
# in one process); then the lab, whose lines are only lines on a machine with nothing else to do.
TESTS  := $(BIN)/python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder --ignore tests/lab --ignore tests/browser \
  && $(BIN)/python -m pytest --numprocesses 2 --dist loadfile tests/browser && $(BIN)/python -m pytest tests/lab
RUNS   := $(VENV)/.installed-to-run
CHECKS := $(VENV)/.installed-to-check

.DEFAULT_GOAL := help
.PHONY: help demo test check bench wheel deb rpm single debian-roots booted constraints clean
# A recipe that fails or is interrupted leaves no half-made file behind.
.DELETE_ON_ERROR:

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(RUNS)  ## measure this computer for real and show it ranked; Ctrl-C ends it
	@# In front on a terminal the demo gets a process group of its own: Ctrl-C then ends the demo, and not make over its head.
	@case "$$(ps -o stat= -p $$$$ 2>/dev/null)" in *+*) set -m ;; esac; $(BIN)/netready-collector demo; exit $$?

test: $(CHECKS)  ## run the tests
	@$(TESTS)

check: $(CHECKS)  ## format, lint, types, floors and the same tests: what a change has to pass
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(TESTS)

bench: $(CHECKS)  ## print the measured budgets of memory, time and data
	@exec $(BIN)/python tests/benchmarks/run.py

wheel: $(CHECKS)  ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation --outdir dist

deb:  ## build the agent's Debian package into dist/, for the Debian that this runs on
	packaging/linux/build-deb dist

rpm:  ## build the agent's .rpm into dist/; FOR_PYTHON=3.13 names the Python of the system it is for
	packaging/linux/build-rpm dist

single:  ## build the agent as one program file for Linux into dist/
	packaging/single/build dist

debian-roots: $(CHECKS)  ## the Debian package in clean Debian 12 and 13 roots, as root; some minutes
	tests/packaging/debian_roots.sh

booted: $(CHECKS) deb  ## the Debian package in a container with a booted systemd, as root; some minutes
	tests/packaging/booted.sh dist/netready-agent_*.deb

constraints:  ## write constraints.txt anew from what is newest today
	rm -rf build/newest && $(PYTHON) -m venv build/newest
	build/newest/bin/pip install --quiet '.[collector,dev]'
	{ sed -n '/^#/p' constraints.txt; build/newest/bin/pip freeze --exclude netready; \
	  sed -n '/sys_platform/p' constraints.txt; } > build/constraints.txt
	mv build/constraints.txt constraints.txt

clean:  ## remove what these commands made
	rm -rf $(VENV) dist build

# One environment for both; the stamps say for what it is complete. A changed declaration installs again.
$(VENV)/pyvenv.cfg:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "netready needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | tail -n 1)." >&2; \
	  echo "Install a newer one, or name it: make $(or $(MAKECMDGOALS),demo) PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
	  echo "'$(PYTHON)' cannot make an environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }

$(RUNS): $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	@echo "Installing netready into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable '.[collector]'
	@touch $@

$(CHECKS): $(VENV)/pyvenv.cfg pyproject.toml constraints.txt
	@echo "Installing netready and its checks into $(VENV) ..."
	@$(PIP) install --constraint constraints.txt --editable '.[collector,dev]'
	@touch $@ $(RUNS)
