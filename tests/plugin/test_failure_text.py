"""What a person reads under a failed case."""

from __future__ import annotations

import os
import shutil

import pytest
from gate_project import ALL, NOTE, Project, failure, without_key
from rich.cells import cell_len

GOLDEN = {
    "leak_count": f"""\
LEAK: 1 of 7 generated images leaks; the policy allows at most 0

rule       cosine >= 0.9
generated  generated: 7 seen, 7 compared
source     training: 6 seen, 6 compared
embedder   fake-pixels

leaks, worst first (1 of 1):
  cosine  kind  generated image  source image
  1.0000  copy  g9.png           p3/1.png
all pairs, in the evidence folder:
  pairs/release.leak_count.generated-vs-training.KEY.parquet
{NOTE}
release.yaml:8: leak_count[generated-vs-training]""",
    "leak_rate": f"""\
LEAK: 1 of 7 generated images leaks (14.3%); the policy allows at most 0%

rule       cosine >= 0.9
generated  generated: 7 seen, 7 compared
source     training: 6 seen, 6 compared
embedder   fake-pixels

leaks, worst first (1 of 1):
  cosine  kind  generated image  source image
  1.0000  copy  g9.png           p3/1.png
all pairs, in the evidence folder:
  pairs/release.leak_rate.generated-vs-training.KEY.parquet
{NOTE}
release.yaml:9: leak_rate[generated-vs-training]""",
    "identity_exposure": f"""\
LEAK: 1 person of the source set is exposed; the policy allows at most 0

rule       cosine >= 0.9
generated  generated: 7 seen, 7 compared
source     training: 6 seen, 6 compared
embedder   fake-pixels

leaks, worst first (1 of 1):
  cosine  kind  generated image  source image
  1.0000  copy  g9.png           p3/1.png
all pairs, in the evidence folder:
  pairs/release.identity_exposure.generated-vs-training.KEY.parquet
{NOTE}
release.yaml:10: identity_exposure[generated-vs-training]""",
    "top_k_similarity": f"""\
LEAK: the most similar pair has a cosine of 1.0000; the policy allows at most
    0.9000

rule       the 3 most similar pairs
generated  generated: 7 seen, 7 compared
source     training: 6 seen, 6 compared
embedder   fake-pixels

most similar pairs, worst first (3 of 3):
  cosine  kind  generated image  source image
  1.0000  copy  g9.png           p3/1.png
  0.1778  -     g3.png           p5/1.png
  0.1547  -     g2.png           p1/1.png
all pairs, in the evidence folder:
  pairs/release.top_k_similarity.generated-vs-training.KEY.parquet
{NOTE}
release.yaml:11: top_k_similarity[generated-vs-training]""",
}


@pytest.mark.parametrize("style", ["auto", "long", "short", "native"])
def test_the_whole_text_of_each_check(project: Project, style: str) -> None:
    project.leak()
    project.policy("release.yaml", *ALL)
    output = project.gate(f"--tb={style}").stdout.str()
    for check, text in GOLDEN.items():
        assert failure(output, f"{check}[generated-vs-training]") == text


def test_one_line_a_failure(project: Project) -> None:
    project.leak()
    project.policy()
    output = without_key(project.gate("--tb=line").stdout.str())
    place = "release.yaml:8: 1 of 7 generated images leaks; the policy allows at most 0"
    whole = (
        f"{GOLDEN['leak_count']}\n{place}" if pytest.version_tuple >= (9,) else place
    )  # older ones print the line alone
    assert f"FAILURES ===================================\n{whole}\n- gen" in output


def test_no_text_where_none_is_wanted(project: Project) -> None:
    project.leak()
    project.policy()
    lines = project.gate("--tb=no").outlines
    assert not [line for line in lines if line.startswith("LEAK:")]
    assert lines[-2:] == [
        "FAILED release.yaml::leak_count[generated-vs-training] - 1 of 7 generated ima...",
        lines[-1],
    ]


def test_the_short_summary_tells_the_reason(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")  # pytest cuts nothing off there
    project.leak()
    shutil.rmtree(project.path / "training" / "p5")
    project.write("training/p5/broken.png", "no picture")
    project.policy("release.yaml", "leak_count", "leak_count: threshold: {cosine: 0.9}, at_most: 1")
    lines = project.gate().outlines
    assert lines[-3:-1] == [
        (
            "FAILED release.yaml::leak_count[generated-vs-training] - 1 of 7 generated images leaks; "
            "the policy allows at most 0; 1 of 6 images of 'training' was left out (16.7%: 1 unreadable); "
            "exclusions.at_most allows 0%"
        ),
        (
            "ERROR release.yaml::leak_count[generated-vs-training#2] - 1 of 6 images of 'training' was left out "
            "(16.7%: 1 unreadable); exclusions.at_most allows 0%; 1 of 7 generated images leaks; "
            "the policy allows at most 1"
        ),
    ]


def test_verbose_names_each_case(project: Project) -> None:
    project.policy("release.yaml", *ALL)
    lines = project.gate("-v").outlines
    assert [line.partition(" PASSED ")[0] for line in lines if " PASSED " in line] == [
        f"release.yaml::{check}[generated-vs-training]" for check in ALL
    ]


def test_the_location_of_a_case_is_its_line_in_the_policy(project: Project) -> None:
    project.policy("release.yaml", *ALL)
    project.write(
        "conftest.py",
        "def pytest_runtest_logreport(report):\n    if report.when == 'call':\n        print('AT', report.location)\n",
    )
    lines = project.gate("-s").stdout.str().replace(".AT", "\nAT").splitlines()
    assert [line for line in lines if line.startswith("AT ")] == [
        f"AT ('release.yaml', {n}, '{check}[generated-vs-training]')" for n, check in enumerate(ALL, start=7)
    ]


ODD_NAMES = {
    "with space.png": "with space.png",
    "<script>alert(1)<_script>.png": "<script>alert(1)<_script>.png",
    "quo'te\"s.png": "quo'te\"s.png",
    "new\nline.png": r"new\nline.png",
    "tab\tand\rreturn.png": r"tab\tand\rreturn.png",
    "\x1b[2J\x1b[31mred.png": r"\x1b[2J\x1b[31mred.png",
    "\u202eright-to-left.png": r"\u202eright-to-left.png",
    "zero\u200bwidth.png": r"zero\u200bwidth.png",
    "no \udcff utf-8.png": r"no \xff utf-8.png",
}
LONG_NAMES = {
    "long-" * 48 + ".png": "long-long-long-long-long…long-long-long-long-.png",
    "漢字の名前" * 8 + ".png": "漢字の名前漢字の名前漢字…漢字の名前漢字の名前.png",
    "e\u0301" * 40 + ".png": "e\u0301" * 40 + ".png",
    "👩\u200d🔬" * 9 + ".png": r"👩\u200d🔬👩\u200d🔬👩\u…👩\u200d🔬👩\u200d🔬.png",
}


@pytest.mark.parametrize("names", [ODD_NAMES, LONG_NAMES], ids=["odd", "long"])
def test_odd_names_fit_and_move_no_cursor(project: Project, names: dict[str, str]) -> None:
    for name in names:
        source = project.path / "training" / "p3" / "1.png"
        shutil.copy(source, os.fsencode(project.path / "generated") + b"/" + os.fsencode(name))
    project.policy()
    text = failure(project.gate().stdout.str(), "leak_count[generated-vs-training]")
    table = text[text.index("leaks, worst") : text.index("all pairs")].splitlines()[2:]
    shown = {line.removeprefix("  1.0000  copy  ").removesuffix("  p3/1.png").rstrip() for line in table}
    assert shown == set(names.values())
    assert max(map(cell_len, text.splitlines())) <= 80
    assert text.replace("\n", "").isprintable()


def test_long_names_of_sets_fit(project: Project) -> None:
    generated, source = "g" * 64, "t" * 64
    project.leak()
    project.policy()
    text = (project.path / "release.yaml").read_text()
    text = text.replace("generated: {", f"{generated}: {{").replace("training: {", f"{source}: {{")
    text = text.replace("generated: generated", f"generated: {generated}").replace(
        "source: training", f"source: {source}"
    )
    project.write("release.yaml", text)
    output = project.gate().stdout.str()
    assert failure(output, f"leak_count[{generated}-vs-{source}]") == (
        f"""\
LEAK: 1 of 7 generated images leaks; the policy allows at most 0

rule       cosine >= 0.9
generated  {generated}: 7
           seen, 7 compared
source     {source}: 6
           seen, 6 compared
embedder   fake-pixels

leaks, worst first (1 of 1):
  cosine  kind  generated image  source image
  1.0000  copy  g9.png           p3/1.png
all pairs, in the evidence folder:
  pairs/release.leak_count.{"g" * 36}.KEY.parquet
{NOTE}
release.yaml:8"""
    )


def test_ten_pairs_of_many_are_shown(project: Project) -> None:
    for n in range(12):
        project.leak(f"leak{n:02}.png", f"p{n % 6}/1.png")
    project.policy()
    text = failure(project.gate().stdout.str(), "leak_count[generated-vs-training]")
    table = text[text.index("leaks, worst") : text.index("all pairs")].splitlines()
    assert table[0] == "leaks, worst first (10 of 12):"
    assert [line.split()[2] for line in table[2:]] == [f"leak{n:02}.png" for n in range(10)]


def test_nothing_of_pytest_or_pluggy_is_in_a_failure(project: Project) -> None:
    project.leak()
    project.policy("release.yaml", *ALL)
    shutil.rmtree(project.path / "training")
    output = project.gate("--tb=long").stdout.str()
    text = output[output.index("= ERRORS =") :]
    for word in ("Traceback", "site-packages", ".py:", ">  ", "\nE  "):
        assert word not in text


def test_a_policy_with_an_odd_name(project: Project) -> None:
    project.leak()
    name = "od\x1b[31md 漢字.yaml"
    project.policy().rename(project.path / name)
    result = project.run("--faceleak-policy", name)
    result.assert_outcomes(failed=1)
    assert r"faceleak policies: od\x1b[31md 漢字.yaml" in result.outlines
    text = failure(result.stdout.str(), "leak_count[generated-vs-training]")
    assert text.splitlines()[-1] == r"od\x1b[31md 漢字.yaml:8: leak_count[generated-vs-training]"
    assert text.replace("\n", "").isprintable()
