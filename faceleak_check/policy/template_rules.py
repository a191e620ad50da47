"""What cannot be done with sets of templates, which come without pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faceleak_check.policy.agreement import THRESHOLD, own_threshold
from faceleak_check.policy.canaries import CANARY_RECALL
from faceleak_check.policy.embedders import AGREEMENT, has_own_embedder
from faceleak_check.policy.roles import SOURCE
from faceleak_check.policy.schema import Dataset, NamedEmbedder
from faceleak_check.policy.screen_rules import HUB
from faceleak_check.policy.validation import Validator
from faceleak_check.policy.wording import KeyPath
from faceleak_check.registry import EMBEDDERS

__all__ = ["check_template_sets"]

_MAX_NO_FACE = "max_no_face"


def check_template_sets(
    validator: Validator,
    check: Any,
    keys: Mapping[str, Any],
    sets: Mapping[str, Dataset],
    embedders: Sequence[NamedEmbedder],
    path: KeyPath,
) -> None:
    """Report a check that needs pictures where there are templates, or a network where there is none.

    Args:
        validator: Where problems go.
        check: The check, free of errors.
        keys: All its keys.
        sets: Its datasets by role.
        embedders: The policy's embedders that it asks for.
        path: Where it stands; the last step is its name.
    """
    for role, dataset in sets.items():
        if dataset.templates is None:
            for message in _needs_network(dataset, embedders):
                validator.report((*path, role), message)
            continue
        screens = validator.source.data.get("screens")
        is_screened = (
            isinstance(screens, dict) and screens.keys() - {HUB} and getattr(check, "is_screened", True)
        )
        for key, message in _needs_pictures(check, role, keys, str(path[-1]), is_screened=bool(is_screened)):
            named = f"{dataset.name!r} is a set of templates"
            validator.report((*path, key), f"{named}{message}", at_key=key in (AGREEMENT, _MAX_NO_FACE))
        for named_embedder in embedders:
            if named_embedder.choice.scan is not None:
                message = (
                    f"{dataset.name!r} is a set of templates, and 'scan' looks at pictures twice; take 'scan' out of "
                    f"the embedder {named_embedder.name!r}"
                )
                validator.report((*path, role), message)


def _needs_network(dataset: Dataset, embedders: Sequence[NamedEmbedder]) -> Iterator[str]:
    for named in embedders:
        if not EMBEDDERS.about(named.choice.name).has_network:
            yield (
                f"{dataset.name!r} is a set of images, and embedder {named.name!r} has no network to embed them with; "
                "name the network that made the templates"
            )


def _needs_pictures(
    check: Any, role: str, keys: Mapping[str, Any], check_name: str, *, is_screened: bool
) -> Iterator[tuple[str, str]]:
    """The key at which a set of templates does not fit, and why not."""
    if has_own_embedder(type(check)):
        yield role, ", and this check compares pictures; run it where the pictures are"
        return
    if check_name == CANARY_RECALL and role == SOURCE:
        yield role, ", and canaries are altered copies of its pictures; run this check where the pictures are"
    if is_screened:
        yield role, ", and screens look at pictures; give the pictures, or take 'screens' out"
    if AGREEMENT in keys:
        yield (
            AGREEMENT,
            " of one embedder, and no other can look at its pictures; name that one with 'embedder'",
        )
    threshold = own_threshold(check)
    if threshold is not None and threshold.euclidean is not None:
        yield (
            THRESHOLD,
            ", which may have been scaled before, so that distances mean nothing; state a cosine or an error rate",
        )
    if _MAX_NO_FACE in keys:
        yield _MAX_NO_FACE, f", and nobody looks for faces in it; take {_MAX_NO_FACE!r} out"
