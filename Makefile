PYTHON ?= python3
BIN := .venv/bin
LOCK := --generate-hashes --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header

.PHONY: demo demo-pr dev test check lock bench bench-short bench-peers bench-targets bench-growth bench-history bench-front clients mutate kill strangers conform mutations emulate golden clean

demo: $(BIN)/.installed  ## Build the example as a production run, and say where to look
	$(BIN)/deploy-project demo

demo-pr: $(BIN)/.installed  ## Open a pull request of the example, check it, merge it, clean up
	$(BIN)/deploy-project demo-pr

dev: $(BIN)/.installed  ## Start Dagster with its UI, and the docs: make dev PORT=3010 DOCS_PORT=3011
	@exec $(BIN)/deploy-project dev $(PORT:%=--port %) $(DOCS_PORT:%=--docs-port %)

test: $(BIN)/.installed-dev  ## Run the whole test suite, four files at a time
	$(BIN)/pytest -n 4 --dist loadgroup --no-loadscope-reorder

check: $(BIN)/.installed-dev  ## Style, types, import direction, definitions
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/dagster definitions validate

lock:  ## Pin every version again
	$(BIN)/uv pip compile -q pyproject.toml --group dev --all-extras $(LOCK) -o requirements-dev.lock
	$(BIN)/uv pip compile -q pyproject.toml -c requirements-dev.lock $(LOCK) -o requirements.lock
	$(BIN)/uv pip compile -q pyproject.toml -c requirements-dev.lock --all-extras $(LOCK) -o docs/deploy/requirements.lock
	for each in bench/peers/*/requirements.in; do \
		$(BIN)/uv pip compile -q $$each $(filter-out --generate-hashes,$(LOCK)) -o $${each%.in}.txt; \
	done

bench: $(BIN)/.installed-dev  ## Compare with bare dbt in the same session; takes half an hour
	$(BIN)/python -m bench.bench --write

bench-short: $(BIN)/.installed-dev  ## The same with 10 and 200 models, in a minute or two
	$(BIN)/python -m bench.bench --sizes 10,200 --runs 2

bench-peers: $(BIN)/.installed-dev  ## Compare with dagster-dbt, prefect-dbt and Cosmos, each in its own environment
	$(BIN)/python -m bench.peers

bench-targets: $(BIN)/.installed-dev  ## Measure what is promised of large deployments; takes ten minutes
	$(BIN)/python -m bench.targets

bench-history: $(BIN)/.installed-dev  ## Measure reads of ten thousand runs, on SQLite and on Postgres; takes three minutes
	$(BIN)/python -m bench.history --write

bench-front: $(BIN)/.installed-dev  ## Measure the front over ten thousand runs, on SQLite and on Postgres; takes seven minutes
	$(BIN)/python -m bench.front --write

bench-growth: $(BIN)/.installed-dev  ## Measure what grows with models and jobs
	$(BIN)/python -m bench.growth

mutate: $(BIN)/.installed-dev  ## Change the decisions line by line, and count what no test notices; takes two minutes
	rm -rf mutants
	$(BIN)/mutmut run
	$(BIN)/mutmut results --all true | sed -E 's/\.x[^.]*:/:/' | sort | uniq -c

kill: $(BIN)/.installed-dev  ## Kill every process in every phase of a run; takes half an hour
	$(BIN)/pytest tests/e2e/test_kills.py --kills all -v -s

clients: $(BIN)/.installed-dev  ## Run released clients of dbt Cloud, each in its own environment, against a front
	$(BIN)/python -m tests.clients --write

strangers: $(BIN)/.installed-dev  ## Run each hostile pull request as a whole run
	$(BIN)/pytest -n 0 tests/strangers --strangers all -v

conform: $(BIN)/.installed-dev  ## Check answers of the API against dbt Cloud's own document: make conform SPEC=openapi-v2.yaml
	$(BIN)/python -m tests.support.api.conform $(SPEC)

mutations: $(BIN)/.installed-dev  ## Try 2,000 mutations of a configuration: make mutations SEED=7
	$(BIN)/python -W ignore -m tests.support.malformed.mutated --seed $(or $(SEED),1)

emulate: $(BIN)/.installed-dev  ## Try the GitHub client on a stateful stand-in for GitHub; needs npm
	mkdir -p .deploy/emulate
	npm install --no-audit --no-fund --prefix .deploy/emulate node@22 emulate@0.12.2
	EMULATE=.deploy/emulate $(BIN)/pytest tests/git/hosts/test_emulate.py -v

golden: $(BIN)/.installed-dev  ## Rewrite the golden files; review reads the diff
	$(BIN)/pytest -m "not slow and not e2e" --update-golden

clean:  ## Remove the virtual environment and all state
	rm -rf .venv .deploy .clients mutants

$(BIN)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing into .venv, which takes a minute or two the first time"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

$(BIN)/.installed-dev: $(BIN)/.installed requirements-dev.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.lock
	touch $@
