"""README and docs: each command that they show runs here or in another test, or is listed with the reason why not."""

from __future__ import annotations

import importlib
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from docs_shell import DATA, POLICY, Shell, set_its_paths
from faceleak_command import talk
from gate_project import WriteSet
from shown_commands import PAGES, Block, agrees, blocks, commands_of, names_what_exists

from faceleak_check.cli import app

ROOT = Path(__file__).resolve().parents[2]

RUN_BY_ANOTHER_TEST: Mapping[str, str] = {
    "docs/ci.md": "tests/test_ci_docs.py",
    "docs/extending.md": "tests/plugin/test_example_parts.py",
    "docs/tutorial.md": "tests/plugin/test_demo.py",
    "docs/paper.md": "tests/test_paper_policies.py",
    "docs/published.md": "tests/test_published_policies.py",
}
"""Pages whose commands need data of their own."""

NOT_RUN_HERE: Mapping[str, str] = {
    "faceleak demo": "tests/plugin/test_demo.py runs it",
    "python -m venv .venv": "the tests run in an environment already",
    ". .venv/bin/activate": "the same",
    "pre-commit install": "changes the hooks of whoever runs the tests",
    "uv venv": "makes an environment; the tests run in one already",
    'uv pip install ".[offline]"': "fetches packages",
    "ray start --head --port=6379": "needs a cluster; tests/plugin/test_ray_runs.py starts one",
    "ray start --address=HEAD:6379": "needs a second machine",
    "export FACELEAK_STORE=/nfs/faceleak-store": "needs a disk that machines share",
    "cosign attest-blob --statement faceleak-evidence/statement.json --bundle statement.sigstore.json": (
        "needs cosign and an identity to sign with"
    ),
    "cosign verify-blob-attestation --bundle statement.sigstore.json --type urn:faceleak-check:verdicts:1 "
    "--digest ROOT --digestAlg merkleSha256 --certificate-identity NAME --certificate-oidc-issuer ISSUER": (
        "needs cosign and a signature"
    ),
}
"""Commands that cannot run here, each with the reason."""

SHOWS_OUTPUT = {"docs/situations.md"}
"""Pages on which a block without a language is what the command before it has printed."""

EXITS = {"pytest --faceleak-policy policies/too-sure.yaml": 1}
"""Exit status of the commands that are shown to end otherwise than with 0."""

LEAKS = {"docs/report.md", "docs/review.md", "docs/statement.md"}
"""Pages that begin where a run has found a leak."""


@pytest.fixture
def shell(
    environment: None,
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> Shell:
    return Shell(pytester, monkeypatch, capsysbinary)


@pytest.fixture
def checkout(pytester: pytest.Pytester, write_set: WriteSet) -> Path:
    """A folder with three sets of small pictures."""
    for seed, (name, files) in enumerate(DATA.items(), 10):
        write_set(pytester.path / "data" / name, files, seed=seed)
    return pytester.path


def prepare(page: str, checkout: Path, shell: Shell) -> None:
    """What a reader of the page has before the first command."""
    if not any("faceleak init" in block.text for block in blocks(page)):
        (checkout / "policies").mkdir()
        write_policies(page, checkout)
        for file in ("policies/release.yaml", "policy.yaml"):
            text = POLICY if "/" in file else POLICY.replace("../", "")
            (checkout / file).write_text(text, encoding="utf-8")
    if page in LEAKS:
        copied = (checkout / "data/training/p00/0.png").read_bytes()
        (checkout / "data/generated/leak.png").write_bytes(copied)
        ran = shell.run("pytest --faceleak-policy policies/release.yaml --faceleak-thumbnails")
        assert ran.status == 1, ran.output


def write_policies(page: str, checkout: Path) -> None:
    """Writes each policy that the page shows under its name, with a stand-in for the network, which sees no faces."""
    for block in blocks(page):
        if block.language == "yaml" and (name := re.match(r"# (policies/[\w-]+\.yaml)\n", block.text)):
            text = block.text.replace("name: dlib-resnet", "name: fake-pixels").replace(
                "at_least: 90%", "at_least: 1%"
            )
            (checkout / name[1]).write_text(text, encoding="utf-8")


def run(block: Block, page: str, checkout: Path, shell: Shell) -> str:
    """Runs the commands of a block; what the last of them has printed."""
    output = ""
    for command in commands_of(block.text):
        if command in NOT_RUN_HERE or names_what_exists(command):
            continue
        assert shell.knows(command), (
            f"{page}:{block.line}: `{command}` is run by no test; let docs_shell.py run it, or list it with the reason "
            f"in {Path(__file__).name}"
        )
        if command.startswith("faceleak review"):
            status, output = talk(checkout, shlex.split(command)[1:], ["n", "looked at by eye"])
        else:
            ran = shell.run(command)
            status, output = ran.status, ran.output
        assert status == EXITS.get(command, 0), f"{page}:{block.line}: {command}\n{output}"
        if command.startswith("faceleak init"):
            set_its_paths(checkout / "policies/release.yaml")
    return output


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page not in RUN_BY_ANOTHER_TEST and "```sh" in (ROOT / page).read_text()],
)
def test_every_command_runs(page: str, checkout: Path, shell: Shell) -> None:
    prepare(page, checkout, shell)
    printed = ""
    for block in blocks(page):
        if block.language == "sh":
            printed = run(block, page, checkout, shell)
        elif block.language == "" and page in SHOWS_OUTPUT:
            assert agrees(block.text, printed), f"{page}:{block.line} is not what was printed:\n{printed}"
        elif block.language == "python":
            exec(compile(block.text, f"{page}:{block.line}", "exec"), names_for(block.text, checkout))


def names_for(python: str, checkout: Path) -> dict[str, object]:
    """What a block of Python is shown to begin with: modules that it uses without importing them, and their files."""
    if "onnx." not in python:
        return {}
    onnx = importlib.import_module("onnx")
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Identity", ["x"], ["y"])], "g", [value], [value])
    graph.output[0].name = "y"
    onnx.save(onnx.helper.make_model(graph), checkout / "face.onnx")
    return {"onnx": onnx}


def test_what_another_test_runs_is_there() -> None:
    assert [file for file in RUN_BY_ANOTHER_TEST.values() if not (ROOT / file).is_file()] == []
    assert all(page in PAGES for page in RUN_BY_ANOTHER_TEST)


def test_no_command_is_listed_that_no_page_shows() -> None:
    shown = {
        command
        for page in PAGES
        for block in blocks(page)
        if block.language == "sh"
        for command in commands_of(block.text)
    }
    assert [command for command in NOT_RUN_HERE if command not in shown] == []


@pytest.mark.parametrize(
    "command",
    [
        "curl example.org",
        "pip install numpy",
        "just nothing",
        "python benchmarks/none.py",
        "python -m pytest tests/none",
    ],
)
def test_a_command_that_nobody_knows_is_noticed(command: str, checkout: Path, shell: Shell) -> None:
    block = Block(language="sh", text=f"{command}  # a comment\n", line=7)
    with pytest.raises(
        AssertionError, match=rf"^docs/new\.md:7: `{command}` is run by no test; let docs_shell\.py"
    ):
        run(block, "docs/new.md", checkout, shell)


@pytest.mark.parametrize("page", PAGES)
def test_commands_within_a_sentence_exist(page: str) -> None:
    """Of `faceleak report FILE --thumbnails` in a text, the command and its options are looked up."""
    text = re.sub(
        r"^```.*?^```$", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL
    )
    shown = re.findall(r"`(faceleak [a-z][^`]*|cache [a-z][^`]*)`", text)
    assert [one for one in shown if not is_command(one.split())] == []


def is_command(words: list[str]) -> bool:
    found: Any = typer.main.get_command(app)
    words = words[1:] if words[0] == "faceleak" else words
    while words and hasattr(found, "commands") and not words[0].startswith("-"):
        found = found.commands.get(words.pop(0))
        if found is None:
            return False
    known = {option for one in found.params for option in one.opts}
    given = {word.strip("[]").partition("=")[0] for word in words if word.lstrip("[").startswith("--")}
    return given <= known | {"--help", "--install-completion"}


def test_shown_output_must_have_been_printed() -> None:
    printed = "a 0.9473 of 1\nb\nc 0123456789abcdef\nd"
    assert agrees("a 0.9481 of 1\nb\n...\nd\n", printed)
    assert agrees("b\nc fedcba9876543210\n", printed)
    assert not agrees("a 0.9573 of 1\n", printed)
    assert not agrees("a 0.9473 of 2\n", printed)
    assert not agrees("a ... 1\nc 0123456789abcdef\n", printed)
    assert not agrees("d\n...\na 0.9473 of 1\n", printed)
