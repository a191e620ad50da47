"""CI's own workflow runs what users have: each Python and each extra of pyproject.toml, without a secret."""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
WORKFLOW = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
JOBS: dict[str, Any] = yaml.load(WORKFLOW, yaml.BaseLoader)["jobs"]
MATRIX = JOBS["matrix"]["strategy"]["matrix"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DEVELOPERS = {"test", "test-tools", "dev", "fuzz", "mutation"}


def combinations() -> list[tuple[str, str, str]]:
    plain = [(one, *MATRIX["resolution"], *MATRIX["extra"]) for one in MATRIX["python"]]
    return plain + [(one["python"], one["resolution"], one["extra"]) for one in MATRIX["include"]]


def test_every_python_is_tried_with_everything() -> None:
    known = [found[1] for one in PROJECT["classifiers"] if (found := re.search(r":: (3\.\d+)$", one))]
    assert {python for python, _, extra in combinations() if extra == "test"} == set(known)
    assert PROJECT["requires-python"] == f">={known[0]}"
    assert (known[0], "lowest-direct", "test") in combinations()


def test_every_extra_is_tried_alone_and_once_none() -> None:
    extras = PROJECT["optional-dependencies"].keys() - DEVELOPERS
    alone = {extra for _, resolution, extra in combinations() if resolution == "highest"}
    assert alone == {*extras, "none", "test"}
    named = re.fullmatch(r"faceleak-check\[(.*)\]", *PROJECT["optional-dependencies"]["test"])
    assert named is not None
    assert set(named[1].split(",")) == extras - {"offline", "remote"} | {"test-tools"}  # demo brings offline


def test_it_may_read_and_nothing_else() -> None:
    assert yaml.load(WORKFLOW, yaml.BaseLoader)["permissions"] == {"contents": "read"}
    assert "secrets" not in WORKFLOW
    assert "pull_request_target" not in WORKFLOW
    checkouts = [step for job in JOBS.values() for step in job["steps"] if "checkout" in step.get("uses", "")]
    assert [step["with"] for step in checkouts] == [{"persist-credentials": "false"}] * len(JOBS)


@pytest.mark.parametrize(("python", "resolution", "extra"), combinations())
def test_each_job_is_a_recipe_that_runs_here_too(python: str, resolution: str, extra: str) -> None:
    just = shutil.which("just", path=sysconfig.get_path("scripts")) or shutil.which("just")
    if just is None:
        pytest.skip("needs just: pip install rust-just")
    shown = {"matrix.python": python, "matrix.resolution": resolution, "matrix.extra": extra}
    command = re.sub(
        r"\$\{\{ ([\w.]+) \}\}", lambda found: shown[found[1]], JOBS["matrix"]["steps"][-1]["run"]
    )
    named, *arguments = command.split()
    assert named == "just"
    ran = subprocess.run(
        [just, "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    words = " ".join(ran.stderr.replace("\\\n", " ").split())
    asked = "test-tools" if extra == "none" else f"{extra},test-tools"
    strict = "" if resolution == "highest" else "-W default "
    assert words == (
        f"RAY_ENABLE_UV_RUN_RUNTIME_ENV=0 uv run --isolated --no-project --python {python} "
        f"--resolution {resolution} --with-editable '.[{asked}]' "
        f"python -m pytest {strict}tests -n 4 --dist worksteal"
    )
