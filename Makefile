# Python 3.11 and make are all that has to be there. VENV and PYTHON can be given: make test VENV=/elsewhere

VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test lint clean

demo: $(INSTALLED)
	$(BIN)/vividlib demo -o out

test: $(INSTALLED)
	$(BIN)/python -m pytest -q

lint: $(INSTALLED)
	$(BIN)/ruff check .

# The checkout itself is installed (editable), so only these files make the environment out of date.
$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[demo,test]"
	@touch $@

clean:
	rm -rf out build dist *.egg-info .hypothesis .pytest_cache .ruff_cache
