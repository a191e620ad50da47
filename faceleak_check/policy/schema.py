"""The records that a checked policy consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from faceleak_check.policy.document import Alignment, Columns, EmbedderChoice, Exclusions, Faces
from faceleak_check.policy.types import Threshold
from faceleak_check.policy.waivers import Waivers
from faceleak_check.protocols import Check

__all__ = [
    "Agreeing",
    "Case",
    "Columns",
    "Dataset",
    "EmbedderChoice",
    "Exclusions",
    "Labels",
    "NamedEmbedder",
    "Policy",
    "ScreenRule",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """Where the people in a dataset's images are named.

    Attributes:
        kind: ``none``, ``parent_folder`` or ``csv``.
        csv: The table, where `kind` is ``csv``.
        image: Its column of image paths, relative to the dataset's folder.
        identity: Its column of people.
    """

    kind: Literal["none", "parent_folder", "csv"]
    csv: Path | None = None
    image: str = "image"
    identity: str = "identity"


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A set of images, or a list of precomputed matches.

    Attributes:
        name: Its name in the policy.
        path: Absolute path; nothing says that it exists.
        format: Name of the reader.
        labels: Where people are named.
        columns: Columns of a match list; None for images.
        line: Line of its key in the policy.
        column: Column of its key.
        align: How its pictures become face chips, where it is not as the embedder's keys say.
        faces: Which faces of its pictures count, where it is not as the embedder's keys say.
    """

    name: str
    path: Path
    format: str
    labels: Labels
    columns: Columns | None
    line: int
    column: int
    align: Alignment | None = None
    faces: Faces | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedEmbedder:
    """An embedder under the name by which the policy's checks ask for it.

    Attributes:
        name: Its key under ``embedders``; its own name where the policy has a single ``embedder``.
        choice: Which embedder, and how.
    """

    name: str
    choice: EmbedderChoice


@dataclass(frozen=True, kw_only=True, slots=True)
class Agreeing:
    """An embedder that must agree before a pair counts as a leak.

    Attributes:
        embedder: The embedder.
        threshold: Its own threshold.
    """

    embedder: NamedEmbedder
    threshold: Threshold


@dataclass(frozen=True, kw_only=True, slots=True)
class ScreenRule:
    """A rule that takes images out of the comparison.

    Attributes:
        name: Its name in the policy, such as ``child``.
        combine: Whether one of the methods is enough to take an image out, or all are needed.
        methods: The keys of each method, in file order, at least one: each a record of its screen class's `keys`.
    """

    name: str
    combine: Literal["any_of", "all_of"]
    methods: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One check of one pair of sets, or of one match list: one test.

    Attributes:
        id: Unique in the policy, such as ``leak_rate[generated-vs-training]``.
        check_name: Name of the check in the policy.
        check: The check itself, with its limits and the first embedder's threshold; see
            `faceleak_check.protocols.Check`.
        generated: Name of the generated set; None where `matches` is given.
        source: Name of the source set; None where `matches` is given.
        matches: Name of the match list.
        line: Line of the check's key in the policy.
        column: Column of the check's key.
        embedder: The embedder that compares, the first where several must agree; None for a match list.
        agreement: The embedders after the first that must agree.
    """

    id: str
    check_name: str
    check: Check
    generated: str | None
    source: str | None
    matches: str | None
    line: int
    column: int
    embedder: NamedEmbedder | None
    agreement: tuple[Agreeing, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A policy that is free of errors.

    Attributes:
        name: Its name.
        description: What it is for; may be empty.
        path: Absolute path of the file.
        shown_as: The file as the user named it.
        sha256: Digest of the file's bytes.
        datasets: All datasets by name, used or not.
        embedders: The embedders by the names that checks use, used or not; empty where none is given and every
            check uses precomputed matches.
        exclusions: How much may be left out.
        cases: The tests, in file order; at least one.
        waivers: The pairs that are accepted; empty where the policy names no file.
        screens: The rules that take images out, in file order.
        licences: The licences that a model may have; None where any may be used.
        notes: What is harmless but should be known.
    """

    name: str
    description: str
    path: Path
    shown_as: str
    sha256: str
    datasets: Mapping[str, Dataset]
    embedders: Mapping[str, EmbedderChoice]
    exclusions: Exclusions
    cases: tuple[Case, ...]
    waivers: Waivers
    notes: tuple[str, ...]
    screens: tuple[ScreenRule, ...] = ()
    licences: tuple[str, ...] | None = None
