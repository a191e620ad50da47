"""Evidence belongs to one policy and to certain data: a removal is worked out where both are still as they were."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceleak_check.case_sets import ROLES
from faceleak_check.embedding import loaded
from faceleak_check.errors import EvidenceError, UsageError
from faceleak_check.policy.parse import parse_argument
from faceleak_check.policy.presets import resolve_policies
from faceleak_check.policy.schema import Dataset, Policy
from faceleak_check.protocols import Progress
from faceleak_check.readers.arrays.templates import TemplateReader
from faceleak_check.readers.building import build_reader
from faceleak_check.records import ImageList, ImageRef, ImageSet
from faceleak_check.registry import READERS
from faceleak_check.reports.choosing import chosen_policy
from faceleak_check.reports.layout import safe
from faceleak_check.reports.opening import Evidence
from faceleak_check.store.listings import ListingStore
from faceleak_check.store.roots import Root

__all__ = ["listed_sets", "policy_of"]

Record = Mapping[str, Any]


def policy_of(evidence: Evidence, file: str | None) -> tuple[Policy, Record]:
    """The policy that the evidence belongs to, and its record.

    Args:
        evidence: The evidence.
        file: The policy as the user names it; None for that which the evidence names.

    Raises:
        UsageError: There is no such policy, or the evidence holds several, or is that of another one.
        PolicyError: The policy is wrong.
    """
    records = [record for record in evidence.data["policies"] if record["sha256"] is not None]
    is_named = file is not None
    if file is None:
        file = chosen_policy(evidence, None)["file"]
    try:
        argument, *others = resolve_policies([file], Path.cwd())
    except UsageError as error:
        raise UsageError(f"{error}. Name the policy of this evidence with --policy FILE") from None
    if others:
        raise UsageError(f"{file!r} holds {1 + len(others)} policies; name one of them with --policy FILE")
    if not is_named and _came_with(evidence, Path(argument.path)):
        raise UsageError(
            f"{safe(file)} lies in the folder of the evidence: whoever made the evidence may have made it, too. Read "
            "it, and name it with --policy FILE"
        )
    policy = parse_argument(argument)
    for record in records:
        if record["sha256"] == policy.sha256:
            return policy, record
    expected = " or ".join(f"{record['sha256']} ({safe(record['file'])})" for record in records) or "none"
    raise UsageError(
        f"{safe(str(file))} is not the policy of this evidence: found SHA-256 {policy.sha256}, expected {expected}. "
        "It was changed after the run, or is another one: run the policy again, or name the right one with "
        "--policy FILE"
    )


def _came_with(evidence: Evidence, policy: Path) -> bool:
    """Whether a policy lies in the folder of the evidence, and that is not a folder that we work in."""
    folder = evidence.folder.resolve()
    return policy.resolve().is_relative_to(folder) and not Path.cwd().resolve().is_relative_to(folder)


def listed_sets(
    policy: Policy, record: Record, moved: Mapping[str, list[ImageRef]], root: Root, progress: Progress
) -> dict[str, ImageSet]:
    """The files of the sets that the evidence tells of, by dataset; they are those that it was made from.

    Args:
        policy: The policy.
        record: Its record in the evidence.
        moved: Files that an earlier call has moved elsewhere, by dataset; they count as if they were still there.
        root: Root folder of the store, where digests of files are kept.
        progress: Told how far it is.

    Raises:
        EvidenceError: A set is not the one that the evidence was made from.
        DatasetError: A dataset cannot be read.
    """
    expected = {
        one["name"]: one["sha256"]
        for case in record["cases"]
        for role, one in case["sets"].items()
        if role in ROLES
    }
    wanted = dict.fromkeys([*expected, *(case.generated for case in policy.cases if case.generated)])
    listed = {
        name: _with(_listed(policy.datasets[name], root, progress), moved.get(name, [])) for name in wanted
    }
    others = [name for name in expected if listed[name].sha256 != expected[name]]
    if others:
        lines = [f"{name}: found SHA-256 {listed[name].sha256}, expected {expected[name]}" for name in others]
        raise EvidenceError(
            f"the evidence was made from other data: {' and '.join(map(repr, others))} changed after the run",
            detail="\n".join(
                [*lines, "Files were added, changed, renamed or removed. Run the policy again."]
            ),
        )
    return listed


def _listed(dataset: Dataset, root: Root, progress: Progress) -> ImageSet:
    memory = ListingStore(root)
    if dataset.templates is None:
        return build_reader(loaded(READERS, dataset.format), dataset, memory).scan(progress)
    reader = TemplateReader(dataset)
    reader.remember(memory)
    return reader.scan(progress)


def _with(listed: ImageSet, more: list[ImageRef]) -> ImageSet:
    if not more:
        return listed
    return ImageSet(
        name=listed.name,
        images=listed.images.joined(ImageList.of(more)),
        excluded=listed.excluded,
        n_other_files=listed.n_other_files,
    )
