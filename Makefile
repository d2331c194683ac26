# The commands of the repository. Longer recipes live in scripts/.

.DEFAULT_GOAL := help
BIN := .venv/bin

.PHONY: help
help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv and install what the machine lacks (seconds when nothing is missing)
	@scripts/setup.sh

.PHONY: demo
demo: setup ## Watch a real migration succeed and fail (KEEP=1 leaves it running, ALL=1 shows every fault)
	@$(BIN)/python -m demo $(if $(KEEP),--keep) $(if $(ALL),--all)

.PHONY: check
check: lint ## Daily loop: lint, and the unit and bundle tests that start no server (under a minute)
	@scripts/setup.sh test
	@$(BIN)/pytest tests/unit tests/bundle --no-servers -m "not slow" --numprocesses 2 $(ARGS)

.PHONY: test
test: ## Run all tests against real servers, two files at a time (ARGS="-k lock" selects)
	@scripts/setup.sh bench test servers browser maven
	@$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

.PHONY: pictures
pictures: ## Draw the pictures of docs/pictures: dashboards, status page, terminal, phone (five minutes)
	@scripts/setup.sh browser
	@$(BIN)/python -m demo.dashboards docs/pictures
	@$(BIN)/pytest tests/integration/status tests/bundle/test_incidents.py --pictures docs/pictures

.PHONY: test-platforms
test-platforms: ## Run every collector and the gate on PostgreSQL 14 to 18, primaries and standbys
	@scripts/setup.sh servers matrix
	@$(BIN)/pytest tests/integration/test_versions.py tests/integration/gate --every-major $(ARGS)

.PHONY: test-liquibase
test-liquibase: ## Play every scenario on Liquibase 4.20 to 5.0 (more than an hour; ARGS="-k tag" selects)
	@scripts/setup.sh test maven liquibase
	@$(BIN)/pytest tests/scenarios --every-liquibase --numprocesses 2 $(ARGS)

.PHONY: java
java: ## Build the reporter for embedded Liquibase, java/target/*.jar (needs Maven and a JDK; docs/embedded.md)
	@scripts/java.sh

.PHONY: drills
drills: setup ## Cause every fault and record which alerts fire (half an hour; docs/drills.md; ONLY="pool" selects)
	@$(BIN)/python -m demo.drills --markdown docs/drills.md $(if $(ONLY),--only "$(ONLY)" --quiet-seconds 0)

.PHONY: reliability
reliability: ## Cause every fault and measure the scrapes (docs/reliability.md)
	@scripts/setup.sh test
	@$(BIN)/pytest tests/integration/faults --reliability docs/reliability.md

.PHONY: fuzz
fuzz: setup ## Feed arbitrary requests, reports, changelogs, rows and configurations (MINUTES=1 each; ONLY="http")
	@$(BIN)/python -m tests.fuzz --minutes $(or $(MINUTES),1) $(if $(ONLY),--only $(ONLY))

.PHONY: soak
soak: setup ## Run load, migrations and random faults, then report (MINUTES=10 by default)
	@$(BIN)/python -m tests.soak --minutes $(or $(MINUTES),10) --reliability docs/reliability.md

.PHONY: bench
bench: ## Compare the exporter with postgres_exporter (two minutes; docs/benchmarks.md)
	@scripts/setup.sh bench
	@$(BIN)/python -m bench --markdown docs/benchmarks.md

.PHONY: bench-latency
bench-latency: setup ## Compare the latency histogram with the server's log (six minutes; docs/benchmarks.md)
	@$(BIN)/python -m bench.latency --markdown docs/benchmarks.md

.PHONY: bench-fleet
bench-fleet: ## Measure 100 targets of one process, and cost curves (four to ten minutes; docs/benchmarks.md)
	@scripts/setup.sh bench
	@$(BIN)/python -m bench.fleet --markdown docs/benchmarks.md

.PHONY: lint
lint: setup ## Check style, types, layers, spelling, scripts, the Dockerfile, workflows and alert rules
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy
	@out=$$($(BIN)/lint-imports) || { echo "$$out"; exit 1; }
	@$(BIN)/codespell
	@$(BIN)/shellcheck $$(git ls-files '*.sh' .ci/run)
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/zizmor --offline --quiet .github
	@scripts/actionlint.sh
	@promtool check rules --lint=all --lint-fatal alerts/*.yaml >/dev/null

.PHONY: fmt
fmt: setup ## Format the code and fix what the linter can fix
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

.PHONY: lock
lock: setup ## Write requirements/ again after a change of pyproject.toml (ARGS=--upgrade takes new versions)
	@scripts/lock.sh $(ARGS)

.PHONY: render
render: setup ## Render alerts, their unit tests, dashboards and deployment files from the default values, and the reference pages
	@$(BIN)/pg-migration-exporter render all --out .
	@$(BIN)/python -m pg_migration_exporter.bundle.rule_tests --out alerts/tests
	@$(BIN)/pg-migration-exporter collectors --markdown >docs/metrics.md
	@$(BIN)/pg-migration-exporter config reference >docs/configuration.md
	@$(BIN)/python -m pg_migration_exporter.reference.states_page docs/migration-states.md
	@$(BIN)/python -m pg_migration_exporter.status.schema >docs/status.schema.json
	@$(BIN)/python -m pg_migration_exporter.gate.schema >docs/gate.schema.json
	@$(BIN)/python -m pg_migration_exporter.reference.gate_page docs/gate.md
	@$(BIN)/python -m pg_migration_exporter.reference.report_obstacle \
		>java/src/main/resources/pgmigrationexporter/liquibase/obstacle.sql

.PHONY: mutations
mutations: setup ## Change each value of the rules a little: a unit test must fail (minutes)
	@$(BIN)/python -m tests.bundle.mutations

.PHONY: quiet-week
quiet-week: setup ## Play a week of an ordinary server: nobody may be notified of anything (minutes)
	@$(BIN)/python -m tests.bundle.quiet_week
