"""Names in a policy → classes, loaded only when they are used.

A built-in is a ``module:attribute`` string; a third party adds its own under the entry point group
``faceleak_check.<kind>s``, such as ``faceleak_check.embedders``. Built-in names cannot be taken over.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from faceleak_check.errors import UsageError

__all__ = [
    "CHECKS",
    "EMBEDDERS",
    "INPUT_KEYS",
    "READERS",
    "SCREENS",
    "AboutEmbedder",
    "EmbedderRegistry",
    "Registry",
    "brought_by_others",
    "suggestion",
]

INPUT_KEYS = ("input_size", "colour_order", "mean", "std", "template")
"""The keys of a policy that say what an embedder takes."""


class Registry:
    """One kind of replaceable part, by name.

    Args:
        kind: Singular noun, such as ``embedder``.
        built_in: Name → ``module:attribute``.
    """

    def __init__(self, kind: str, built_in: Mapping[str, str]) -> None:
        self.kind = kind
        self._built_in = dict(built_in)

    @cached_property
    def _third_party(self) -> dict[str, list[EntryPoint]]:
        found: dict[str, list[EntryPoint]] = {}
        for entry in entry_points(group=f"faceleak_check.{self.kind}s"):
            found.setdefault(entry.name, []).append(entry)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter([*self._built_in, *sorted(self._third_party.keys() - self._built_in.keys())])

    def __contains__(self, name: str) -> bool:
        return name in self._built_in or name in self._third_party

    def is_built_in(self, name: str) -> bool:
        """Whether the name is one of ours."""
        return name in self._built_in

    def package_of(self, name: str) -> str | None:
        """Name of the other package that brings a part; None for one of ours, and for one that is not there."""
        if name in self._built_in or name not in self._third_party:
            return None
        dist = self._third_party[name][0].dist
        return None if dist is None else dist.name

    def load(self, name: str) -> Any:
        """The class of that name.

        Raises:
            UsageError: No part has that name, a third party's cannot be imported, or several bring one.
        """
        if name in self._built_in:
            module, _, attribute = self._built_in[name].partition(":")
            return getattr(importlib.import_module(module), attribute)
        if name not in self._third_party:
            raise UsageError(self.unknown(name))
        entry, *others = self._third_party[name]
        if others:
            raise UsageError(self._ambiguous(name))
        try:
            return entry.load()
        except Exception as error:
            raise UsageError(
                f"{self.kind} {name!r} is installed as {entry.value!r} but cannot be imported: {error}"
            ) from error

    def _ambiguous(self, name: str) -> str:
        """What to tell of a name that several packages bring: none of them is chosen by chance."""
        brought = sorted(
            f"{entry.value!r} of {entry.dist.name if entry.dist else 'an unknown package'}"
            for entry in self._third_party[name]
        )
        return f"{self.kind} {name!r} is brought by {len(brought)} packages: {', '.join(brought)}; keep one of them"

    def unknown(self, name: str) -> str:
        """What to tell a user who asked for a name that is not there."""
        return f"unknown {self.kind} {name!r}{suggestion(name, self)}; there are: {', '.join(self)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class AboutEmbedder:
    """What a policy must know of an embedder before anything of it is imported; by default, what holds for most.

    Attributes:
        needs: The keys without which it is no embedder, each as an error names it.
        may_state: Those of `INPUT_KEYS` that a policy may state; the embedder knows all others itself.
        knows_pictures: Whether it knows a picture again and not a person; the check ``near_copy`` uses it.
        has_network: Whether it can embed pictures.
        knows_licence: Whether it knows the licence of the weights that it takes where a policy names none.
    """

    needs: Mapping[str, str] = field(default_factory=dict)
    may_state: tuple[str, ...] = ()
    knows_pictures: bool = False
    has_network: bool = True
    knows_licence: bool = True


class EmbedderRegistry(Registry):
    """The embedders by name, and what is to be known of them.

    Args:
        built_in: Name → ``module:attribute``.
        about: Name → what sets an embedder apart from most.

    Raises:
        ValueError: Something is said of an embedder that is not there.
    """

    def __init__(self, built_in: Mapping[str, str], about: Mapping[str, AboutEmbedder]) -> None:
        super().__init__("embedder", built_in)
        for name in about.keys() - built_in.keys():
            raise ValueError(f"something is said of {name!r}, which is not there")
        self._about = dict(about)

    def about(self, name: str) -> AboutEmbedder:
        """What is known of an embedder; what another package's takes is that package's to say."""
        if not self.is_built_in(name):
            return AboutEmbedder(may_state=INPUT_KEYS, knows_licence=False)
        return self._about.get(name, AboutEmbedder())


def suggestion(found: str, known: Mapping[str, object] | Registry | list[str]) -> str:
    """``" (did you mean 'at_most'?)"`` where a known name is near, else nothing."""
    near = difflib.get_close_matches(found, list(known), n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


CHECKS = Registry(
    "check",
    {
        "top_k_similarity": "faceleak_check.checks.top_k_similarity:TopKSimilarity",
        "leak_rate": "faceleak_check.checks.leak_rate:LeakRate",
        "leak_count": "faceleak_check.checks.leak_count:LeakCount",
        "identity_exposure": "faceleak_check.checks.identity_exposure:IdentityExposure",
        "excess_risk": "faceleak_check.checks.excess_risk:ExcessRisk",
        "membership_inference": "faceleak_check.checks.membership_inference:MembershipInference",
        "near_copy": "faceleak_check.checks.near_copy:NearCopy",
        "canary_recall": "faceleak_check.checks.canary_recall:CanaryRecall",
        "coverage": "faceleak_check.checks.coverage:Coverage",
    },
)
_FROM_A_FILE = AboutEmbedder(needs={"weights": "'weights: FILE'"}, may_state=INPUT_KEYS, knows_licence=False)
"""Whatever the user's file holds."""
# of a bare state dict nobody can tell which colours it takes
_ADAFACE = AboutEmbedder(may_state=("colour_order",))
EMBEDDERS = EmbedderRegistry(
    {
        "dlib-resnet": "faceleak_check.embedders.dlib_resnet:DlibResNet",
        "facenet-vggface2": "faceleak_check.embedders.facenet:FaceNetVggFace2",
        "facenet-casia": "faceleak_check.embedders.facenet:FaceNetCasia",
        "adaface-ir101": "faceleak_check.embedders.adaface:AdaFaceIr101",
        "adaface-ir50": "faceleak_check.embedders.adaface:AdaFaceIr50",
        "adaface-ir18": "faceleak_check.embedders.adaface:AdaFaceIr18",
        "onnx": "faceleak_check.embedders.onnx:OnnxEmbedder",
        "torchscript": "faceleak_check.embedders.torchscript:TorchScriptEmbedder",
        "phash": "faceleak_check.embedders.phash:PerceptualHash",
        "sscd": "faceleak_check.embedders.sscd:Sscd",
        "precomputed": "faceleak_check.embedders.precomputed:Precomputed",
        "fake-pixels": "faceleak_check.embedders.fake_pixels:FakePixels",
    },
    about={
        "adaface-ir101": _ADAFACE,
        "adaface-ir50": _ADAFACE,
        "adaface-ir18": _ADAFACE,
        "onnx": _FROM_A_FILE,
        "torchscript": _FROM_A_FILE,
        "phash": AboutEmbedder(knows_pictures=True),
        "sscd": AboutEmbedder(needs={"weights": "'weights: FILE'"}, knows_pictures=True),
        "precomputed": AboutEmbedder(
            needs={
                "sha256": "'sha256': the digest of the weights that made the templates",
                "dimension": "'dimension': the length of a template",
            },
            has_network=False,
            knows_licence=False,
        ),
    },
)
SCREENS = Registry(
    "screen",
    {
        "clip": "faceleak_check.screens.clip:ClipScreen",
        "age": "faceleak_check.screens.age:AgeScreen",
        "face": "faceleak_check.screens.face:FaceScreen",
    },
)
READERS = Registry(
    "reader",
    {
        "folder": "faceleak_check.readers.folder:FolderReader",
        "archive": "faceleak_check.readers.archive.reader:ArchiveReader",
        "matches": "faceleak_check.readers.matches:MatchListReader",
        "recordio": "faceleak_check.readers.recordio.reader:RecordIoReader",
        "parquet": "faceleak_check.readers.parquet.reader:ParquetReader",
        "lmdb": "faceleak_check.readers.lmdb.reader:LmdbReader",
        "arrays": "faceleak_check.readers.arrays.reader:ArraysReader",
    },
)


def brought_by_others() -> list[str]:
    """The names of all installed parts of other packages."""
    return [
        name
        for registry in (CHECKS, EMBEDDERS, READERS, SCREENS)
        for name in registry
        if not registry.is_built_in(name)
    ]
