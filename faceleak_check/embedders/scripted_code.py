"""What the program in a TorchScript archive asks for, read before torch runs any of it.

An archive can hold code that runs as soon as it is loaded (``__setstate__``), and torch's operators can write files:
``save`` writes one, ``from_file`` maps one into memory, to be altered. So the code is looked through first, with the
reader that torch itself loads it with: what two readers see differently is a way around one of them.

It is looked for by name, in comments and texts too: to refuse a network that has such a word in a comment costs little.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

__all__ = ["asked_beyond"]

_ZIP = b"PK\x03\x04"
_OLD = "model.json"
_WORD = re.compile(r"\b(from_file|save|load_tensor|rpc_\w+|print|Print)\b")
_SPACE = re.compile(r"\bops\b(?:\s*\.\s*(\w+))?")
_SPACES = frozenset({"aten", "prim", "quantized", "torchvision"})
_CLASS = re.compile(r"\btorch[.\n]classes[.\n](\w*)")
_CLASSES = frozenset({"quantized", "sparse"})


def asked_beyond(data: bytes) -> list[str]:
    """What a network has no need of and the program asks for, such as ``save``; sorted, each once.

    Args:
        data: A TorchScript archive.

    Raises:
        RuntimeError: Torch's reader finds no archive in the bytes.
        ValueError: It is an archive of a form that nobody writes any more.
    """
    import torch

    reader = torch._C.PyTorchFileReader(io.BytesIO(data))  # noqa: SLF001  what torch loads archives with
    names = reader.get_all_records()
    # of another format, or of one before torch 1.4, the code lies elsewhere
    if not data.startswith(_ZIP) or any(name.casefold() == _OLD for name in names):
        raise ValueError("an archive of another kind than torch.jit.save writes since torch 1.4")
    return sorted({asked for name in names for asked in _asked(name, reader.get_record)})


def _asked(name: str, read: Callable[[str], bytes]) -> Iterator[str]:
    # torch finds a name in whatever case it is written; pickles name the objects that loading makes
    kind = name.casefold().rpartition(".")[2]
    if kind not in ("py", "pkl"):
        return
    text = read(name).decode("latin-1")
    yield from (f"classes.{space or '?'}" for space in _CLASS.findall(text) if space not in _CLASSES)
    if kind == "py":
        yield from _WORD.findall(text)
        yield from (f"ops.{space or '?'}" for space in _SPACE.findall(text) if space not in _SPACES)
