# What CI runs.
check: lint types layers test

lint:
    ruff check .
    ruff format --check .

types:
    mypy

layers:
    lint-imports

test *arguments:
    python -m pytest -n auto {{ arguments }}

# Mends what can be mended by itself.
mend:
    ruff check --fix .
    ruff format .
