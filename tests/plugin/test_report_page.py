"""The report page of real gate runs, used in headless Chromium as its readers use it."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_once import made_once
from page_project import (
    ARABIC,
    HOSTILE,
    JAPANESE,
    PageProject,
    browser,
    leaky_project,
    match_list,
    opened,
    sha256,
)

from faceleak_check.policy.waivers import Waiver, read_waivers

LEAKS = '[data-pairs]:has-text("leak_count[generated-vs-training]")'


@pytest.fixture(scope="module")
def leaky(tmp_path_factory: pytest.TempPathFactory) -> PageProject:
    """Three policies, run together: one with 30 leaks, one with two, and one with a single image and none."""
    return PageProject(path=made_once(tmp_path_factory, "leaky", run_leaky))


def in_days(n: int) -> str:
    """By the clock of the machine, as a run of all tests may go on past midnight."""
    return (dt.datetime.now().astimezone().date() + dt.timedelta(days=n)).isoformat()


def run_leaky(folder: Path) -> None:
    policies = [f"--faceleak-policy={name}.yaml" for name in ("release", "two", "one")]
    status, output = leaky_project(folder).gate(*policies, "-p", "no:cacheprovider")
    assert status == 1, output
    assert "report: faceleak-evidence/report.html" in output


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> PageProject:
    """A list of 10,000 matches that all leak."""
    return PageProject(path=made_once(tmp_path_factory, "many", run_many))


def run_many(folder: Path) -> None:
    status, output = match_list(folder, 10_000).gate("--faceleak-policy=many.yaml", "-p", "no:cacheprovider")
    assert status == 1, output


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as running:
        yield running


@pytest.fixture
def page(chromium: Any, leaky: PageProject) -> Iterator[Any]:
    """The page of the three policies; whatever a test does with it, it stays silent and asks nobody for anything."""
    with opened(chromium, leaky.page) as (shown, seen):
        yield shown
        assert seen.messages == []
        assert {url for url in seen.requests if not url.startswith(("data:", "blob:"))} == {
            leaky.page.as_uri()
        }


def names(table: Any) -> list[str]:
    return table.locator("tbody tr .generated .name").all_inner_texts()


def found(table: Any) -> str:
    return str(table.locator(".found").inner_text())


def wait_for(table: Any, part: str) -> None:
    """Until the table says so; filters wait for the end of a word."""
    table.locator(".found", has_text=part).wait_for()


def leaks(page: Any) -> Any:
    return page.locator(LEAKS).first


def test_the_page_tells_each_verdict_in_words(page: Any) -> None:
    told = [" ".join(text.split()) for text in page.locator(".conclusion").all_inner_texts()]
    assert told == [
        (
            "Leak release. The policy does not let this release through: more was found than it allows. 5 "
            "checks: 4 found leaks, 1 passed."
        ),
        (
            "Leak two leaks. The policy does not let this release through: more was found than it allows. "
            "1 check: 1 found leaks."
        ),
        (
            "Passed one image. The policy lets this release through: every check met its limit. 1 check: 1 "
            "passed."
        ),
    ]
    rows = page.locator(".overview").first.locator("tbody tr").all_inner_texts()
    assert [" ".join(row.split()) for row in rows] == [
        (
            "Share of generated images that match a real photograph Leak 60% at most 1% 46.8% to 71.9% (95%; "
            "it decides)"
        ),
        (
            "Number of generated images that match a real photograph Leak 30 images at most 0 images none: "
            "a count of what was found"
        ),
        "Can training photographs be told from others? Leak 86.1% at most 50% 58.8% to 100% (95%)",
        "The most similar pairs Leak cosine 1.0000 at most cosine 0.9000 none",
        "Was enough looked at? Passed 55 images at least 10 images none: a count of what was found",
    ]
    card = page.locator("#policy-3 .verdict")
    assert "0 of 1 generated image leaks; the policy allows at most 0" in card.inner_text()
    assert (
        "That nothing leaks: nothing was found among 1 image, and so up to 95% of what the generator makes "
        "could leak (95% confidence)."
    ) in card.inner_text()
    assert (
        "No pair of a generated and a source image was found that counts."
        in page.locator("#policy-3-pairs").inner_text()
    )


def test_a_name_that_is_html_stays_text(page: Any) -> None:
    table = leaks(page)
    table.get_by_label("Text").fill("script")
    wait_for(table, "fit")
    assert names(table) == [HOSTILE]
    assert page.evaluate("window.owned") is None
    assert page.locator("tbody script, tbody b").count() == 0


@pytest.mark.parametrize("name", [ARABIC, JAPANESE])
def test_names_in_any_script_are_found_and_shown(page: Any, name: str) -> None:
    table = leaks(page)
    table.get_by_label("Text").fill(name[:3])
    wait_for(table, "fit")
    assert names(table) == [name]
    assert table.locator("tbody .generated bdi").inner_text() == name


def test_filters_say_how_many_pairs_fit(page: Any) -> None:
    table = leaks(page)
    all_of_them = found(table)
    assert re.fullmatch(r"\d+ pairs: 1 to 25 shown\.", all_of_them)
    table.get_by_role("combobox", name="Person").fill("p03")
    wait_for(table, "fit")
    assert set(table.locator("tbody .person").all_inner_texts()) == {"p03"}
    assert re.fullmatch(r"3 of \d+ pairs fit: 1 to 3 shown\.", found(table))
    table.get_by_role("combobox", name="Person").fill("nobody")
    wait_for(table, "No pair")
    assert names(table) == []
    table.get_by_role("button", name="Show all").click()
    wait_for(table, "1 to 25")
    assert found(table) == all_of_them
    table.get_by_label("Kind").select_option("Copy of the picture")
    wait_for(table, "fit")
    assert set(table.locator("tbody .kind").all_inner_texts()) == {"Copy of the picture"}


def test_titles_sort_by_mouse_and_by_keyboard(page: Any) -> None:
    table = leaks(page)
    cosines = [float(text) for text in table.locator("tbody .cosine").all_inner_texts()]
    assert cosines == sorted(cosines, reverse=True)
    assert table.locator("th[data-key=cosine]").get_attribute("aria-sort") == "descending"
    table.get_by_role("button", name="Cosine").click()
    cosines = [float(text) for text in table.locator("tbody .cosine").all_inner_texts()]
    assert cosines == sorted(cosines)
    assert table.locator("th[data-key=cosine]").get_attribute("aria-sort") == "ascending"
    button = table.get_by_role("button", name="Generated image")
    button.focus()
    page.keyboard.press("Enter")
    assert [title.get_attribute("data-key") for title in table.locator("th[aria-sort]").all()] == [
        "generated"
    ]
    plain = [name for name in names(table) if name.startswith("leak-")]
    assert plain == sorted(plain)
    assert button.evaluate("button => button === document.activeElement")


def test_pages_turn_and_end(page: Any) -> None:
    table = leaks(page)
    pages = table.locator(".pages")
    first = names(table)
    assert len(first) == 25
    pages.get_by_role("button", name="Next").press("Enter")
    second = names(table)
    assert 0 < len(second) < 25
    assert not set(first) & set(second)
    assert pages.get_by_role("button", name="Next").get_attribute("aria-disabled") == "true"
    pages.get_by_role("button", name="Next").press("Enter")
    assert names(table) == second
    assert pages.get_by_role("button", name="Next").evaluate("button => button === document.activeElement")
    pages.get_by_label("Page", exact=True).fill("99")
    pages.get_by_label("Page", exact=True).press("Enter")
    assert names(table) == second
    pages.get_by_label("Rows a page").select_option("50")
    assert names(table) == first + second


def test_a_mark_stands_in_every_table_and_survives_a_reload(page: Any) -> None:
    table = leaks(page)
    row = table.locator("tbody tr").first
    row.get_by_label("No mark").focus()
    page.keyboard.press("ArrowDown")
    assert row.get_by_label("Not the same person").is_checked()
    name = row.locator(".generated .name").inner_text()
    others = page.locator("#policy-1 [data-pairs] tbody tr").filter(has_text=name)
    assert others.count() > 1
    assert all(other.get_by_label("Not the same person").is_checked() for other in others.all())
    assert (
        page.locator("[data-bar=policy-1]")
        .inner_text()
        .startswith("1 pair marked: 1 not the same person, 0 accepted.")
    )
    page.locator("#policy-1-review").get_by_label("Your name").fill("A. Reviewer")
    page.reload()
    row = leaks(page).locator("tbody tr").first
    assert row.get_by_label("Not the same person").is_checked()
    assert page.locator("#policy-1-review").get_by_label("Your name").input_value() == "A. Reviewer"
    assert page.locator("#policy-2-review").get_by_label("Your name").input_value() == ""
    table = leaks(page)
    table.get_by_label("Outcome").select_option("Marked here")
    wait_for(table, "fit")
    assert names(table) == [name]
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#policy-1-review").get_by_role("button", name="Take all marks back").click()
    assert page.locator("#policy-1-review .tally").inner_text() == "No pair is marked yet."


def test_the_page_works_where_a_browser_keeps_nothing(chromium: Any, leaky: PageProject) -> None:
    denied = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('denied') } })"
    with opened(chromium, leaky.page, script=denied) as (page, seen):
        leaks(page).locator("tbody tr").first.get_by_label("Accepted").check()
        assert page.locator("#policy-1-review .tally").inner_text() == (
            "1 pair marked: 0 not the same person, 1 accepted. This browser does not keep marks: download "
            "them before you leave the page."
        )
        assert seen.messages == []


def test_nothing_is_downloaded_while_something_is_missing(page: Any) -> None:
    review = page.locator("#policy-2-review")
    table = page.locator("#policy-2 [data-pairs]")
    button = review.get_by_role("button", name="Download waivers")
    downloads: list[str] = []
    page.on("download", lambda download: downloads.append(download.url))
    errors = review.locator(".errors")
    button.click()
    assert errors.inner_text() == "Nothing was downloaded:\n\nNo pair is marked: there is nothing to write."
    for row in table.locator("tbody tr").all():
        row.get_by_label("Accepted").check()
    button.click()
    assert errors.locator("li").all_inner_texts() == [
        "2 marked pairs are without a reason.",
        "2 marked pairs are without a name.",
        "2 marked pairs are without a last day.",
    ]
    assert errors.evaluate("box => box === document.activeElement")
    row = table.locator("tbody tr").first
    row.locator("summary").click()
    row.locator(".own").get_by_label("Reason").fill("  ")
    row.locator(".own").get_by_label("Name").fill("B. Other")
    review.get_by_label("Reason").fill(" \n ")
    review.get_by_label("Last day on which it holds").fill("2020-01-02")
    button.click()
    assert errors.locator("li").all_inner_texts() == [
        "2 marked pairs are without a reason.",
        "1 marked pair is without a name.",
        f"2 marked pairs are with a last day before today, {in_days(0)}.",
    ]
    assert review.get_by_label("Reason").get_attribute("aria-invalid") == "true"
    assert downloads == []


REASON = 'compared by eye: "twins"? ${HOME} \\ \u2028 \U0001f600 محمد: # no'


@pytest.fixture(scope="module")
def waived(chromium: Any, leaky: PageProject, tmp_path_factory: pytest.TempPathFactory) -> PageProject:
    """The policy with two leaks once more, with the waivers that were downloaded from the page of its first run."""
    path = tmp_path_factory.mktemp("waived")
    for name in ("two", "training"):
        shutil.copytree(leaky.path / name, path / name)
    with opened(chromium, leaky.page) as (page, seen):
        review = page.locator("#policy-2-review")
        first, second = page.locator("#policy-2 [data-pairs] tbody tr").all()
        first.get_by_label("Not the same person").check()
        second.get_by_label("Accepted").check()
        second.locator("summary").click()
        second.locator(".own").get_by_label("Reason").fill("she agreed")
        second.locator(".own").get_by_label("Name").fill("B. Other")
        second.locator(".own").get_by_label("Last day").fill(in_days(2))
        review.get_by_label("Reason").fill(REASON)
        review.get_by_label("Your name").fill("A. Reviewer")
        review.get_by_label("Last day on which it holds").fill(in_days(90))
        with page.expect_download() as download:
            review.get_by_role("button", name="Download waivers").click()
        assert download.value.suggested_filename == "two-leaks.waivers.yaml"
        download.value.save_as(path / "two-leaks.waivers.yaml")
        assert seen.messages == []
    project = PageProject(path=path)
    text = (leaky.path / "two.yaml").read_text(encoding="utf-8")
    project.write("two.yaml", text.replace("checks:\n", "waivers: two-leaks.waivers.yaml\nchecks:\n"))
    return project


def waivers_in(file: Path) -> tuple[Waiver, ...]:
    return read_waivers(file, "x").waivers


def test_a_download_is_a_file_of_waivers(waived: PageProject, leaky: PageProject) -> None:
    file = waived.path / "two-leaks.waivers.yaml"
    written = waivers_in(file)
    assert [(one.reason, one.owner, one.date.isoformat(), one.expires.isoformat()) for one in written] == [
        (f"Not the same person: {' '.join(REASON.split())}", "A. Reviewer", in_days(0), in_days(90)),
        ("Accepted: she agreed", "B. Other", in_days(0), in_days(2)),
    ]
    digests = {sha256(leaky.path / "two" / f"leak-{n:02}.png") for n in (0, 1)}
    assert {one.generated for one in written} == digests
    evidence = json.loads((leaky.folder / "evidence.json").read_text(encoding="utf-8"))
    assert file.read_text(encoding="utf-8").splitlines()[:4] == [
        '# Waivers of the policy "two leaks", marked on the page of the evidence',
        f"# {evidence['sha256']}",
        "version: 1",
        "waivers:",
    ]


def test_a_download_waives_its_pairs_in_the_next_run(
    chromium: Any, waived: PageProject, tmp_path: Path
) -> None:
    status, output = waived.gate(
        "--faceleak-policy=two.yaml", "--faceleak-thumbnails", "--faceleak-blur-source"
    )
    assert status == 0, output
    evidence = json.loads((waived.folder / "evidence.json").read_text(encoding="utf-8"))
    assert [case["outcome"] for case in evidence["policies"][0]["cases"]] == ["waived"]
    before = waivers_in(waived.path / "two-leaks.waivers.yaml")
    with opened(chromium, waived.page) as (page, seen):
        assert page.locator(".conclusion").inner_text().startswith("Waived")
        assert set(page.locator("tbody .status").all_inner_texts()) == {"Waived"}
        review = page.locator("#policy-1-review")
        assert "In force: 2." in review.inner_text()
        assert page.locator("tbody img:visible").count() == 4
        assert (
            "2 of 2 pairs have pictures; those of real people are blurred."
            in page.locator("[data-pairs]").inner_text()
        )
        button = review.get_by_role("button", name="Download waivers")
        button.click()
        assert review.locator(".errors li").all_inner_texts() == [
            "No pair is marked: there is nothing to write."
        ]
        # earlier waivers go into a file only where the reviewer asks for it
        review.get_by_label("Write the 2 waivers in force into the file").check()
        with page.expect_download() as download:
            button.click()
        download.value.save_as(tmp_path / "again.yaml")
        page.locator("table.pairs tbody tr").first.get_by_label("Accepted").check()
        review.get_by_label("Reason").fill("another reason")
        review.get_by_label("Your name").fill("C. Third")
        review.get_by_label("Last day on which it holds").fill(in_days(90))
        with page.expect_download() as download:
            button.click()
        download.value.save_as(tmp_path / "changed.yaml")
        review.get_by_label("Write the 2 waivers in force into the file").uncheck()
        with page.expect_download() as download:
            button.click()
        download.value.save_as(tmp_path / "alone.yaml")
        assert seen.messages == []
    assert waivers_in(tmp_path / "again.yaml") == before
    changed = waivers_in(tmp_path / "changed.yaml")
    assert [one.reason for one in changed] == ["Accepted: she agreed", "Accepted: another reason"]
    assert {one.pair for one in changed} == {one.pair for one in before}
    assert waivers_in(tmp_path / "alone.yaml") == changed[1:]


def test_the_page_is_used_by_keyboard_alone(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the verdicts"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    outlines = []
    for _ in range(12):
        page.keyboard.press("Tab")
        outlines.append(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert set(outlines) <= {"solid", "auto"}


def test_landmarks_and_names_for_screen_readers(page: Any) -> None:
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation", name="Contents").count() == 1
    assert page.get_by_role("contentinfo").count() == 1
    assert page.get_by_role("table", name=re.compile("^Leaks")).count() >= 2
    radios = leaks(page).locator("tbody tr").first.get_by_role("radio")
    assert radios.count() == 3
    assert leaks(page).get_by_role("group", name=re.compile("^Review of .* with ")).count() == 25


CONTRASTS = (Path(__file__).parent / "contrasts.js").read_text(encoding="utf-8")
OUTSIDE = """width => [...document.body.querySelectorAll("*")]
    .filter((one) => one.checkVisibility() && !one.closest(".unseen, .skip, svg, thead"))
    .filter((one) => one.getBoundingClientRect().right > width + 1)
    .map((one) => one.outerHTML.slice(0, 80))"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_the_contrast_of_aa(chromium: Any, leaky: PageProject, scheme: str) -> None:
    with opened(chromium, leaky.page, color_scheme=scheme) as (page, _):
        leaks(page).locator("tbody tr").first.get_by_label("Accepted").check()
        page.locator("#policy-1-review").get_by_role("button", name="Download waivers").click()
        assert page.evaluate("getComputedStyle(document.body).colorScheme") in ("light dark", "normal")
        assert page.evaluate(CONTRASTS) == []


def test_the_two_schemes_differ(chromium: Any, leaky: PageProject) -> None:
    backgrounds = []
    for scheme in ("light", "dark"):
        with opened(chromium, leaky.page, color_scheme=scheme) as (page, _):
            backgrounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds[0] != backgrounds[1]


@pytest.mark.parametrize("width", [360, 720, 1280])
def test_nothing_sticks_out_of_a_narrow_screen(chromium: Any, leaky: PageProject, width: int) -> None:
    with opened(chromium, leaky.page, viewport={"width": width, "height": 800}) as (page, _):
        leaks(page).locator("tbody tr").first.get_by_label("Accepted").check()
        leaks(page).locator("tbody tr summary").first.click()
        assert page.evaluate("document.scrollingElement.scrollWidth") <= width
        assert page.evaluate(OUTSIDE, width) == []


def test_tables_stay_tables_where_rows_are_cards(chromium: Any, leaky: PageProject) -> None:
    with opened(chromium, leaky.page, viewport={"width": 360, "height": 800}) as (page, _):
        table = leaks(page).get_by_role("table")
        assert table.get_by_role("columnheader").count() == 8
        assert table.get_by_role("row").count() == 26
        assert table.get_by_role("rowheader").count() == 25


def test_print_holds_every_row_and_no_control(chromium: Any, leaky: PageProject, tmp_path: Path) -> None:
    with opened(chromium, leaky.page) as (page, seen):
        table = leaks(page)
        table.locator("tbody tr").first.get_by_label("Accepted").check()
        page.evaluate("addEventListener('beforeprint', () => { window.printed = true })")
        printed = page.pdf(format="A4")
        assert printed.startswith(b"%PDF")
        assert page.evaluate("window.printed") is True
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        rows = table.locator("tbody tr")
        assert rows.count() > 25
        assert table.locator(".printed").inner_text() == (
            f"Printed: {rows.count()} pairs, in the order chosen on the page."
        )
        for control in (".filters", ".pages", ".bar", "nav", "input", "textarea", "details"):
            assert [one.is_visible() for one in page.locator(control).all() if one.is_visible()] == [], (
                control
            )
        assert rows.first.locator(".marks").inner_text().strip() == "Accepted"
        assert rows.nth(1).locator(".marks").inner_text().strip() == ""
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert table.locator("tbody tr").count() == 25
        assert seen.messages == []


def test_the_page_is_read_without_javascript(chromium: Any, leaky: PageProject) -> None:
    with opened(chromium, leaky.page, java_script_enabled=False) as (page, _):
        table = leaks(page)
        assert table.locator("tbody tr").count() == 20
        assert re.search(
            r"Without JavaScript only the first 20 of \d+ pairs are shown, and none can be marked\. All are in "
            r"pairs/release\.\S+\.parquet beside the evidence\.",
            table.inner_text(),
        )
        assert [
            one.is_visible() for one in page.locator("form, .pages, .marks").all() if one.is_visible()
        ] == []


def test_ten_thousand_pairs(chromium: Any, many: PageProject) -> None:
    with opened(chromium, many.page) as (page, seen):
        table = page.locator("[data-pairs]")
        assert found(table) == "10,000 pairs: 1 to 25 shown."
        table.get_by_role("button", name="Last").click()
        assert found(table) == "10,000 pairs: 9,976 to 10,000 shown."
        table.get_by_label("Text").fill("09999.png")
        wait_for(table, "fit")
        assert found(table) == "1 of 10,000 pairs fit: 1 shown."
        table.get_by_role("button", name="Show all").click()
        wait_for(table, "1 to 25")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert table.locator("tbody tr").count() == 200
        assert re.fullmatch(
            r"Printed: 200 of 10,000 pairs, in the order chosen on the page\. All are in pairs/many\.\S+\.parquet, "
            r"beside the evidence\.",
            table.locator(".printed").text_content(),
        )
        assert seen.messages == []


def test_the_command_makes_the_page_again_from_the_evidence(leaky: PageProject, tmp_path: Path) -> None:
    assert leaky.command(
        "report", "faceleak-evidence/evidence.json", "--write", str(tmp_path / "again.html")
    ) == (
        0,
        f"Wrote {tmp_path}/again.html. Open it in a browser.\n",
    )
    assert (tmp_path / "again.html").read_bytes() == leaky.page.read_bytes()


def test_the_json_alone_gives_the_worst_pairs(leaky: PageProject, chromium: Any, tmp_path: Path) -> None:
    shutil.copy(leaky.folder / "evidence.json", tmp_path)
    project = PageProject(path=tmp_path)
    assert project.command("report", "evidence.json") == (0, "Wrote report.html. Open it in a browser.\n")
    with opened(chromium, tmp_path / "report.html") as (page, seen):
        table = leaks(page)
        assert found(table) == "20 pairs: 1 to 20 shown."
        assert re.search(r"30 pairs\. This page holds 20 of them; all are in pairs/", table.inner_text())
        assert seen.messages == []


def test_the_command_refuses_what_it_cannot_do(leaky: PageProject, tmp_path: Path) -> None:
    assert leaky.command("report", "faceleak-evidence", "--blur-source") == (
        2,
        "faceleak: --blur-source has no picture to blur without --thumbnails: give both, or neither\n",
    )
    assert leaky.command("report", "faceleak-evidence", "--thumbnails") == (
        2,
        (
            "faceleak: faceleak-evidence/thumbnails is not there: the run kept no pictures. Leave "
            "--thumbnails out, or run the policy again with --faceleak-thumbnails\n"
        ),
    )
    text = (leaky.folder / "evidence.json").read_text(encoding="utf-8")
    (tmp_path / "evidence.json").write_text(
        text.replace('"outcome": "leak"', '"outcome": "pass"'), encoding="utf-8"
    )
    status, output = PageProject(path=tmp_path).command("report", "evidence.json")
    assert (status, output.splitlines()[0]) == (2, "faceleak: the evidence was changed after it was written")
    assert not (tmp_path / "report.html").exists()


def two_alone(leaky: PageProject, path: Path) -> PageProject:
    """The policy with two leaks, in a folder of its own."""
    for name in ("two", "training"):
        shutil.copytree(leaky.path / name, path / name)
    shutil.copy(leaky.path / "two.yaml", path)
    return PageProject(path=path)


def thumbnail(project: PageProject, sha256: str) -> str:
    """The picture that a run has kept of an image, as it would stand in the page."""
    (file,) = (project.folder / "thumbnails").glob(f"{sha256}.*.jpg")
    return base64.b64encode(file.read_bytes()).decode()


def test_pictures_are_in_the_page_only_when_asked(chromium: Any, leaky: PageProject, tmp_path: Path) -> None:
    assert "data:image" not in leaky.page.read_text(encoding="utf-8")
    project = two_alone(leaky, tmp_path)
    assert project.gate("--faceleak-policy=two.yaml", "--faceleak-thumbnails")[0] == 1
    sharp = project.page.read_text(encoding="utf-8")
    evidence = json.loads((project.folder / "evidence.json").read_text(encoding="utf-8"))
    pairs = evidence["policies"][0]["cases"][0]["measurement"]["worst_pairs"]
    generated = [thumbnail(project, pair["generated_sha256"]) for pair in pairs]
    source = [thumbnail(project, pair["source_sha256"]) for pair in pairs]
    assert [picture in sharp for picture in generated + source] == [True] * 4
    with opened(chromium, project.page) as (page, seen):
        images = page.locator("tbody img")
        assert images.count() == 4
        assert page.evaluate(
            "[...document.querySelectorAll('tbody img')].every((one) => one.naturalWidth > 0)"
        )
        assert "2 of 2 pairs have pictures." in page.locator("[data-pairs]").inner_text()
        assert seen.messages == []
        assert {url for url in seen.requests if not url.startswith("data:")} == {project.page.as_uri()}
    arguments = ("report", "faceleak-evidence", "--thumbnails", "--blur-source", "--write", "blurred.html")
    assert project.command(*arguments) == (0, "Wrote blurred.html. Open it in a browser.\n")
    blurred = (tmp_path / "blurred.html").read_text(encoding="utf-8")
    assert [picture in blurred for picture in generated] == [True, True]
    assert [picture in blurred for picture in source] == [False, False]
    assert blurred.count('alt="Source picture, blurred"') == 3
    with opened(chromium, tmp_path / "blurred.html") as (page, _):
        assert page.locator("tbody img:visible").count() == 4
        assert "those of real people are blurred" in page.locator("[data-pairs]").inner_text()


def test_a_page_that_cannot_be_written_is_told_as_missing_evidence_is(
    leaky: PageProject, tmp_path: Path
) -> None:
    project = PageProject(path=tmp_path)
    for name in ("one", "training"):
        shutil.copytree(leaky.path / name, tmp_path / name)
    shutil.copy(leaky.path / "one.yaml", tmp_path)
    # the folder is full once the evidence is written
    project.write("conftest.py", FULL_DISK)
    status, output = project.gate(
        "--faceleak-policy=one.yaml", "--junitxml=out.xml", "-p", "no:cacheprovider"
    )
    assert status == 1, output
    assert (
        f"ERROR: the report page cannot be written: No space left on device\n{project.page}: free some "
        f"space, or write it elsewhere: faceleak report {project.folder}/evidence.json --write FILE\n"
    ) in output
    assert "the report page cannot be written: No space left on device" in (tmp_path / "out.xml").read_text()


FULL_DISK = """
import errno
from pathlib import Path

replace = Path.replace

def full(self, target):
    if Path(target).name == "report.html":
        raise OSError(errno.ENOSPC, "No space left on device")
    return replace(self, target)

Path.replace = full
"""
