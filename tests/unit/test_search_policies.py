"""What a policy says under ``search``, on templates that were computed elsewhere."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hand_made_sets import near, people

import faceleak_check.search.engine as engine_module
from faceleak_check import check
from faceleak_check.errors import PolicyError
from faceleak_check.policy.parse import parse_policy
from faceleak_check.records import Outcome, Verdict
from faceleak_check.reports.facts import fact_lines
from faceleak_check.reports.plain import verdict_record

SHA = "ab" * 32
SETS = ("generated", "training", "unseen")
PAIR = "generated: generated, source: training"
SCHEMA = json.loads((files("faceleak_check") / "reports/evidence.schema.json").read_text(encoding="utf-8"))
EXACT = [
    f"top_k_similarity: {{{PAIR}, k: 1000, at_most: 0.7}}",
    f"leak_rate: {{{PAIR}, threshold: {{cosine: 0.8}}, at_most: 1%, confidence: 95%}}",
    f"leak_rate: {{{PAIR}, control: unseen, threshold: {{fpir: 1%}}, at_most: 3%}}",
    f"excess_risk: {{{PAIR}, control: unseen, threshold: {{cosine: 0.6}}, at_most: 5%, confidence: 95%}}",
    f"membership_inference: {{{PAIR}, control: unseen, fpr: 1%, at_most: 40%}}",
]
RATE = f"leak_rate: {{{PAIR}, threshold: {{cosine: 0.8}}, at_most: 2.5%, confidence: 95%}}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 training images, 300 unseen ones, 550 generated ones of which five are near to training images."""
    path = tmp_path_factory.mktemp("sets")
    training, generated = people(120, 5, seed=1, dimension=32), people(550, seed=3, dimension=32)
    for row in range(5):
        generated[row] = near(training[7 * row], 0.9, seed=row)
    np.save(path / "training.npy", training)
    np.save(path / "unseen.npy", people(60, 5, seed=2, dimension=32))
    np.save(path / "generated.npy", generated)
    for name in SETS:
        n = len(np.load(path / f"{name}.npy"))
        lines = [f"row {row:08d},{name}{row // 5}\n" for row in range(n)]
        (path / f"{name}.csv").write_text("image,identity\n" + "".join(lines))
    return path


def written(folder: Path, checks: list[str], search: str, name: str = "policy.yaml") -> Path:
    # without a control nobody need be named, and what chance predicts is not worked out
    named = SETS[1:] if any("unseen" in text for text in checks) else ()
    labelled = {one: f", labels: {{csv: {one}.csv}}" for one in named}
    used = [one for one in SETS if any(f": {one}" in text for text in checks)]
    lines = [
        "version: 1",
        "name: search",
        "datasets:",
        *(
            f'  {one}: {{path: {one}.npy, format: arrays, templates: {{embedder: net, sha256: "{SHA}"}}'
            f"{labelled.get(one, '')}}}"
            for one in used
        ),
        f'embedder: {{name: precomputed, sha256: "{SHA}", dimension: 32, licence: MIT}}',
        f"search: {search}",
        "checks:",
        *(f"  - {text}" for text in checks),
    ]
    (folder / name).write_text("".join(f"{line}\n" for line in lines))
    return folder / name


def judged(folder: Path, checks: list[str], search: str, store: Path, **keys: Any) -> tuple[Verdict, ...]:
    return check(written(folder, checks, search), store=store, **keys).verdicts


@pytest.fixture(scope="module")
def plain(folder: Path) -> tuple[tuple[Verdict, ...], set[str]]:
    """The verdicts of a policy that says nothing of its search, and the stages that were told of."""
    stages: set[str] = set()
    found = judged(folder, EXACT, "{}", folder / "store", progress=lambda stage, *_: stages.add(stage))
    assert not (folder / "store" / "v2" / "searches").exists()
    return found, stages


def records(verdicts: tuple[Verdict, ...]) -> list[str]:
    return [json.dumps(verdict_record(verdict)) for verdict in verdicts]


def test_no_verdict_depends_on_memory_or_device(
    folder: Path, plain: tuple[tuple[Verdict, ...], set[str]], tmp_path: Path
) -> None:
    assert [verdict.outcome.value for verdict in plain[0]] == [
        "leak",
        "inconclusive",
        "pass",
        "pass",
        "pass",
    ]
    found = judged(folder, EXACT, "{memory: 64 MiB, device: auto, index: exact}", tmp_path)
    assert records(found) == records(plain[0])
    assert found == plain[0]


def test_no_verdict_depends_on_what_was_kept(
    folder: Path,
    plain: tuple[tuple[Verdict, ...], set[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "_LONG", 50_000)
    monkeypatch.setattr(engine_module, "_BLOCK_ROWS", 300)
    kept = []
    for _ in range(2):
        assert judged(folder, EXACT, "{}", tmp_path) == plain[0]
        kept.append(sorted(path.name for path in (tmp_path / "v2" / "searches").iterdir()))
    assert len(kept[0]) > 4
    assert kept[0] == kept[1]


def test_a_thousand_pairs_are_the_most_similar_of_all(
    folder: Path, plain: tuple[tuple[Verdict, ...], set[str]]
) -> None:
    measured = plain[0][0].measurement
    assert measured is not None
    generated, training = (np.load(folder / f"{name}.npy").astype(np.float64) for name in SETS[:2])
    cosines = np.sort((generated @ training.T).ravel())[::-1][:1000]
    np.testing.assert_allclose([pair.similarity for pair in measured.pairs], cosines, atol=1e-7)
    assert (measured.n, measured.rule) == (550, "the 1,000 most similar pairs")


def test_progress_names_what_is_compared(plain: tuple[tuple[Verdict, ...], set[str]]) -> None:
    assert {stage for stage in plain[1] if stage.startswith("comparing")} == {
        "comparing generated with training",
        "comparing generated with training and unseen",
        "comparing training and unseen with generated",
        "comparing unseen with training",
    }
    assert "counting the cosines of all pairs" in plain[1]


def facts(verdict: Verdict) -> list[str]:
    """What a report says of a verdict, whose record is as the schema says."""
    record = verdict_record(verdict)
    schema = {"$ref": "#/$defs/search", "$defs": SCHEMA["$defs"]}
    jsonschema.Draft202012Validator(schema).validate(record["search"])
    return list(fact_lines(record))


@pytest.fixture
def lists_in_every_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FEWEST_ROWS", 1)


@pytest.mark.usefixtures("lists_in_every_set")
def test_an_approximate_search_says_what_it_finds_and_the_rate_allows_for_it(
    folder: Path, tmp_path: Path
) -> None:
    (exact,) = judged(folder, [RATE], "{}", tmp_path)
    (verdict,) = judged(folder, [RATE], "{index: ivf}", tmp_path)
    search, measured, bare = verdict.search, verdict.measurement, exact.measurement
    assert search is not None
    assert measured is not None
    assert bare is not None
    assert (search.index, search.n_templates, search.n_lists, search.n_probed) == ("ivf", 600, 98, 8)
    assert (search.n_sampled, search.confidence) == (512, 0.95)
    assert 150 < search.n_found < 500
    assert search.recall is not None
    assert search.n_found / 512 - 0.06 < search.recall < search.n_found / 512
    assert (measured.value, measured.pairs) == (bare.value, bare.pairs)
    assert measured.interval is not None
    assert bare.interval is not None
    assert measured.interval.low == bare.interval.low
    assert measured.interval.high == bare.interval.high / search.recall
    assert (exact.outcome, exact.search, exact.warnings) == (Outcome.PASS, None, ())
    assert verdict.outcome is Outcome.INCONCLUSIVE
    share = f"{search.n_found:,} of 512 generated images"
    (warning,) = verdict.warnings
    assert warning == (
        f"the search is approximate: it found the nearest source image of {share}, so up to "
        f"{1 / search.recall:.4g} times as many may leak, which the interval allows for"
    )
    told = " ".join(" ".join(facts(verdict)).split())
    assert (
        f"search approximate, 8 of 98 lists; it found the nearest source image of {share} "
        f"(95%: at least {100 * search.recall:.4g}%)"
    ) in told


def test_a_small_source_is_searched_exactly_and_the_report_says_so(folder: Path, tmp_path: Path) -> None:
    (exact,) = judged(folder, [RATE], "{}", tmp_path)
    (verdict,) = judged(folder, [RATE], "{index: ivf}", tmp_path)
    assert (verdict.measurement, verdict.outcome, verdict.warnings) == (
        exact.measurement,
        exact.outcome,
        (),
    )
    assert "search     exact, as the source has no more than 600 templates" in facts(verdict)


@pytest.mark.usefixtures("lists_in_every_set")
def test_an_approximate_search_sets_no_threshold(folder: Path, tmp_path: Path) -> None:
    rate = f"leak_rate: {{{PAIR}, control: unseen, threshold: {{fpir: 1%}}, at_most: 3%, confidence: 95%}}"
    (exact,) = judged(folder, [rate], "{}", tmp_path)
    (verdict,) = judged(folder, [rate], "{index: ivf}", tmp_path)
    assert verdict.thresholds == exact.thresholds


REFUSED = f"""\
version: 1
name: search
datasets: {{generated: {{path: a}}, training: {{path: b}}, unseen: {{path: c}}}}
search:
  index: ivf
checks:
  - top_k_similarity: {{{PAIR}, k: 10, at_most: 0.7}}
  - leak_rate: {{{PAIR}, threshold: {{cosine: 0.8}}, at_most: 1%, confidence: 95%}}
  - leak_rate: {{{PAIR}, threshold: {{cosine: 0.8}}, at_most: 0}}
  - leak_count: {{{PAIR}, threshold: {{cosine: 0.8}}, at_most: 0}}
  - identity_exposure: {{{PAIR}, threshold: {{cosine: 0.8}}, people: clusters, at_most: 0}}
  - excess_risk: {{{PAIR}, control: unseen, threshold: {{cosine: 0.6}}, at_most: 5%}}
  - membership_inference: {{{PAIR}, control: unseen, fpr: 1%, at_most: 1%}}
  - canary_recall: {{source: training, at_least: 99%}}
  - near_copy: {{{PAIR}, at_most: 0}}
  - coverage: {{dataset: training, min_images: 1}}
"""


def test_checks_that_need_every_neighbour_refuse_an_index_that_misses_some(tmp_path: Path) -> None:
    (tmp_path / "refused.yaml").write_text(REFUSED)
    with pytest.raises(PolicyError) as refused:
        parse_policy(tmp_path / "refused.yaml", shown_as="refused.yaml")
    found = "refused.yaml:5:10: search.index: found 'ivf', an index that misses some neighbours, but "
    reasons = (
        "'top_k_similarity' in line 7 needs every one",
        "'leak_rate' in line 9 has no 'confidence', whose interval would allow for that",
        "'leak_count' in line 10 needs every one",
        "'identity_exposure' in line 11 needs every one",
        "'excess_risk' in line 12 needs every one",
        "'membership_inference' in line 13 needs every one",
        "'canary_recall' in line 14 needs every one",
        "'near_copy' in line 15 needs every one",
    )
    assert sorted(map(str, refused.value.problems)) == sorted(
        f"{found}{reason}; write 'exact', or take the key out" for reason in reasons
    )


def test_a_list_of_matches_needs_no_search(tmp_path: Path) -> None:
    text = """\
version: 1
name: search
datasets: {best: {path: best.csv, format: matches}}
search: {index: ivf}
checks:
  - leak_count: {matches: best, threshold: {cosine: 0.8}, at_most: 0}
"""
    (tmp_path / "list.yaml").write_text(text)
    assert parse_policy(tmp_path / "list.yaml").search.index == "ivf"
