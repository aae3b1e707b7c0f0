# make app    the app on http://127.0.0.1:7860    (make app ARGS="--port 8000")
# make test   the whole test suite, browser tests included
# make lint   ruff: check and formatting
PYTHON ?= python3
BIN := .venv/bin

.PHONY: app test lint clean

app: .venv/.app
	$(BIN)/python app.py $(ARGS)

test: .venv/.dev
	@# A Chromium that is here already serves; else Playwright brings its own.
	@test -n "$$FKD_CHROMIUM" || command -v chromium || command -v chromium-browser || command -v google-chrome \
		|| $(BIN)/python -m playwright install chromium
	@# Two at a time: much of a browser test is waiting. A file stays with one of them, and so does the app that it shares.
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf .venv

.venv/.app: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
		|| { echo 'fkd needs Python 3.10 or newer: make PYTHON=/path/to/python3.12'; exit 1; }
	@# A first run without Debian's python3-venv leaves a .venv without pip; --clear begins anew.
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

.venv/.dev: .venv/.app requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
