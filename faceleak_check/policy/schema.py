"""The records that a checked policy consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from faceleak_check.policy.array_keys import ArrayNames, TemplateOrigin
from faceleak_check.policy.columns import Columns, ParquetColumns
from faceleak_check.policy.document import (
    Alignment,
    EmbedderChoice,
    Exclusions,
    ExecutionKeys,
    Expect,
    Faces,
    HubKeys,
    SearchKeys,
)
from faceleak_check.policy.pinned import PinnedThresholds
from faceleak_check.policy.report_keys import StandardName
from faceleak_check.policy.types import Threshold
from faceleak_check.policy.urls import Url
from faceleak_check.policy.waivers import Waivers
from faceleak_check.protocols import Check

__all__ = [
    "Agreeing",
    "ArrayNames",
    "Case",
    "Columns",
    "Dataset",
    "EmbedderChoice",
    "Exclusions",
    "ExecutionKeys",
    "Expect",
    "HubKeys",
    "Labels",
    "NamedEmbedder",
    "ParquetColumns",
    "PinnedThresholds",
    "Policy",
    "ScreenRule",
    "SearchKeys",
    "TemplateOrigin",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Labels:
    """Where the people in a dataset's images are named.

    Attributes:
        kind: ``none``, ``parent_folder``, ``csv``, ``sidecar``, or ``own`` where the format names them itself.
        csv: The table, where `kind` is ``csv``.
        image: Its column of image paths, relative to the dataset's folder.
        identity: Its column of people.
        sidecar: Suffix of the small files beside the images, where `kind` is ``sidecar``.
        key: The key of the person in them, where they are JSON files.
    """

    kind: Literal["none", "parent_folder", "csv", "sidecar", "own"]
    csv: Path | Url | None = None
    image: str = "image"
    identity: str = "identity"
    sidecar: str = ""
    key: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """A set of images, or a list of precomputed matches.

    Attributes:
        name: Its name in the policy.
        path: Absolute path, or a URL; nothing says that it exists.
        format: Name of the reader.
        labels: Where people are named.
        columns: Columns of a match list; None for images.
        line: Line of its key in the policy.
        column: Column of its key.
        align: How its pictures become face chips, where it is not as the embedder's keys say.
        faces: Which faces of its pictures count, where it is not as the embedder's keys say.
        expect: How many images and people it should hold; None where anything is right.
        image_columns: What the policy says of the columns of a Parquet file; None where it says nothing.
        arrays: What the policy says of the arrays of an .npz file; None where it says nothing.
        templates: What made its templates; None where it holds pictures.
        options: The keys of a format that another package brings, as a record of its own; None where it has none.
        without: Content digests of files that are as if they were not there: the proof that a removal helps runs the
            policy so.
    """

    name: str
    path: Path | Url
    format: str
    labels: Labels
    columns: Columns | None
    line: int
    column: int
    align: Alignment | None = None
    faces: Faces | None = None
    expect: Expect | None = None
    image_columns: ParquetColumns | None = None
    arrays: ArrayNames | None = None
    templates: TemplateOrigin | None = None
    options: Any = None
    without: frozenset[str] = frozenset()

    @property
    def is_labelled(self) -> bool:
        """Whether the people in its images are named."""
        return self.labels.kind != "none"

    @property
    def local_folder(self) -> Path | None:
        """Its folder, where its images are files of their own on this machine."""
        return self.path if self.format == "folder" and isinstance(self.path, Path) else None


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
        generated: Name of the generated set; None where the check names none.
        source: Name of the source set; None where the check names none.
        matches: Name of the match list, in place of the two.
        line: Line of the check's key in the policy.
        column: Column of the check's key.
        embedder: The embedder that compares, the first where several must agree; None for a match list. A check
            that compares pictures and not people, such as ``near_copy``, has one of its own.
        agreement: The embedders after the first that must agree.
        control: Name of the set of people whom the generator never saw (of a match list, where `matches` is given).
        calibration: Name of the labelled set that thresholds are found on, where the policy names one.
        dataset: Name of the one set that a check such as ``coverage`` looks at.
        no_worse_than: Evidence of an earlier release whose figure must not be exceeded.
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
    control: str | None = None
    calibration: str | None = None
    dataset: str | None = None
    no_worse_than: Path | None = None


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
        hub: When a source image is looked at as a hub; None where the policy does not ask for it.
        thresholds: Thresholds that the policy pins; None where they are found on the data.
        licences: The licences that a model may have; None where any may be used.
        search: How nearest neighbours are looked for.
        execution: What embeds the images.
        notes: What is harmless but should be known.
        standards: Names of the texts that the report puts beside the figures.
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
    hub: HubKeys | None = None
    thresholds: PinnedThresholds | None = None
    licences: tuple[str, ...] | None = None
    search: SearchKeys = field(default_factory=SearchKeys)
    execution: ExecutionKeys = field(default_factory=ExecutionKeys)
    standards: tuple[StandardName, ...] = ()
