"""Which policies a run collects."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from gate_project import NOTE_OF_PASSED, Project, errors, failure, summary

from faceleak_check.policy.presets import builtin_names, builtin_path

BUILTINS = ", ".join(builtin_names())
ADVICE = f"name a .yaml file, a folder of policies, or builtin:NAME with one of: {BUILTINS}"


def test_the_option_repeats_and_keeps_the_users_order(project: Project) -> None:
    for name in ("b.yaml", "a.yaml", "c.yaml"):
        project.policy(name)
    result = project.run(
        "--faceleak-policy", "b.yaml", "--faceleak-policy", "c.yaml", "--faceleak-policy", "a.yaml"
    )
    result.assert_outcomes(passed=3)
    assert "faceleak policies: b.yaml, c.yaml, a.yaml" in result.outlines
    assert [policy["file"] for policy in project.evidence()["policies"]] == ["b.yaml", "c.yaml", "a.yaml"]
    assert [line for line in result.outlines if line.endswith("%]")] == [
        "b.yaml .                                                                 [ 33%]",
        "c.yaml .                                                                 [ 66%]",
        "a.yaml .                                                                 [100%]",
    ]


def test_a_policy_asked_for_twice_is_run_once(project: Project) -> None:
    project.policy()
    arguments = ("release.yaml", "./release.yaml", str(project.path / "release.yaml"), ".")
    result = project.run(*(f"--faceleak-policy={argument}" for argument in arguments))
    result.assert_outcomes(passed=1)


def test_a_folder_means_all_policies_under_it(project: Project) -> None:
    project.policy("policies/b.yaml")
    project.policy("policies/deep/er/a.yml")
    project.policy("policies/.hidden/no.yaml")
    project.write("policies/b.waivers.yaml", "version: 1\nwaivers: []\n")
    project.write("policies/notes.txt", "no policy")
    assert project.collected("--faceleak-policy", "policies") == [
        "policies/b.yaml::leak_count[generated-vs-training]",
        "policies/deep/er/a.yml::leak_count[generated-vs-training]",
    ]


def test_a_policy_that_ships_in_the_package(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENERATED", "generated")
    monkeypatch.setenv("TRAINING", "training")
    assert project.collected("--faceleak-policy", "builtin:quickstart") == [
        "builtin:quickstart::leak_count[generated-vs-training]",
        "builtin:quickstart::top_k_similarity[generated-vs-training]",
    ]


def test_the_node_id_of_a_builtin_policy_is_the_same_on_every_machine(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the package is installed below the root folder, as in a virtual environment there."""
    monkeypatch.setenv("GENERATED", "generated")
    monkeypatch.setenv("TRAINING", "training")
    root = builtin_path("quickstart").parent
    assert project.collected(
        f"--rootdir={root}", "-pno:cacheprovider", "--faceleak-policy=builtin:quickstart"
    ) == [
        "builtin:quickstart::leak_count[generated-vs-training]",
        "builtin:quickstart::top_k_similarity[generated-vs-training]",
    ]


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        (
            "relase.yaml",
            (
                "ERROR: there is no policy file or folder 'relase.yaml' (did you mean 'release.yaml'?), "
                f"looked for in 'PROJECT'; {ADVICE}"
            ),
        ),
        (
            "away/release.yaml",
            (
                "ERROR: there is no policy file or folder 'away/release.yaml', looked for in 'PROJECT/away'; "
                f"{ADVICE}"
            ),
        ),
        (
            "builtin:quickstrat",
            (
                "ERROR: unknown policy 'builtin:quickstrat' (did you mean 'quickstart'?); "
                f"there are: {BUILTINS}"
            ),
        ),
        (
            "empty",
            "ERROR: the folder 'empty' holds no policy: no file in it ends in .yaml or .yml",
        ),
        (
            "",
            "ERROR: a policy argument is empty; name a .yaml file, a folder or builtin:NAME",
        ),
    ],
)
def test_a_policy_that_is_not_there(project: Project, argument: str, expected: str) -> None:
    project.policy()
    (project.path / "empty").mkdir()
    result = project.run("--faceleak-policy", argument, "--faceleak-policy", "release.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.shown(errors(result)) == expected
    assert result.outlines == []
    assert not (project.path / "faceleak-evidence").exists()


def test_without_a_test_path_only_policies_are_run(project: Project) -> None:
    project.policy()
    project.write("test_own.py", "def test_own(): pass\n")
    assert project.collected("--faceleak-policy", "release.yaml") == [
        "release.yaml::leak_count[generated-vs-training]"
    ]


def test_testpaths_are_no_test_path_on_the_command_line(project: Project) -> None:
    project.policy()
    project.write("tests/test_own.py", "def test_own(): pass\n")
    project.write("pytest.ini", "[pytest]\ntestpaths = tests\n")
    assert project.collected("--faceleak-policy", "release.yaml") == [
        "release.yaml::leak_count[generated-vs-training]"
    ]


def test_with_a_test_path_both_are_run(project: Project) -> None:
    project.policy()
    project.write("tests/test_own.py", "def test_own(): pass\n")
    assert project.collected("tests", "--faceleak-policy", "release.yaml") == [
        "tests/test_own.py::test_own",
        "release.yaml::leak_count[generated-vs-training]",
    ]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("pytest.ini", "[pytest]\nfaceleak_policies =\n    policies/a.yaml\n    policies/b.yaml\n"),
        (
            "pyproject.toml",
            '[tool.pytest.ini_options]\nfaceleak_policies = ["policies/a.yaml", "policies/b.yaml"]\n',
        ),
    ],
)
@pytest.mark.parametrize(
    "arguments", [(), (".",), ("policies", "test_own.py"), ("--faceleak-policy=policies", ".")]
)
def test_the_ini_setting_adds_policies_and_collects_each_once(
    project: Project, file: str, text: str, arguments: tuple[str, ...]
) -> None:
    project.policy("policies/a.yaml")
    project.policy("policies/b.yaml")
    project.write("test_own.py", "def test_own(): pass\n")
    project.write(file, text)
    assert project.collected(*arguments) == [
        "test_own.py::test_own",
        "policies/a.yaml::leak_count[generated-vs-training]",
        "policies/b.yaml::leak_count[generated-vs-training]",
    ]


def test_a_folder_of_policies_alone_collects_no_other_test(project: Project) -> None:
    project.policy("policies/a.yaml")
    project.write("test_own.py", "def test_own(): pass\n")
    project.write("pytest.ini", "[pytest]\nfaceleak_policies = policies\n")
    assert project.collected("policies/") == ["policies/a.yaml::leak_count[generated-vs-training]"]


def test_the_ini_setting_starts_at_its_own_file(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.policy("policies/a.yaml")
    project.write("pytest.ini", "[pytest]\nfaceleak_policies = policies\n")
    project.write("deep/test_own.py", "def test_own(): pass\n")
    monkeypatch.chdir(project.path / "deep")
    assert project.collected() == [
        "deep/test_own.py::test_own",
        "policies/a.yaml::leak_count[generated-vs-training]",
    ]


def test_an_ini_policy_that_is_not_there_stops_the_run(project: Project) -> None:
    project.write("test_own.py", "def test_own(): pass\n")
    project.write("pytest.ini", "[pytest]\nfaceleak_policies = gone.yaml\n")
    result = project.run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert project.shown(errors(result)) == (
        f"ERROR: there is no policy file or folder 'gone.yaml', looked for in 'PROJECT'; {ADVICE}"
    )


@pytest.mark.parametrize("folder", [".gate", "build", "venv", "node_modules"])
def test_policies_in_folders_that_pytest_passes_over(project: Project, folder: str) -> None:
    project.policy(f"{folder}/a.yaml")
    project.write(f"{folder}/test_not_ours.py", "raise RuntimeError\n")
    (project.path / folder / "pyvenv.cfg").touch()
    project.write("test_own.py", "def test_own(): pass\n")
    project.write("pytest.ini", f"[pytest]\nfaceleak_policies = {folder}/a.yaml\n")
    assert project.collected() == [
        "test_own.py::test_own",
        f"{folder}/a.yaml::leak_count[generated-vs-training]",
    ]


def test_other_yaml_is_never_collected(project: Project) -> None:
    project.policy()
    project.policy("policies/other.yaml")
    project.write("compose.yaml", "services: {}\n")
    project.write("broken.yaml", "{{{\n")
    project.write("test_own.py", "def test_own(): pass\n")
    assert project.collected(".", "--faceleak-policy", "release.yaml") == [
        "test_own.py::test_own",
        "release.yaml::leak_count[generated-vs-training]",
    ]
    assert project.collected() == ["test_own.py::test_own"]


def test_collect_only_touches_no_data_and_leaves_no_evidence(project: Project) -> None:
    project.policy("release.yaml", "leak_count")
    shutil.rmtree(project.path / "generated")
    project.write("faceleak-evidence/evidence.json", "of an earlier run")
    result = project.gate("--collect-only")
    assert result.ret == pytest.ExitCode.OK
    assert result.outlines[-5:-3] == [
        "<PolicyFile release.yaml>",
        "  <PolicyItem leak_count[generated-vs-training]>",
    ]
    assert [path.name for path in (project.path / "faceleak-evidence").iterdir()] == ["evidence.json"]
    assert not Path(os.environ["FACELEAK_STORE"]).exists()


def test_policies_outside_the_root_folder(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.policy("outside/release.yaml")
    shutil.move(project.path / "generated", project.path / "outside")
    shutil.move(project.path / "training", project.path / "outside")
    project.write("inside/pytest.ini", "[pytest]\n")
    monkeypatch.chdir(project.path / "inside")
    result = project.run("--faceleak-policy=../outside/release.yaml", "-v", "--junitxml=out.xml")
    result.assert_outcomes(passed=1)
    assert (
        "../outside/release.yaml::leak_count[generated-vs-training] PASSED        [100%]" in result.outlines
    )
    (case,) = project.junit("inside/out.xml").iter("testcase")
    assert case.get("classname") == "...outside.release.yaml"


def test_two_policies_that_the_user_calls_the_same(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder below, ``release.yaml`` of the option and of the ini file are two files."""
    project.leak()
    project.policy("release.yaml")
    project.write("pytest.ini", "[pytest]\nfaceleak_policies = release.yaml\n")
    project.policy("deep/release.yaml", "leak_count: threshold: {cosine: 0.9}, at_most: 3")
    shutil.copytree(project.path / "generated", project.path / "deep" / "generated")
    shutil.copytree(project.path / "training", project.path / "deep" / "training")
    monkeypatch.chdir(project.path / "deep")
    result = project.run("--faceleak-policy", "release.yaml")
    result.assert_outcomes(passed=1, failed=1)
    assert project.shown(summary(result.stdout.str())) == (
        "PROJECT/deep/release.yaml\n"
        "  outcome      case                               value  limit\n"
        "  PASS         leak_count[generated-vs-training]      1  <= 3\n"
        f"{NOTE_OF_PASSED}\n"
        "PROJECT/release.yaml\n"
        "  outcome      case                               value  limit\n"
        "  LEAK         leak_count[generated-vs-training]      1  <= 0\n"
        "evidence: faceleak-evidence/evidence.json"
    )
    assert len(list((project.path / "deep/faceleak-evidence/pairs").iterdir())) == 2


def test_a_link_to_a_policy_stands_for_the_policy(project: Project) -> None:
    project.policy()
    (project.path / "links").mkdir()
    (project.path / "links" / "link.yaml").symlink_to("../release.yaml")
    project.run("--faceleak-policy", "links/link.yaml").assert_outcomes(passed=1)
    project.run("--faceleak-policy", "links/link.yaml", "--faceleak-policy", ".").assert_outcomes(passed=1)


@pytest.mark.parametrize("name", ["with spaces", "Ünïcødé 漢字", "b[racket]", "q'u\"ote"])
def test_odd_names_of_folders(project: Project, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    root = project.path / name
    for folder in ("generated", "training"):
        shutil.copytree(project.path / folder, root / folder)
    project.policy(f"{name}/pol {name}/release.yaml")
    for folder in ("generated", "training"):
        shutil.move(root / folder, root / f"pol {name}")
    monkeypatch.chdir(root)
    result = project.run("--faceleak-policy", f"pol {name}", "--junitxml=out.xml", "--rootdir", str(root))
    result.assert_outcomes(passed=1)
    assert f"pol {name}/release.yaml (release)" in result.outlines
    assert [policy["file"] for policy in project.evidence(f"{name}/faceleak-evidence")["policies"]] == [
        f"pol {name}/release.yaml"
    ]


def test_without_a_policy_the_plugin_is_silent(project: Project) -> None:
    project.policy()
    project.write("test_own.py", "def test_own(): pass\n")
    result = project.run()
    result.assert_outcomes(passed=1)
    assert "faceleak-check" not in "\n".join(result.outlines[5:])
    assert not (project.path / "faceleak-evidence").exists()


TELLS = """\
import os
import pytest

def tell(when):
    where = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    with open("told.txt", "a") as file:
        file.write(f"{where} {when} {os.environ.get('FACELEAK_OFFLINE')}\\n")

def pytest_collection_finish():
    tell("collected")

@pytest.hookimpl(trylast=True)
def pytest_runtest_setup():
    tell("setup")
"""


def told(project: Project) -> set[str]:
    return set((project.path / "told.txt").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("before", [None, "", "yes"])
def test_offline_holds_for_the_run_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    if before is None:
        monkeypatch.delenv("FACELEAK_OFFLINE", raising=False)
    else:
        monkeypatch.setenv("FACELEAK_OFFLINE", before)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)  # where the suite itself runs under xdist
    project.policy()
    project.write("conftest.py", TELLS)
    project.gate("--faceleak-offline").assert_outcomes(passed=1)
    assert told(project) == {"alone collected 1", "alone setup 1"}
    assert os.environ.get("FACELEAK_OFFLINE") == before
    (project.path / "told.txt").unlink()
    project.gate().assert_outcomes(passed=1)
    assert told(project) == {f"alone collected {before}", f"alone setup {before}"}


def test_a_run_that_cannot_start_leaves_the_network_as_it_was(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FACELEAK_OFFLINE", raising=False)
    project.policy("release.yaml", "leak_count: threshold: {cosine: 3}, at_most: 0")
    assert project.gate("--faceleak-offline").ret == pytest.ExitCode.INTERRUPTED
    assert project.run("--faceleak-policy=gone.yaml", "--faceleak-offline").ret == pytest.ExitCode.USAGE_ERROR
    project.policy()
    assert (
        project.gate("--faceleak-evidence=/proc/no", "--faceleak-offline").ret == pytest.ExitCode.USAGE_ERROR
    )
    assert "FACELEAK_OFFLINE" not in os.environ


def test_workers_are_offline_too(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACELEAK_OFFLINE", raising=False)
    project.policy()
    project.write("conftest.py", TELLS)
    status, output = project.run_apart("--faceleak-policy=release.yaml", "--faceleak-offline", "-n1")
    assert status == pytest.ExitCode.OK, output
    assert told(project) == {"gw0 collected 1", "gw0 setup 1"}


def test_weights_that_are_missing_offline_are_no_verdict(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    text = project.policy().read_text(encoding="utf-8")
    project.write("release.yaml", text.replace("fake-pixels", "facenet-casia"))
    result = project.gate("--faceleak-offline")
    result.assert_outcomes(errors=1)
    file = "20180408-102900-casia-webface.pt"
    assert failure(result.stdout.str(), "leak_count[generated-vs-training]") == (
        f"""\
INCONCLUSIVE: the weights of embedder 'facenet-casia' are not on this machine,
    and the network is not to be used
Looked for https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/{file}, \
kept as {tmp_path}/torch/checkpoints/{file}. Run `faceleak prefetch POLICY` on a machine with network and copy the \
file here, or name a copy as `embedder.weights`.
release.yaml:8: leak_count[generated-vs-training]"""
    )
    assert not (tmp_path / "torch").exists()
