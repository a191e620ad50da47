"""A regression gate: a figure must not be worse than in the evidence of an earlier release."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from faceleak_check.checks.judge import apart
from faceleak_check.errors import InconclusiveError
from faceleak_check.records import (
    EmbedderSpec,
    Measurement,
    Outcome,
    Previous,
    ScreenMethod,
    ScreenSummary,
    Verdict,
)
from faceleak_check.regular_files import read_regular
from faceleak_check.seals import EVIDENCE_VERSION, SEALED_SINCE, digest_of

__all__ = ["compared_with", "read_previous", "with_previous"]

_DECIMALS = 9
_COMPARED = ("source", "control")


def read_previous(file: Path, verdict: Verdict) -> Previous:
    """The figure of the same case in an earlier evidence file.

    Args:
        file: The evidence.
        verdict: The verdict of now; its model, source and threshold must be those of then.

    Raises:
        InconclusiveError: The file cannot be read, has no such case, or was made with something else.
    """
    cases, digest = _read(file)
    try:
        case = _case(cases, verdict, file)
        _require_same(case, verdict, file)
        value = float(case["measurement"]["value"])
        generated = str((case["sets"].get("generated") or {}).get("sha256", ""))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise _unusable(f"{file}: this is no evidence.json of faceleak-check, or it is damaged.") from None
    if not math.isfinite(value):
        raise _unusable(f"{file}: the figure of {verdict.case!r} is no number.")
    return Previous(value=value, evidence_sha256=digest, generated_sha256=generated)


def _unusable(detail: str) -> InconclusiveError:
    return InconclusiveError(
        "the evidence that this release must be no worse than cannot be used", detail=detail
    )


def _read(file: Path) -> tuple[list[Any], str]:
    try:
        raw = read_regular(file)
    except OSError as error:
        advice = "Correct `no_worse_than:`, or leave it out for a first release."
        raise _unusable(f"{file}: {error.strerror}. {advice}") from None
    try:
        data = json.loads(raw)
        cases = [case for policy in data["policies"] for case in policy["cases"]]
        version = data["evidence_version"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _unusable(f"{file}: this is no evidence.json of faceleak-check, or it is damaged.") from None
    if version not in range(1, EVIDENCE_VERSION + 1):
        raise _unusable(
            f"{file}: evidence of version {version!r}; this program reads 1 to {EVIDENCE_VERSION}."
        )
    if version >= SEALED_SINCE or "sha256" in data:
        _require_seal(data, file)
    return cases, hashlib.sha256(raw).hexdigest()


def _require_seal(data: Mapping[str, Any], file: Path) -> None:
    """A figure that somebody has edited is no bound."""
    try:
        found = digest_of(data)
    except ValueError:
        raise _unusable(f"{file}: this is no evidence.json of faceleak-check, or it is damaged.") from None
    if data.get("sha256") != found:
        raise _unusable(
            f"{file}: it was changed after it was written: found contents of SHA-256 {found}, expected "
            f"{str(data.get('sha256'))[:64]}, which the file itself names. Take the file as that run wrote it."
        )


def _case(cases: list[Any], verdict: Verdict, file: Path) -> Mapping[str, Any]:
    named = [case for case in cases if isinstance(case, dict) and case.get("case") == verdict.case]
    if len(named) != 1:
        raise InconclusiveError(
            "the earlier evidence has no such case"
            if not named
            else "the earlier evidence has this case twice",
            detail=f"{file}: found {len(named)} cases {verdict.case!r}, expected one; there are: "
            f"{', '.join(sorted(str(case.get('case')) for case in cases if isinstance(case, dict))) or 'none'}.",
        )
    if not isinstance(named[0].get("measurement"), dict) or named[0].get("outcome") == Outcome.INCONCLUSIVE:
        raise InconclusiveError(
            "the earlier evidence has no figure for this case",
            detail=f"{file}: {verdict.case!r} was inconclusive then. Name the evidence of a release that was measured.",
        )
    return named[0]


def _require_same(case: Mapping[str, Any], verdict: Verdict, file: Path) -> None:
    """Two figures can only be compared where all but the generated set is the same."""
    found = list(_differences(case, verdict))
    if found:
        raise InconclusiveError(
            f"the earlier evidence was made with {' and '.join(found)}",
            detail=f"{file}: figures of {verdict.case!r} can only be compared where model, source, threshold and "
            "screens are the same. Run the earlier release again with this policy, or take out `no_worse_than:`.",
        )


def _differences(case: Mapping[str, Any], verdict: Verdict) -> list[str]:
    found = []
    others = case.get("agreement") or {}
    if (
        not _is_same_model(verdict.embedder, case.get("embedder"))
        or others.keys() != verdict.agreement.keys()
        or not all(_is_same_model(spec, others[name]) for name, spec in verdict.agreement.items())
    ):
        found.append("another model")
    for role in _COMPARED:
        one, then = verdict.sets.get(role), case["sets"].get(role) or {}
        if one is None:
            continue
        if one.sha256 != then.get("sha256"):
            found.append(f"another {role} set")
        elif one.labels_sha256 != then.get("labels_sha256"):
            found.append(f"other names of the people in the {role} set")
    assert verdict.measurement is not None
    if _rule(case["measurement"].get("rule"), case) != _rule(verdict.measurement.rule, verdict):
        found.append("another threshold")
    if not _are_same_screens(verdict.screens, case.get("screens") or []):
        found.append("other screens")
    return found


def _are_same_screens(screens: Sequence[ScreenSummary], then: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the same was taken out by the same rules: a wider screen makes any release look better."""
    if [(one.rule, one.combine) for one in screens] != [(one["rule"], one["combine"]) for one in then]:
        return False
    now = [method for one in screens for method in one.methods]
    before = [method for one in then for method in one["methods"]]
    return len(now) == len(before) and all(map(_is_same_method, now, before))


def _is_same_method(method: ScreenMethod, then: Mapping[str, Any]) -> bool:
    now = asdict(method.spec) | {"reject_above": round(method.reject_above, _DECIMALS)}
    told = {name: value for name, value in then.items() if name != "n_images"}
    return "reject_above" in told and {name: now.get(name) for name in told} == told


def _is_same_model(embedder: EmbedderSpec | None, then: Any) -> bool:
    """Whether all that the earlier evidence tells of its embedder holds for this one."""
    if embedder is None or then is None:
        return embedder is then
    now = json.loads(json.dumps(asdict(embedder)))
    return "weights_sha256" in then and {name: now.get(name) for name in then} == then


def _rule(rule: object, of: Mapping[str, Any] | Verdict) -> tuple[object, ...]:
    """The rule in words, with the cosine behind each error rate."""
    if isinstance(of, Verdict):
        cosines = [(name, round(one.cosine, _DECIMALS)) for name, one in of.thresholds.items()]
    else:
        cosines = [(name, one["cosine"]) for name, one in (of.get("thresholds") or {}).items()]
    return (rule, *sorted(cosines))


def compared_with(previous: Previous, measured: Measurement, outcome: Outcome) -> tuple[Outcome, str]:
    """What the comparison adds: the outcome, and a sentence.

    With a confidence only an interval that lies wholly beyond the earlier figure is worse; one that holds it is open.

    Args:
        previous: The earlier figure.
        measured: The figure of now.
        outcome: What the figure by itself means.
    """
    now = round(measured.value, _DECIMALS)
    gap = previous.value - now if measured.at_least else now - previous.value
    value, then = apart(now, previous.value, measured.unit)
    sentence = f"{value} now, {then} in the earlier release"
    if gap <= 0:
        return outcome, f"no worse than the earlier release: {sentence}"
    interval = measured.interval
    if measured.confidence_asked and interval is not None and interval.low <= previous.value:
        settled = Outcome.INCONCLUSIVE if outcome in (Outcome.PASS, Outcome.WAIVED) else outcome
        return settled, f"it cannot be told whether this is worse than the earlier release: {sentence}"
    worst = measured.missed if outcome in (Outcome.PASS, Outcome.WAIVED) else outcome
    return worst, f"worse than the earlier release: {sentence}"


def with_previous(verdict: Verdict, file: Path) -> Verdict:
    """The verdict once the earlier figure has had its say; evidence that cannot be used makes a pass inconclusive."""
    assert verdict.measurement is not None
    try:
        previous = read_previous(file, verdict)
    except InconclusiveError as error:
        outcome = Outcome.INCONCLUSIVE if verdict.passed else verdict.outcome
        reasons = (
            (*verdict.reasons, error.message)
            if outcome is Outcome.LEAK
            else (error.message, *verdict.reasons)
        )
        details = (*verdict.details, error.detail)
        return replace(verdict, outcome=outcome, reasons=reasons, details=details)
    outcome, sentence = compared_with(previous, verdict.measurement, verdict.outcome)
    reasons = (*verdict.reasons, sentence) if outcome is verdict.outcome else (sentence, *verdict.reasons)
    return replace(verdict, outcome=outcome, reasons=reasons, previous=previous)
