"""Somebody hands over a file of weights."""

from __future__ import annotations

import os
import pickle
import warnings
import zipfile
from pathlib import Path

import torch
from attacks import SETS, Attack
from gate_project import Project
from onnx import TensorProto, helper
from witness import MEMORY, Witness, commands, peak

import faceleak_check.embedders.adaface
import faceleak_check.embedders.onnx
import faceleak_check.embedders.torchscript  # noqa: F401

OWN = "input_size: 32, colour_order: RGB, mean: 127.5, std: 127.5"
CODE = "the weights of embedder 'adaface-ir18' are refused: the file could run code"
DAMAGED = "the weights of embedder 'adaface-ir18' are damaged, or no checkpoint of PyTorch or safetensors"
CLOSED = "the weights of embedder 'adaface-ir18' cannot be read"
BEYOND = "the file of embedder 'torchscript' is refused: its program does more than compute"
REFUSED = {
    "c.pt": CODE,
    "o.pth": CODE,
    "p.pkl": CODE,
    "bomb.ckpt": "the weights of embedder 'adaface-ir18' are refused: the file would fill the memory",
    "long.safetensors": DAMAGED,
    "pipe.pt": CLOSED,
    "zero.pt": CLOSED,
    **dict.fromkeys(("load.pt", "save.pt", "map.pt", "text.pt", "ops.pt", "class.pt"), BEYOND),
    "old.pt": "the file of embedder 'torchscript' is no whole TorchScript archive",
    "secret.onnx": "the file of embedder 'onnx' is no whole ONNX file",
    "up.onnx": "the file of embedder 'onnx' keeps its numbers in a file outside its own folder",
    "long.onnx": "the weights of embedder 'onnx' cannot be read",
}
"""What is said of each file; the embedder that reads it is named in the sentence."""


class Code:
    """Makes the mark as soon as it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self._mark}",)


class Computes(torch.nn.Module):
    """A network of numbers alone."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3, 32))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=[2, 3]) @ self.weight


class WritesWhenLoaded(Computes):
    """One whose program writes a file before anybody asks it for anything."""

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return self.weight, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        torch.save(state[0], "MARK")
        self.weight = state[0]
        self.training = state[1]


def program(path: Path, network: torch.nn.Module, **words: str) -> None:
    """Saves a TorchScript archive, with words of its program exchanged."""
    whole = path.with_suffix(".whole")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated")
        torch.jit.save(torch.jit.script(network), str(whole))
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            for old, new in words.items() if name.endswith(".py") else ():
                data = data.replace(old.encode(), new.encode())
            target.writestr(name, data)
    whole.unlink()


def asking(path: Path, line: str) -> None:
    """A network whose program has one line more."""
    program(path, Computes(), **{"    return torch.matmul": f"    {line}\n    return torch.matmul"})


def mark_by_program(path: Path, mark: Path) -> None:
    program(path, WritesWhenLoaded(), MARK=str(mark))


def checkpoint(path: Path, mark: Path) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1)}, "more": Code(mark)}, path)


def old_checkpoint(path: Path, mark: Path) -> None:
    torch.save({"a": Code(mark)}, path, _use_new_zipfile_serialization=False)


def plain_pickle(path: Path, mark: Path) -> None:
    path.write_bytes(pickle.dumps(Code(mark)))


def bomb(path: Path) -> None:
    """A checkpoint of a few megabytes whose pickle takes 640."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("a/data.pkl", "w") as pickled,
    ):
        for _ in range(80):
            pickled.write(bytes(8 << 20))


def long_header(path: Path) -> None:
    path.write_bytes((1 << 40).to_bytes(8, "little") + b'{"a"' + bytes(100))


def test_the_attacks_are_real(tmp_path: Path) -> None:
    """Each would make its mark, were it loaded as people load such files."""
    for n, (write, load) in enumerate(
        [
            (checkpoint, lambda path: torch.load(path, weights_only=False)),
            (old_checkpoint, lambda path: torch.load(path, weights_only=False)),
            (plain_pickle, lambda path: pickle.loads(path.read_bytes())),
            (mark_by_program, torch.jit.load),
        ]
    ):
        file, mark = tmp_path / f"{n}.pt", tmp_path / f"mark{n}"
        write(file, mark)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=r"`torch\.jit\.\w+` is deprecated")
            load(file)  # type: ignore[operator]
        assert mark.exists()


def test_no_file_of_weights_runs_code_or_fills_the_memory(
    project: Project, attack: Attack, witness: Witness
) -> None:
    folder = project.path / "attacks"
    folder.mkdir()
    for name, write in {"c.pt": checkpoint, "o.pth": old_checkpoint, "p.pkl": plain_pickle}.items():
        write(folder / name, witness.mark)
    mark_by_program(folder / "load.pt", witness.mark)
    asking(folder / "save.pt", f'torch.save(x, "{witness.mark}")')
    asking(folder / "map.pt", f'_1 = torch.from_file("{witness.outside}/secret.txt", True, 4)')
    asking(folder / "text.pt", 'print("\\033]52;c;b3duZWQ=\\a")')
    asking(folder / "ops.pt", "_1 = ops.inductor.whatever(x)")
    asking(folder / "class.pt", "_1 = __torch__.torch.classes.dist_rpc.WorkerInfo.__new__(None)")
    program(folder / "old.pt", Computes())
    with zipfile.ZipFile(folder / "old.pt", "a") as archive:
        archive.writestr("old/Model.json", "{}")
    bomb(folder / "bomb.ckpt")
    long_header(folder / "long.safetensors")
    os.mkfifo(folder / "pipe.pt")
    (folder / "zero.pt").symlink_to("/dev/zero")
    (folder / "secret.onnx").symlink_to(witness.outside / "secret.txt")
    external(folder / "up.onnx", "../../outside/secret.txt")
    external(folder / "long.onnx", "numbers.bin")
    with (folder / "numbers.bin").open("wb") as file:
        file.truncate(1 << 40)
    attacks = {name: f"{_embedder(reason)}, weights: {name}" for name, reason in REFUSED.items()}
    with peak() as grown:
        attacked = attack({name: f"{SETS}embedder: {{name: {keys}}}" for name, keys in attacks.items()})
    assert attacked.answers == {name: ("inconclusive", REFUSED[name]) for name in attacks}
    assert attacked.code == 1
    assert commands(attacked.output) == set()
    witness.assert_unharmed(attacked.output)
    assert grown[0] < MEMORY


def _embedder(reason: str) -> str:
    name = reason.split("'")[1]
    return name if name == "adaface-ir18" else f"{name}, {OWN}"


def external(path: Path, location: str) -> None:
    """A network whose numbers lie in another file."""
    tensor = TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[3, 64], data_location=TensorProto.EXTERNAL
    )
    for key, value in {"location": location, "offset": "0", "length": str(1 << 40)}.items():
        tensor.external_data.add(key=key, value=value)
    face = helper.make_tensor_value_info("face", TensorProto.FLOAT, ["N", 3])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", 64])
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["face", "w"], ["out"])], "g", [face], [out], [tensor]
    )
    path.write_bytes(helper.make_model(graph, ir_version=9).SerializeToString())
