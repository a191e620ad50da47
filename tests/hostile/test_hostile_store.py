"""Somebody else may write where templates are kept, or has left links there."""

from __future__ import annotations

from faceleak_command import Faceleak
from gate_project import Project, failure
from witness import Witness

CASE = "leak_count[generated-vs-training]"


def test_a_store_that_everybody_may_write_is_not_believed(project: Project, witness: Witness) -> None:
    """Else anybody could plant templates that are near to nothing, and a leak would pass."""
    project.leak()
    project.policy()
    assert project.gate().ret == 1
    for folder in (project.store / "v2" / "templates").iterdir():
        folder.chmod(0o777)
    result = project.gate()
    assert result.ret == 1
    assert failure(str(result.stdout), CASE).splitlines()[:2] == [
        "INCONCLUSIVE: the template store cannot be made: everybody may write into it,",
        "    and so decide what the gate sees (chmod -R o-w)",
    ]
    witness.assert_unharmed(str(result.stdout))


def test_a_purge_deletes_nothing_behind_links(project: Project, witness: Witness, faceleak: Faceleak) -> None:
    project.policy()
    assert project.gate().ret == 0
    (folder,) = (project.store / "v2" / "templates").iterdir()
    name = f"{'0' * 64}.safetensors"
    (witness.outside / name).write_text("somebody's")
    (witness.outside / folder.name).mkdir()
    (witness.outside / folder.name / name).write_text("somebody's")
    witness.note()
    (folder / name).symlink_to(witness.outside / name)
    links = {
        project.store / "v2" / "templates" / ("f" * 32): witness.outside / folder.name,
        project.store / "v2" / "faces": witness.outside,
        project.store / "v1": witness.outside,
        project.store / "\x1b]0;title\x07": witness.outside,
    }
    for link, target in links.items():
        link.symlink_to(target)
    status, out, err = faceleak("cache", "purge", "--yes")
    assert status == 0, out + err
    assert [path for path in project.store.rglob("*.safetensors") if not path.is_symlink()] == []
    assert "\x1b" not in out + err
    witness.assert_unharmed(out, err)


def test_links_in_a_store_are_replaced_and_not_written_through(project: Project, witness: Witness) -> None:
    project.policy()
    assert project.gate().ret == 0
    for path in sorted(project.store.rglob("*")):
        if path.is_file():
            path.unlink()
            path.symlink_to(witness.outside / "secret.txt")
    assert project.gate().ret == 0
    witness.assert_unharmed()
