"""A file of calibrated thresholds that a policy pins, so that its gate does not move with the data.

``faceleak calibrate POLICY --write thresholds.yaml`` writes it; ``thresholds: thresholds.yaml`` in the policy reads it.
"""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from pydantic import StrictBool

from faceleak_check.errors import PolicyError, Problem
from faceleak_check.policy.names import DatasetName, Sha256, Text, Version
from faceleak_check.policy.source import read_source
from faceleak_check.policy.types import Confidence, Cosine, Count, Rate, Threshold, check_keys
from faceleak_check.policy.validation import Validator

__all__ = [
    "PinnedDocument",
    "PinnedThreshold",
    "PinnedThresholds",
    "how_to_pin",
    "pinned_yaml",
    "read_pinned",
]

_HEAD = """\
# Thresholds that a policy of faceleak-check pins with the key 'thresholds', so that its gate does not move with
# the data. Written by faceleak-check {version}; a cosine that is changed by hand no longer has the rate beside it.
# To make it anew, after a change of the embedder or the datasets:
#
#   faceleak calibrate POLICY --write FILE
version: 1
thresholds:
"""


@check_keys
class PinnedThreshold:
    """A threshold as it was found on one day.

    Attributes:
        kind: ``fmr`` or ``fpir``.
        rate: The error rate asked for, in (0, 1).
        cosine: The threshold.
        low: Lower end of its interval.
        high: Upper end of its interval.
        confidence: Coverage of the interval, in (0.5, 1).
        extrapolated: Whether it lies beyond what the comparisons resolve.
        embedder: Name of the embedder that it holds for.
        embedder_sha256: Digest of the spec of that embedder.
        dataset: Name of the set that it was found on.
        dataset_sha256: Digest of that set.
        source: For ``fpir``, name of the gallery; empty for ``fmr``.
        source_sha256: For ``fpir``, digest of the gallery; None for ``fmr``.
        n_people: People behind it.
        n_images: Images behind it.
        n_comparisons: Comparisons behind it.
    """

    kind: Literal["fmr", "fpir"]
    rate: Rate
    cosine: Cosine
    low: Cosine
    high: Cosine
    confidence: Confidence
    extrapolated: StrictBool
    embedder: Text
    embedder_sha256: Sha256
    dataset: DatasetName
    dataset_sha256: Sha256
    source: Text = ""
    source_sha256: Sha256 | None = None
    n_people: Count
    n_images: Count
    n_comparisons: Count

    def __post_init__(self) -> None:
        if not self.low <= self.cosine <= self.high:
            raise ValueError(f"the cosine {self.cosine} lies outside its interval [{self.low}, {self.high}]")
        if self.kind == "fpir" and not self.source:
            raise ValueError("an FPIR holds for one source set; name it with 'source'")
        if self.kind == "fmr" and self.source:
            raise ValueError("an FMR holds for any source set; take 'source' out")
        if bool(self.source) != bool(self.source_sha256):
            raise ValueError("'source' and 'source_sha256' go together; give both or neither")

    @property
    def asked(self) -> Threshold:
        """The threshold as a check asks for it."""
        return Threshold(fmr=self.rate) if self.kind == "fmr" else Threshold(fpir=self.rate)


@check_keys
class PinnedDocument:
    """A file of calibrated thresholds.

    Attributes:
        version: Version of the format, 1.
        thresholds: The thresholds.
    """

    version: Version
    thresholds: list[PinnedThreshold]


@dataclass(frozen=True, kw_only=True, slots=True)
class PinnedThresholds:
    """All thresholds of a file.

    Attributes:
        file: The file as the policy names it.
        path: Absolute path of the file.
        sha256: Digest of its bytes.
        thresholds: The thresholds, in file order.
    """

    file: str
    path: Path
    sha256: str
    thresholds: tuple[PinnedThreshold, ...]


def how_to_pin(policy: str, path: Path) -> str:
    """What to tell a user whose policy has no file of thresholds that fits.

    Args:
        policy: The policy as the user named it.
        path: The file of thresholds.
    """
    here = Path(os.path.realpath(Path.cwd()))
    near = path.relative_to(here) if path.is_relative_to(here) else path
    return f"write it with: faceleak calibrate {shlex.quote(policy)} --write {shlex.quote(str(near))}"


def read_pinned(path: Path, shown_as: str) -> PinnedThresholds:
    """Reads a file of thresholds.

    Args:
        path: The file.
        shown_as: How the policy names it.

    Raises:
        PolicyError: With every problem of the file.
    """
    source = read_source(path, shown_as, {})
    validator = Validator(source, path.parent)
    document = validator.build(PinnedDocument, source.data, ())
    if document is not None:
        _report_doubles(document, validator)
    problems: set[Problem] = {*source.problems, *validator.problems}
    if problems or document is None:
        raise PolicyError(problems)
    return PinnedThresholds(
        file=shown_as, path=path, sha256=source.text.sha256, thresholds=tuple(document.thresholds)
    )


def pinned_yaml(thresholds: Sequence[PinnedThreshold]) -> str:
    """The text of a file that holds these thresholds; equal thresholds give the same bytes.

    Args:
        thresholds: The thresholds, each for another kind, rate, embedder, dataset or source.
    """
    entries = [line for threshold in thresholds for line in _lines(threshold)]
    body = "".join(entries) if entries else "  []\n"
    return _HEAD.format(version=version("faceleak-check")) + body


def _lines(threshold: PinnedThreshold) -> Iterator[str]:
    mark = "-"
    for field in fields(threshold):
        value = getattr(threshold, field.name)
        if value not in ("", None):
            yield f"  {mark} {field.name}: {_scalar(value)}\n"
            mark = " "


def _scalar(value: str | float) -> str:
    """A value as YAML; texts in quotes, because a name may look like a number or a variable."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("${", "$${")
    return str(value).lower() if isinstance(value, bool) else repr(value)


def _report_doubles(document: PinnedDocument, validator: Validator) -> None:
    first: dict[tuple[object, ...], int] = {}
    for n, entry in enumerate(document.thresholds):
        key = (entry.kind, entry.rate, entry.embedder_sha256, entry.dataset, entry.source)
        known = first.setdefault(key, n)
        if known != n:
            line, _ = validator.source.place(("thresholds", known))
            against = f" against {entry.source!r}" if entry.source else ""
            message = (
                f"{entry.asked.describe()} of {entry.embedder!r} on {entry.dataset!r}{against} is already on "
                f"line {line}; keep one of the two"
            )
            validator.report(("thresholds", n), message, at_key=True)
