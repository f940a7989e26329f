# Every target works on a fresh machine with Python 3.11 or later: the environment is made first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What runs is installed first; what tests and benchmarks need comes on top.
RUNTIME := $(VENV)/.runtime
STAMP := $(VENV)/.installed
# What is started here starts many processes: where no bytecode may be kept, each compiles all anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test laws lint types bench fidelity chaos up clean docs web infra templates image postgres

INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt

# What loops are compiled with comes first: they are compiled on one core while the rest comes.
LOOPS := dataframely highspy numba polars pyarrow

# Bytecode is made of what is used, when it is: of all of it takes half as long again as to install.
$(RUNTIME): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --no-compile $(LOOPS)
	$(BIN)/python -m margin_assets.machine_code.ahead & \
	  $(INSTALL) --no-compile --editable . && wait
	touch $@

$(STAMP): $(RUNTIME)
	$(INSTALL) --editable ".[dev]"
	$(BIN)/python -m compileall -q $(VENV)/lib >/dev/null || true
	touch $@

demo: $(RUNTIME) ## the main job on real prices of early 2020, ends with a summary
	$(BIN)/margin demo

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(STAMP)
	$(BIN)/mypy

definitions: $(STAMP)
	env -i PATH="$(PATH)" HOME="$(HOME)" $(BIN)/dagster definitions validate -w workspace.yaml

# The pages are tested in a browser; where none is, the distribution's is installed.
BROWSER := $(VENV)/.browser

$(BROWSER): $(RUNTIME)
	command -v chromium || command -v chromium-browser || command -v google-chrome || \
	  (apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q chromium)
	touch $@

test: lint types definitions $(BROWSER) ## everything CI runs
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder --durations=10

fidelity: $(STAMP) ## published examples, then a table; needs MARGIN_ACCEPTANCE=<folder>
	$(BIN)/pytest tests/fidelity -q -rfE

chaos: $(STAMP) ## kills, rivals, full disks: TRIALS=2000, SEED=1
	$(BIN)/python -m tests.campaigns.chaos --trials $(or $(TRIALS),200) --seed $(or $(SEED),1)

laws: $(STAMP) ## the laws with a thousand examples each
	$(BIN)/pytest -n 2 -m hypothesis --hypothesis-profile=long

bench: $(STAMP) ## JSON, then a table
	$(BIN)/python -m benchmarks

web: ## the page's bundle, from margin_assets/dashboard/web; needs Node
	cd margin_assets/dashboard/web && npm ci --ignore-scripts --no-audit --no-fund && node build.mjs

docs: $(STAMP) ## the data dictionary, from schemas/
	$(BIN)/python -m schemas.dictionary > docs/data-dictionary.md
	$(BIN)/python -m schemas.avalanche.guide > docs/avalanche-book-columns.md

# CDK and the scanners live apart from the product: they pin older clients of AWS.
INFRA := .venv-infra
SIMULATOR := $(INFRA)/node
EMULATOR := .venv-infra/emulator
NODE := command -v node >/dev/null && command -v npm >/dev/null || { \
  echo "this needs Node 20 or later with npm, for CDK and the simulator of IAM;"; \
  echo "what needs only Python is in make test: pytest tests/infra"; exit 1; }

$(INFRA)/.installed: pyproject.toml
	@$(NODE)
	$(PYTHON) -m venv $(INFRA)
	$(INFRA)/bin/pip install --quiet --upgrade "pip>=25.1"
	$(INFRA)/bin/pip install --quiet --group infra
	$(PYTHON) -m venv $(EMULATOR)
	$(EMULATOR)/bin/pip install --quiet --upgrade "pip>=25.1"
	$(EMULATOR)/bin/pip install --quiet --group emulator
	npm install --silent --ignore-scripts --no-save --prefix $(SIMULATOR) @cloud-copilot/iam-simulate@0.1.173
	touch $@

infra: $(INFRA)/.installed ## templates, scanners, faults, IAM, the files of image and composition; needs Node
	$(INFRA)/bin/hadolint infra/Containerfile
	$(INFRA)/bin/check-jsonschema --builtin-schema vendor.compose-spec infra/compose.yaml
	$(EMULATOR)/bin/python -m pytest -c infra/proofs/pytest.ini -q infra/proofs/test_emulator.py
	MARGIN_IAM_SIMULATE=$(SIMULATOR) $(INFRA)/bin/python -m pytest -c infra/proofs/pytest.ini -q \
	  infra/proofs --ignore infra/proofs/test_emulator.py

templates: $(INFRA)/.installed ## the templates of infra/templates, from infra/stacks; needs Node
	$(INFRA)/bin/python -m infra.app

image: ## the container image without a daemon: BASE=localhost/base:bookworm; needs buildah
	buildah build --isolation chroot $(if $(BASE),--build-arg BASE=$(BASE)) $(if $(PIP_CONF),--secret id=pip$(COMMA)src=$(PIP_CONF)) \
	  --ignorefile .containerignore --file infra/Containerfile --tag localhost/margin:local .

COMMA := ,

postgres: $(STAMP) ## a live session while Dagster's Postgres is away; needs Debian's postgresql
	$(BIN)/python -m tests.campaigns.postgres_away

up: $(RUNTIME) ## Dagster UI, daemon, dashboard and the demo feed on loopback
	$(BIN)/python -m infra.up

clean:
	rm -rf $(VENV) demo .dagster_home
