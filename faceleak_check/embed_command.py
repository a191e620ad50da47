"""``faceleak embed``: the templates of a dataset in a file, to be handed out in place of its pictures."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from faceleak_check.checks.coverage import Coverage
from faceleak_check.errors import DatasetError, UsageError
from faceleak_check.image_sets import EmbeddedSet
from faceleak_check.policy.parse import parse_argument
from faceleak_check.policy.presets import resolve_policy
from faceleak_check.policy.roles import MATCHES
from faceleak_check.policy.schema import Case, NamedEmbedder, Policy
from faceleak_check.preparing import Preparation
from faceleak_check.protocols import Progress
from faceleak_check.readers.trouble import number_of
from faceleak_check.records import UNSEEN_FOLDER, EmbedderSpec
from faceleak_check.registry import suggestion
from faceleak_check.store.roots import Root
from faceleak_check.template_file import write_templates
from faceleak_check.template_sets import origin_sha256
from faceleak_check.whole_files import writing_where_asked

__all__ = ["EmbeddedDataset", "embed_to", "embedded_dataset", "how_to_use"]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EmbeddedDataset:
    """A dataset with its templates, and the network that made them.

    Attributes:
        name: Its name in the policy.
        embedded: The templates, and what could not be embedded.
        spec: The network.
    """

    name: str
    embedded: EmbeddedSet
    spec: EmbedderSpec


def embed_to(
    path: Path, policy: str, name: str, embedder: str | None, *, store: Root, progress: Progress
) -> tuple[str, ...]:
    """Writes the templates of a dataset; returns what to tell the user.

    Args:
        path: The file to write.
        policy: The policy as the user names it.
        name: The dataset's name in it.
        embedder: The embedder's name in it; None for the only one.
        store: Root folder of the template store.
        progress: Told how far it is.

    Raises:
        UsageError: There is no such policy, dataset or embedder, or the file cannot be written.
        PolicyError: The policy is wrong.
        InconclusiveError: The dataset or the model cannot be had.
    """
    argument = resolve_policy(policy, Path.cwd())
    dataset = embedded_dataset(parse_argument(argument, pinned=False), name, embedder, store, progress)
    with writing_where_asked(path):
        write_templates(path, dataset.embedded, dataset.spec.dimension)
    return tuple(how_to_use(path, dataset))


def embedded_dataset(
    policy: Policy, name: str, embedder: str | None, store: Root, progress: Progress
) -> EmbeddedDataset:
    """Embeds a dataset of a policy.

    Args:
        policy: The policy.
        name: The dataset's name in it.
        embedder: The embedder's name in it; None for the only one.
        store: Root folder of the template store.
        progress: Told how far it is.

    Raises:
        UsageError: There is no such dataset of pictures, or no such embedder.
        InconclusiveError: The dataset or the model cannot be had, or a part of the dataset could not be looked into.
    """
    _require_pictures(policy, name)
    named = _embedder(policy, embedder)
    case = Case(
        id=f"embed[{name}]",
        check_name="coverage",
        check=Coverage(min_images=1),
        generated=None,
        source=None,
        matches=None,
        line=policy.datasets[name].line,
        column=policy.datasets[name].column,
        embedder=named,
        dataset=name,
    )
    sets = Preparation(store, progress, [], policy.execution).sets
    embedded = sets.by_role(policy, case, named)["dataset"]
    unseen = [gone for gone in embedded.summary.excluded if gone.rule == UNSEEN_FOLDER]
    if unseen:
        raise DatasetError(
            f"parts of {name!r} could not be looked into, so its templates would not be all: {len(unseen):,}",
            detail="\n".join(f"{name}: {gone.id!r}: {gone.reason}" for gone in unseen[:5]),
        )
    return EmbeddedDataset(name=name, embedded=embedded, spec=sets.spec(named))


def _require_pictures(policy: Policy, name: str) -> None:
    there = policy.datasets
    if name not in there:
        raise UsageError(f"unknown dataset {name!r}{suggestion(name, there)}; there are: {', '.join(there)}")
    if there[name].format == MATCHES:
        raise UsageError(f"{name!r} is a match list, which has no pictures to embed")
    if there[name].templates is not None:
        raise UsageError(f"{name!r} is a set of templates already")


def _embedder(policy: Policy, name: str | None) -> NamedEmbedder:
    there = policy.embedders
    if not there:
        raise UsageError("this policy has no embedder; add one with 'embedder'")
    if name is None and len(there) > 1:
        raise UsageError(f"this policy has several embedders; name one with --embedder: {', '.join(there)}")
    name = name or next(iter(there))
    if name not in there:
        raise UsageError(f"unknown embedder {name!r}{suggestion(name, there)}; there are: {', '.join(there)}")
    return NamedEmbedder(name=name, choice=there[name])


def how_to_use(path: Path, dataset: EmbeddedDataset) -> Iterable[str]:
    """What was written, and the keys to put into a policy that compares it, line by line.

    Args:
        path: The file.
        dataset: The dataset.
    """
    one, spec = dataset.embedded, dataset.spec
    n_rows, n_lost = int(one.templates.n_faces.sum()), len(one.summary.excluded)
    what = f"{number_of(n_rows, 'template')} of {number_of(len(one.images), 'image')} of {dataset.name!r}"
    yield f"Wrote {path}: {what} by {spec.name}."
    if n_lost:
        yield f"{n_lost:,} more could not be embedded: each has a row without numbers, and counts as left out."
    yield "Templates of real people are biometric data: give the file to nobody who may not have it."
    yield "In the policy that compares it:"
    yield ""
    names = ", identity: people" if one.images.names else ""
    align = "" if spec.template is None else f", align: {one.alignment.used}"
    yield f"  {dataset.name}:"
    yield f"    path: {json.dumps(path.name, ensure_ascii=False)}"
    yield "    format: arrays"
    yield f"    arrays: {{data: templates, ids: ids{names}}}"
    yield f'    templates: {{embedder: {spec.name}, sha256: "{origin_sha256(spec)}"{align}}}'
    yield ""
    yield "Where all sets of that policy are templates, the network need not be there:"
    yield ""
    yield f'  embedder: {{name: precomputed, sha256: "{origin_sha256(spec)}", dimension: {spec.dimension}}}'
