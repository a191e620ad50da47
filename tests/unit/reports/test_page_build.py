"""The page as a text: whole, self-contained, and deaf to what names hold."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from full_verdict import WAIVED, full_verdict
from lxml import html
from page_evidence import case_record, embedded, page_of, policy_record, written
from whole_verdicts import EVERY, calibrated, coverage

from faceleak_check.errors import EvidenceError
from faceleak_check.records import ImageRef
from faceleak_check.reports.evidence import EvidenceFolder
from faceleak_check.reports.opening import Evidence, pairs_of
from faceleak_check.reports.page.build import PageOptions, build_page, write_page
from faceleak_check.reports.page.pairs import pair_table
from faceleak_check.reports.page.pictures import Pictures

HOSTILE = "</script><script>window.owned = 1</script><img src=x onerror=owned=1>'\"&{{ 7 * 7 }}.png"


def tree(page: str) -> Any:
    return html.fromstring(page)


def hostile_case() -> dict[str, Any]:
    verdict = calibrated()
    assert verdict.measurement is not None
    image = ImageRef(id=HOSTILE, sha256="1" * 64, labels=(HOSTILE,))
    pairs = tuple(replace(pair, generated=image, source=image) for pair in verdict.measurement.pairs)
    return case_record(replace(verdict, measurement=replace(verdict.measurement, pairs=pairs)))


@pytest.fixture
def whole(tmp_path: Path) -> str:
    """A page of two policies with every kind of verdict, screens, waived pairs and hubs."""
    cases = [case_record(verdict) for verdict in (full_verdict(), *EVERY.values())]
    waiver = {
        "generated": "1" * 64,
        "source": "2" * 64,
        "reason": "Accepted: she agreed",
        "owner": "A. Reviewer",
        "date": "2026-01-02",
        "expires": "2027-01-02",
    }
    waivers = {
        "file": "release.waivers.yaml",
        "sha256": "e" * 64,
        "on_expired": "fail",
        "on_unmatched": "fail",
        "matched": [waiver],
        "unmatched": [waiver],
        "expired": [waiver],
    }
    invalid = policy_record(
        file="broken.yaml",
        sha256=None,
        name=None,
        description=None,
        problems=["broken.yaml:1:1: version: found 2, expected 1"],
    )
    return page_of(tmp_path, policy_record(*cases, not_run=["near_copy[a-vs-b]"], waivers=waivers), invalid)


def test_nothing_is_loaded_from_elsewhere(whole: str) -> None:
    page = tree(whole)
    for attribute in ("src", "href", "action", "data", "poster", "srcset"):
        for value in page.xpath(f"//@{attribute}"):
            assert value.startswith(("#", "data:")), value
    assert page.xpath("//link[not(starts-with(@href, 'data:'))]|//iframe|//object|//embed|//base") == []
    assert re.findall(r"url\((?!#)|@import|https?://(?!www\.w3\.org/)", whole) == []


def test_only_the_script_of_the_page_may_run(whole: str) -> None:
    (policy,) = tree(whole).xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    (script,) = re.findall(r'<script type="module">(.*?)</script>', whole, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_headings_step_down_one_by_one_and_ids_are_unique(whole: str) -> None:
    page = tree(whole)
    levels = [int(heading.tag[1]) for heading in page.xpath("//h1|//h2|//h3|//h4|//h5")]
    assert levels.count(1) == 1
    assert [(a, b) for a, b in itertools.pairwise(levels) if b > a + 1] == []
    assert [name for name, n in Counter(page.xpath("//@id")).items() if n > 1] == []
    ids = set(page.xpath("//@id"))
    named = [one for value in page.xpath("//@aria-labelledby") for one in value.split()]
    targets = [value[1:] for value in page.xpath("//@href") if value.startswith("#")]
    assert {*named, *targets, *page.xpath("//label/@for")} <= ids


def test_every_table_has_a_caption_and_every_field_a_name(whole: str) -> None:
    page = tree(whole)
    assert page.xpath("//table[not(caption)]") == []
    labelled = set(page.xpath("//label/@for"))
    fields = page.xpath("//input|//select|//textarea")
    assert [
        field for field in fields if field.get("id") not in labelled and not field.xpath("ancestor::label")
    ] == []
    assert page.xpath("//img[not(@alt)]") == []


def test_two_policies_have_a_section_each_and_stand_in_the_contents(whole: str) -> None:
    page = tree(whole)
    assert page.xpath("//section[contains(@class, 'policy')]/@id") == ["policy-1", "policy-2"]
    assert page.xpath("//ol[@class='contents']/li/a/@href") == ["#policy-1", "#policy-2"]
    assert page.xpath("//head/title/text()") == ["Privacy report on 2 policies"]
    assert "broken.yaml:1:1: version: found 2, expected 1" in whole


def test_what_a_name_holds_stays_text(tmp_path: Path) -> None:
    page = page_of(tmp_path, policy_record(hostile_case(), name=HOSTILE, description=HOSTILE, file=HOSTILE))
    assert len(re.findall("<script", page)) == len(re.findall("</script", page))
    assert tree(page).xpath("//script[contains(text(), 'window.owned')][not(@type)]") == []
    assert tree(page).xpath("//img[@src='x']") == []
    assert "49.png" not in page
    assert embedded(page, "data-pairs")[0][0] == HOSTILE
    assert HOSTILE in tree(page).xpath("//h2/bdi/text()")


def test_pairs_are_there_without_javascript_and_as_data(tmp_path: Path) -> None:
    page = page_of(tmp_path, policy_record(case_record(calibrated())))
    rows = tree(page).xpath("//table[contains(@class, 'pairs')]/tbody/tr")
    assert " ".join(rows[0].text_content().split()) == (
        "secret-1.png 111111111111 secret-2.png 222222222222 Secret Person 0.9700 at most 40 Copy of the "
        "picture Leak"
    )
    assert embedded(page, "data-pairs") == [
        [
            f"secret-{a}.png",
            a * 64,
            f"secret-{b}.png",
            b * 64,
            ["Secret Person"],
            cosine,
            [],
            "at most 40",
            40.4,
            kind,
            "Leak",
            None,
            None,
        ]
        for a, b, cosine, kind in (
            ("1", "2", 0.97, "Copy of the picture"),
            ("3", "4", 0.96, "Same person"),
            ("3", "5", 0.95, "Not told"),
        )
    ]


def test_checks_of_the_same_pairs_share_a_table(tmp_path: Path) -> None:
    rate, count = case_record(calibrated()), case_record(calibrated(), case="leak_count[a-vs-b]")
    page = tree(page_of(tmp_path, policy_record(rate, count)))
    (title,) = page.xpath("//section[@data-pairs]/h4")
    assert title.text_content() == "Leaks: leak_rate[generated-vs-training], leak_count[a-vs-b]"


def test_a_page_without_any_pair(tmp_path: Path) -> None:
    page = page_of(tmp_path, policy_record(case_record(coverage())))
    assert "No pair of a generated and a source image was found that counts." in page
    assert tree(page).xpath("//form") == []


def test_of_very_many_pairs_the_worst_are_held_and_the_waived_ones(tmp_path: Path) -> None:
    one = calibrated()
    assert one.measurement is not None
    many = replace(
        one, measurement=replace(one.measurement, pairs=one.measurement.pairs * 3), waived=(WAIVED,) * 2
    )
    file = EvidenceFolder(tmp_path).add_pairs("release.yaml", many)
    evidence = written(tmp_path, policy_record(case_record(many, pairs_file=file)))
    (case,) = evidence.data["policies"][0]["cases"]
    assert [pair["waived"] for pair in pairs_of(evidence, case)] == [False] * 9 + [True] * 2
    assert [pair["similarity"] for pair in pairs_of(evidence, case, most=4)] == [
        0.97,
        0.96,
        0.95,
        0.97,
        0.99,
        0.99,
    ]
    assert pairs_of(evidence, case, most=9) == pairs_of(evidence, case, most=10) == pairs_of(evidence, case)
    table = pair_table(case, pairs_of(evidence, case, most=4), Pictures(None))
    assert table is not None
    assert (table.n_pairs, len(table.rows), table.n_waived) == (11, 6, 2)


def test_evidence_without_a_policy(tmp_path: Path) -> None:
    assert "This evidence holds no policy." in page_of(tmp_path)


def test_the_same_evidence_gives_the_same_page(tmp_path: Path) -> None:
    evidence = written(tmp_path, policy_record(case_record(full_verdict())))
    assert build_page(evidence, PageOptions()) == build_page(evidence, PageOptions())


def test_waivers_without_a_leak_are_told_among_the_verdicts(tmp_path: Path) -> None:
    waiver = {
        "generated": "1" * 64,
        "source": "2" * 64,
        "reason": "x",
        "owner": HOSTILE,
        "date": "2026-01-02",
        "expires": "2027-01-02",
    }
    waivers = {
        "file": "release.waivers.yaml",
        "sha256": "e" * 64,
        "on_expired": "fail",
        "on_unmatched": "fail",
        "matched": [],
        "unmatched": [waiver],
        "expired": [],
    }
    case = case_record(coverage(), outcome="pass")
    failing = page_of(tmp_path, policy_record(case, waivers=waivers, outcome="inconclusive"))
    told = tree(failing).xpath("//section[@id='policy-1-verdicts']//h4/text()")
    assert told == ["Was enough looked at?", "Waivers without a leak"]
    assert "1 waiver matches no leak: its pair leaks in no case of this policy." in failing
    warned = page_of(tmp_path, policy_record(case, waivers=waivers | {"on_unmatched": "warn"}))
    assert "Waivers without a leak" not in warned
    assert "Without a leak that they fit: 1." in warned
    cells = tree(warned).xpath("//table[caption='Waivers whose pair leaks no more']//td/text()")
    assert "x" in cells


def test_when_the_run_was_is_told_where_that_is_known(tmp_path: Path) -> None:
    evidence = written(tmp_path, policy_record(case_record(coverage())))
    assert "<dt>Run</dt>" not in build_page(evidence, PageOptions())
    for finished, told in (
        ("2026-11-22T11:00:09+01:00", "2026-11-22 09:59:58 to 10:00:09 UTC"),
        ("2026-11-23T00:00:01+00:00", "2026-11-22 09:59:58 to 2026-11-23 00:00:01 UTC"),
    ):
        run = {"started": "2026-11-22T09:59:58+00:00", "finished": finished}
        (tmp_path / "run.json").write_text(json.dumps(run))
        assert f"<dt>Run</dt><dd>{told}</dd>" in build_page(evidence, PageOptions())
    for broken in ("[]", "{", '{"started": 1}', '{"started": "today", "finished": "<b>"}'):
        (tmp_path / "run.json").write_text(broken)
        assert "<dt>Run</dt>" not in build_page(evidence, PageOptions())


def test_a_page_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    evidence: Evidence = written(tmp_path, policy_record(case_record(coverage())))
    with pytest.raises(EvidenceError) as caught:
        write_page(evidence, tmp_path / "none" / "report.html", PageOptions())
    assert str(caught.value) == (
        "the report page cannot be written: No such file or directory\n"
        f"{tmp_path}/none/report.html: free some space, or write it elsewhere: faceleak report "
        f"{tmp_path}/evidence.json --write FILE"
    )


def test_a_page_is_for_its_owner_alone(tmp_path: Path) -> None:
    evidence = written(tmp_path, policy_record(case_record(coverage())))
    write_page(evidence, tmp_path / "report.html", PageOptions())
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600
