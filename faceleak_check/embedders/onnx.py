"""``onnx``: a face network of the user's own in an ONNX file, such as InsightFace's ArcFace networks."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from faceleak_check.embedders.onnx_file import digest_with, external_files
from faceleak_check.embedders.onnx_graph import PREFIX, OnnxGraph, read_graph, read_notes
from faceleak_check.embedders.onnx_session import OnnxSession
from faceleak_check.embedders.own_network import Told, checked_dimension, chip_rules
from faceleak_check.embedders.rows import fill_up, unit_length
from faceleak_check.errors import ModelError
from faceleak_check.model_files import ModelFile
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.presence import is_file
from faceleak_check.records import EmbedderSpec, Templates
from faceleak_check.remade import Remade

__all__ = ["OnnxEmbedder"]

_HINT = f", or in the file's metadata as {PREFIX}colour_order, {PREFIX}mean, {PREFIX}std and {PREFIX}template"


class OnnxEmbedder(Remade):
    """Embeds face chips with the network of an ONNX file.

    The size of its input is read from the graph; colour order, mean, std and template from the file's metadata,
    or from the policy. Nothing of it is guessed: a wrong colour order or scale gives templates that look well
    and tell little. A network that subtracts and divides by itself wants ``mean: 0, std: 1``.

    On a CPU pictures go through one by one, so that none depends on its company. That costs nothing: on one core
    ONNX Runtime took as long for 16 pictures at once as for one after the other (a network of IR-50's size: 5.1
    pictures/s both ways).

    Args:
        choice: The policy's ``embedder`` block.

    Raises:
        ModelError: The file or ONNX Runtime is not there, the file is not the expected one or no face network,
            or nobody says how it takes pictures.
    """

    spec: EmbedderSpec
    batch_size = 32
    needs_package: ClassVar[tuple[str, str]] = ("onnxruntime", "pip install 'faceleak-check[onnx]'")

    def __init__(self, choice: EmbedderChoice) -> None:
        if choice.precision != "fp32":
            raise ModelError(
                f"embedder 'onnx' has no precision {choice.precision!r}",
                detail="The arithmetic is part of an ONNX file: leave `precision` out, or convert the file.",
            )
        file = self.model_file(choice)
        self._path = file.locate()
        digest = _verified(file, self._path)
        self._session = OnnxSession(self._path, choice.device)
        self._graph = read_graph(self._session.inputs, self._session.outputs, self._path)
        notes = read_notes(self._session.metadata, self._path)
        self._rules = chip_rules(choice, self._path, {**notes.told(), **_told(self._graph)}, _HINT)
        on_cuda = self._session.device == "cuda"
        self._dimension: int | None = self._graph.dimension
        self._n_at_once = self.batch_size if on_cuda and self._graph.takes_batches else 1
        self._dimension = checked_dimension(choice, self._path, self._dimension or self._tried())
        self.spec = EmbedderSpec(
            name="onnx",
            weights_sha256=digest,
            licence=choice.licence or notes.licence or "not stated",
            dimension=self._dimension,
            input_size=self._rules.input_size,
            colour_order=self._rules.colour_order,
            normalisation=self._rules.normalisation,
            template=self._rules.template,
            device=self._session.device,
        )

    @classmethod
    def model_file(cls, choice: EmbedderChoice) -> ModelFile:
        """The policy's own file; there is no other."""
        return ModelFile(owner="embedder 'onnx'", path=choice.weights, sha256=choice.sha256)

    def load(self) -> None:
        """Tries the network on a black picture.

        Raises:
            ModelError: It fails, or gives something else than the graph says.
        """
        self._tried()

    def embed(self, chips: npt.NDArray[np.uint8]) -> Templates:
        """Templates of RGB chips, uint8, shape (n, input_size, input_size, 3).

        Raises:
            ModelError: The network fails, or an embedding is zero or not finite.
        """
        starts = range(0, len(chips), self._n_at_once)
        rows = [self._run(chips[start : start + self._n_at_once]) for start in starts]
        return unit_length("onnx", np.concatenate(rows))

    def _run(self, chips: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        pictures = self._rules.network_input(fill_up(chips, self._n_at_once))
        rows = self._session.run(self._graph.output_name, {self._graph.input_name: pictures})
        expected = (len(pictures), self._dimension or (rows.shape[-1] if rows.ndim else 0))
        if rows.shape != expected:
            raise ModelError(
                "the network of embedder 'onnx' does not give one embedding a picture",
                detail=f"{self._path}: found an output of shape {rows.shape}, expected "
                f"({expected[0]}, {self._dimension or 'D'}).",
            )
        return rows[: len(chips)]

    def _tried(self) -> int:
        """Length of the embedding of a black picture."""
        size = self._rules.input_size
        n: int = self._run(np.zeros((1, size, size, 3), np.uint8)).shape[1]
        return n


def _told(graph: OnnxGraph) -> dict[str, Told]:
    if graph.input_size is None:
        return {}
    return {"input_size": Told(value=graph.input_size, where="in the shape of its input")}


def _verified(file: ModelFile, path: Path) -> str:
    """The digest of the file and of the files that it keeps numbers in, which is the expected one.

    Raises:
        ModelError: It is not, or it is no ONNX file, or its numbers are not beside it.
    """
    try:
        others = tuple(_beside(path, name) for name in external_files(path))
        if not others:
            return file.verified(path)
        found = digest_with(path, others)
    except ValueError as error:
        raise ModelError(
            "the file of embedder 'onnx' is no whole ONNX file",
            detail=f"{path}: {error}. Name a whole .onnx file as `embedder.weights`.",
        ) from None
    except OSError as error:
        raise ModelError(
            "the weights of embedder 'onnx' cannot be read",
            detail=f"{error.filename or path}: {error.strerror or error}. Make it readable.",
        ) from None
    if file.sha256 not in (None, found):
        raise ModelError(
            "the weights of embedder 'onnx' are not the expected ones",
            detail=f"{path} and after it {', '.join(map(str, others))}: found SHA-256 {found}, expected {file.sha256}. "
            "Restore the files, or state the digest of your own as `embedder.sha256`.",
        )
    return found


def _beside(path: Path, name: str) -> Path:
    """A file that an ONNX file names.

    A file that somebody else wrote must not choose what is read on this machine.
    """
    other = Path(os.path.realpath(path.parent / name))
    if Path(name).is_absolute() or not other.is_relative_to(os.path.realpath(path.parent)):
        raise ModelError(
            "the file of embedder 'onnx' keeps its numbers in a file outside its own folder",
            detail=f"{path}: found {name!r}, expected the name of a file beside it. Put both into one folder and save "
            "them anew, or as one file: onnx.save(onnx.load(FILE), OTHER).",
        )
    if not is_file(other):
        raise ModelError(
            "the file of embedder 'onnx' keeps its numbers in another file that is not there",
            detail=f"{path}: expected {name!r} beside it. Copy both files.",
        )
    return other
