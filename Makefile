# Recipes of one line; CI runs the same ones. Set-up happens by itself, once for each state of the
# lock and the project files. `make` alone lists the targets.

BIN := .venv/bin
READY := .venv/.ready
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(firstword $(foreach name,python3 python3.14 python3.13 python3.12 python3.11 python,\
	$(shell $(name) -c '$(RECENT)' >/dev/null 2>&1 && echo $(name))) python3)

.DEFAULT_GOAL := help
.PHONY: help demo test lint types docs labs corpus bench soak wheels fix lock changelog clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

demo: $(READY) ## boot the machine, build the course, grade a sample class, show the table
	$(BIN)/ksim course demo

test: $(READY) ## run all tests
	$(BIN)/pytest -n 2 --dist loadgroup

lint: $(READY) ## style, spelling, lab texts
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/codespell && $(BIN)/python -m kernel_sim_grader.lab_text labs/*/lab.md labs/explore/*/lab.md

types: $(READY) ## strict types of all packages
	$(BIN)/mypy

docs: $(READY) ## write the pages of the documentation that are generated
	$(BIN)/python docs/generate_cli.py && $(BIN)/python docs/generate_requirements.py && $(BIN)/python docs/generate_swap.py && $(BIN)/python docs/generate_coverage.py && $(BIN)/python docs/generate_heaps.py

labs: $(READY) ## build the notebooks of all labs into build/course, and course.json
	$(BIN)/ksim course build

corpus: $(READY) ## plugins whose grade is known, right and wrong, against all checks
	$(BIN)/python -m kernel_sim_grader.corpus --seeds 20 lab1 lab2 lab3 lab4 lab5

bench: $(READY) ## how fast machine and grading are, beside their peers
	$(BIN)/python tests/bench/memory.py && $(BIN)/python tests/bench/grading.py

soak: $(READY) ## 1,000 submissions in one run, 50 kills at random moments, the corpus in every way of grading; hours
	$(BIN)/python tests/soak/many.py 1000 && $(BIN)/python tests/soak/kills.py 26 && $(BIN)/python tests/soak/kills_elsewhere.py dask 12 && $(BIN)/python tests/soak/kills_elsewhere.py postgres 12 && $(BIN)/python tests/soak/agreement.py

wheels: $(READY) ## build both wheels into dist
	$(BIN)/python -m hatchling build -t wheel -d dist && cd grader && ../$(BIN)/python -m hatchling build -t wheel -d ../dist

fix: $(READY) ## mend what lint can mend by itself
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format . && $(BIN)/python -m kernel_sim_grader.lab_text --fix labs/*/lab.md labs/explore/*/lab.md

lock: $(READY) ## resolve the lock again
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-package kernel-sim --all-extras --group dev --custom-compile-command "make lock" --output-file requirements-dev.txt pyproject.toml grader/pyproject.toml

changelog: $(READY) ## show the news of the next release
	$(BIN)/towncrier build --draft --version next

clean: ## delete what was built; .venv stays
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): requirements-dev.txt pyproject.toml grader/pyproject.toml .ci/set_up.py
	$(PYTHON) .ci/set_up.py
