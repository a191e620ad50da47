"""Somebody hands over an evidence folder, or leaves one where the next run writes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from faceleak_command import Faceleak, leave_evidence
from gate_project import Project, errors
from PIL import Image
from witness import Witness, commands

from faceleak_check.seals import canonical_json, sealed

CLIPBOARD = "\x1b]52;c;b3duZWQ=\x07\u202e"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept") / "evidence"


@pytest.fixture
def leaky(project: Project, kept: Path) -> Project:
    """The evidence of a run with a leak."""
    project.leak()
    project.policy()
    leave_evidence(project, kept, n_failed=1)
    return project


def forge(project: Project, change: Callable[[dict[str, Any]], None]) -> None:
    """Changes the evidence and seals it anew, as anybody can."""
    file = project.path / "faceleak-evidence" / "evidence.json"
    data = json.loads(file.read_text())
    change(data)
    data.pop("sha256")
    file.write_bytes(canonical_json(sealed(data)))


FOLDERS = {
    "pairs": "a.01234567.parquet",
    "manifests": "a.01234567.txt",
    "thumbnails": f"{'0' * 64}.whole.jpg",
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_run_follows_no_link_in_its_evidence_folder(
    project: Project, witness: Witness, folder: str
) -> None:
    """Behind each link lies what is named like a file of ours, which the next run would clear away."""
    (witness.outside / folder).mkdir()
    (witness.outside / folder / FOLDERS[folder]).write_text("somebody's")
    witness.note()
    evidence = project.path / "faceleak-evidence"
    evidence.mkdir()
    (evidence / folder).symlink_to(witness.outside / folder)
    project.policy()
    result = project.gate()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (
        errors(result)
        == f"""\
ERROR: the evidence cannot be written: '{folder}' in its folder is a link
{evidence / folder}: what it leads to is left as it is. Take the link away, or choose another folder with \
--faceleak-evidence DIR."""
    )
    witness.assert_unharmed(str(result.stdout), str(result.stderr))


def test_a_run_replaces_links_in_place_of_its_files(project: Project, witness: Witness) -> None:
    evidence = project.path / "faceleak-evidence"
    evidence.mkdir()
    names = ("evidence.json", "run.json", "report.html", "statement.json")
    for name in (*names, ".writable"):
        (evidence / name).symlink_to(witness.outside / "secret.txt")
    (project.path / "out.xml").symlink_to(evidence / "out.xml")
    project.policy()
    result = project.gate()
    assert result.ret == 0
    assert [name for name in names if (evidence / name).is_symlink()] == []
    witness.assert_unharmed(str(result.stdout), str(result.stderr))


def test_no_command_follows_links_or_waits_for_ever(
    leaky: Project, witness: Witness, faceleak: Faceleak
) -> None:
    evidence = leaky.path / "faceleak-evidence"
    for name, make in {
        "pipe": os.mkfifo,
        "zero": lambda file: file.symlink_to("/dev/zero"),
        "secret": lambda file: file.symlink_to(witness.outside / "secret.txt"),
    }.items():
        shutil.copytree(evidence, leaky.path / name)
        for file in ("evidence.json", "statement.json", "run.json"):
            (leaky.path / name / file).unlink()
            make(leaky.path / name / file)
    told = {
        (name, command[0]): faceleak(*command[:1], name, *command[1:])
        for name in ("pipe", "zero", "secret")
        for command in (("report",), ("review",), ("quarantine",), ("verify", "--generated", "generated"))
    }
    for (name, command), (status, out, err) in told.items():
        what = "statement" if command == "verify" else "evidence"
        assert (status, out) == (2, "")
        if name == "secret":
            assert err.startswith(f"faceleak: the {what} is no JSON\n{name}/{what}.json: line 1, column 1: ")
        else:
            assert err.startswith(
                f"faceleak: the {what} cannot be opened\n{name}/{what}.json: Not a regular file. "
            )
    witness.assert_unharmed(*(out + err for _, out, err in told.values()))


def nested(text: str) -> str:
    return text.replace('"policies"', f'"deep": {"[" * 100_000}{"]" * 100_000}, "policies"', 1)


def long_number(text: str) -> str:
    return text.replace('"policies"', f'"long": {"9" * 100_000}, "policies"', 1)


def twice(text: str) -> str:
    return text.replace('"policies"', '"policies": [], "policies"', 1)


def no_number(text: str) -> str:
    return text.replace('"policies"', '"nan": NaN, "policies"', 1)


def half_a_letter(text: str) -> str:
    return text.replace('"policies"', '"half": "\\ud800", "policies"', 1)


def commanding_seal(text: str) -> str:
    data = json.loads(text)
    return json.dumps(data | {"sha256": CLIPBOARD})


@pytest.mark.parametrize("change", [nested, long_number, twice, no_number, half_a_letter, commanding_seal])
def test_json_of_no_good_intent(
    leaky: Project, witness: Witness, faceleak: Faceleak, change: Callable[[str], str]
) -> None:
    evidence = leaky.path / "faceleak-evidence"
    for name in ("evidence.json", "statement.json"):
        text = (evidence / name).read_text()
        (evidence / name).write_text(change(text) if '"policies"' in text else text)
    for command in (("report",), ("review",), ("quarantine",), ("verify", "--generated", "generated")):
        status, out, err = faceleak(command[0], "faceleak-evidence", *command[1:])
        assert (command, status, commands(out + err)) == (
            command,
            1 if command[0] == "verify" and status == 1 else 2,
            set(),
        )
        assert "Traceback" not in err
    witness.assert_unharmed()


def test_run_json_of_no_good_intent(leaky: Project, faceleak: Faceleak) -> None:
    for text in (
        "[" * 100_000,
        '{"started": "0001-01-01T00:00:00+14:00", "finished": "9999-12-31T23:59:59-14:00"}',
    ):
        (leaky.path / "faceleak-evidence" / "run.json").write_text(text)
        status, out, err = faceleak("report", "faceleak-evidence")
        assert (status, out, err) == (
            0,
            "Wrote faceleak-evidence/report.html. Open it in a browser.\n",
            "",
        )


def test_no_picture_of_elsewhere_gets_into_the_page(
    leaky: Project, witness: Witness, faceleak: Faceleak
) -> None:
    """A thumbnail that is a link to a picture of this machine."""
    Image.new("RGB", (8, 8), "red").save(witness.outside / "private.jpg")
    witness.note()
    folder = leaky.path / "faceleak-evidence" / "thumbnails"
    folder.mkdir()
    case = leaky.evidence()["policies"][0]["cases"][0]
    worst = case["measurement"]["worst_pairs"][0]
    (folder / f"{worst['source_sha256']}.whole.jpg").symlink_to(witness.outside / "private.jpg")
    for extra in ((), ("--blur-source",)):
        status, _, err = faceleak("report", "faceleak-evidence", "--thumbnails", *extra)
        assert (status, err) == (0, "")
        page = (leaky.path / "faceleak-evidence" / "report.html").read_text()
        assert "data:image/jpeg;base64," not in page
    witness.assert_unharmed()


def test_evidence_does_not_say_where_new_waivers_go(
    leaky: Project, witness: Witness, faceleak: Faceleak
) -> None:
    place = "../" * 20 + str(witness.outside / "cron.yaml").lstrip("/")
    forge(
        leaky,
        lambda data: data["policies"][0].update(
            waivers={
                "file": place,
                "sha256": "0" * 64,
                "on_expired": "fail",
                "on_unmatched": "fail",
                "matched": [],
                "unmatched": [],
                "expired": [],
            }
        ),
    )
    status, out, err = faceleak("review", "faceleak-evidence", "--owner", "A. Reviewer")
    assert (status, out) == (2, "")
    assert err == (
        f"faceleak: the evidence names {place} as its file of waivers, which is not there and would lie outside of "
        "this folder and of the policy's: say with --write FILE where the waivers are to go\n"
    )
    witness.assert_unharmed(err)


def test_a_policy_that_came_with_the_evidence_is_not_run(
    leaky: Project, witness: Witness, faceleak: Faceleak
) -> None:
    shutil.copy(leaky.path / "release.yaml", leaky.path / "faceleak-evidence")
    forge(leaky, lambda data: data["policies"][0].update(file="faceleak-evidence/release.yaml"))
    status, out, err = faceleak(
        "quarantine", "faceleak-evidence", "--move-to", str(witness.outside / "moved")
    )
    assert (status, out) == (2, "")
    assert err == (
        "faceleak: faceleak-evidence/release.yaml lies in the folder of the evidence: whoever made the evidence may "
        "have made it, too. Read it, and name it with --policy FILE\n"
    )
    witness.assert_unharmed(err)


def test_names_in_evidence_command_no_terminal(leaky: Project, witness: Witness, faceleak: Faceleak) -> None:
    def rename(data: dict[str, Any]) -> None:
        policy = data["policies"][0]
        policy["name"] = policy["description"] = f"name{CLIPBOARD}\n::error::x"
        for case in policy["cases"]:
            for pair in case["measurement"]["worst_pairs"]:
                pair["generated"] = f"x{CLIPBOARD}\r\n</script><script>owned()</script>"

    forge(leaky, rename)
    shutil.rmtree(leaky.path / "faceleak-evidence" / "pairs")
    for command in (("report",), ("review",), ("quarantine",)):
        _, out, err = faceleak(command[0], "faceleak-evidence")
        assert commands(out + err) == set()
    page = (leaky.path / "faceleak-evidence" / "report.html").read_text()
    assert "<script>owned()" not in page
    assert "\u202e" not in page
    assert "\x1b" not in page
