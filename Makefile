# Two commands do everything on a fresh machine with Python 3.11 or newer: `make run` and `make test`.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := bootloader interface partitions platform spm tools
TEST_ROOMS := $(ROOMS) bench fuzz system
STAMP := $(VENV)/installed
# COSE libraries to cross-check ours with, in an environment of their own: they want an older cbor2.
PEERS := $(VENV)/peers
PEER_PINS := tests/support/peers/requirements.txt
# mypy finds the repository root under the package's name through this link.
TYPECHECK := $(VENV)/typecheck

.PHONY: run test lint bench fuzz docs clean

run: $(STAMP)
	$(BIN)/tfm-sim run

test: lint $(PEERS)/installed
	$(BIN)/pytest --ignore tests/bench

bench: $(STAMP)
	$(BIN)/pytest tests/bench -s --benchmark-columns=min,median,ops,rounds --benchmark-sort=name

# Coverage-guided, not a part of `make test`; FUZZ is for libFuzzer, e.g. FUZZ=-max_total_time=3600.
FUZZ ?= -max_total_time=300
fuzz: $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]'
	mkdir -p $(VENV)/fuzz
	$(BIN)/python tests/fuzz/fuzz_boot.py $(VENV)/fuzz -artifact_prefix=$(VENV)/ -max_len=2048 $(FUZZ)

# Draws the state tables and the index of rules; tests check that what is committed is what it writes.
docs: $(STAMP)
	$(BIN)/python -m tfm_sim.tools.state_diagrams docs/states.md
	$(BIN)/python -m tfm_sim.tools.rule_index docs/rules.md
	$(BIN)/python -m tfm_sim.tools.trailer_page docs/trailers.md
	$(BIN)/python -m tfm_sim.tools.profile_page docs/profiles.md
	$(BIN)/python -m tfm_sim.tools.crypto_page docs/crypto.md
	$(BIN)/python -m tfm_sim.tools.attacks_page docs/attacks.md

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=$(TYPECHECK):$(TYPECHECK)/tfm_sim/tests $(BIN)/mypy \
	    -m tfm_sim -m tfm_sim.firmware_build -m tfm_sim.firmware_checks -m tfm_sim.firmware_profiles -m tfm_sim.device $(addprefix -p tfm_sim.,$(ROOMS)) \
	    -m tfm_sim.tests.test_house $(addprefix -p tfm_sim.tests.,$(TEST_ROOMS))

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test]'
	mkdir -p $(TYPECHECK) && ln -sfn ../.. $(TYPECHECK)/tfm_sim
	touch $@

$(PEERS)/installed: $(PEER_PINS) | $(STAMP)
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $(PEER_PINS)
	touch $@

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .hypothesis .benchmarks
