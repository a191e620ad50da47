# What each recipe does: just --list

# What CI runs: linters, types, layers and all tests
check: lint types layers test

# Style and form of the code
lint:
    ruff check .
    ruff format --check .

# Types, strictly
types:
    mypy

# Imports point down only
layers:
    lint-imports

# One worker more than there are cores, as tests wait for processes that they start; each takes tests that lie together.
# Each uses one core, and no process compiles again what another has compiled, whatever the shell says.

# All tests, on every core; further arguments go to pytest
test *arguments:
    OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= \
        python -m pytest -n $(( {{ num_cpus() }} + 1 )) --dist worksteal {{ arguments }}

# Many more mutations, kills and faults than CI has time for
long *arguments:
    python -m pytest --long tests/fuzz tests/hostile tests/faults tests/trust {{ arguments }}

# All benchmarks into a folder; half an hour to two hours, with nothing else running
benchmarks folder *arguments:
    python benchmarks/everything.py {{ folder }} {{ arguments }}

# Old dependencies warn of what their newer companions have given up, so warnings are errors with the newest alone.

# Tests in a fresh environment: just matrix PYTHON [highest or lowest-direct] [EXTRA or none] [PYTEST'S ARGUMENTS]
matrix python="3.12" resolution="highest" extra="test" *arguments="tests":
    RAY_ENABLE_UV_RUN_RUNTIME_ENV=0 uv run --isolated --no-project --python {{ python }} --resolution {{ resolution }} \
        --with-editable '.[{{ if extra == "none" { "" } else { extra + "," } }}test-tools]' \
        python -m pytest {{ if resolution == "highest" { "" } else { "-W default" } }} {{ arguments }}

# The documentation site, in build/site
docs:
    mkdocs build --strict

# Source package and wheel, in dist/
build:
    uv build

# Without other packages' pytest plugins, which take longer to import than most tests run.

# Breaks the checks in thousands of small ways, and shows which breaks no test sees (docs/mutation.md)
mutants *names:
    PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 OMP_NUM_THREADS=1 mutmut run {{ names }}
    mutmut results

# It needs pip install -e '.[test,fuzz]'.

# Coverage-guided fuzzing of one kind of file: just fuzz lmdb 50000
fuzz kind="policy" runs="20000":
    python tests/fuzz/atheris_files.py {{ kind }} {{ runs }}

# Mends what can be mended by itself
mend:
    ruff check --fix .
    ruff format .
