# What CI runs.
check: lint types layers test

lint:
    ruff check .
    ruff format --check .

types:
    mypy

layers:
    lint-imports

# One worker more than there are cores, as tests wait for processes that they start; each takes tests that lie together.
test *arguments:
    python -m pytest -n $(( {{ num_cpus() }} + 1 )) --dist worksteal {{ arguments }}

# Many more mutations, kills and faults than CI has time for.
long *arguments:
    python -m pytest --long tests/fuzz tests/hostile tests/faults tests/trust {{ arguments }}

# All benchmarks into a folder; about two hours, with nothing else running.
benchmarks folder *arguments:
    python benchmarks/everything.py {{ folder }} {{ arguments }}

# Mends what can be mended by itself.
mend:
    ruff check --fix .
    ruff format .
