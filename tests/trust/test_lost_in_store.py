"""What earlier runs left behind: a leak that came since is found, and what was altered is never believed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from archive_files import tar_of
from planting import (
    LEAKS,
    POLICY,
    judged,
    leaks,
    person,
    saved,
    source,
    stranger,
    strangers,
    write,
    write_source,
)

from faceleak_check import Outcome, Verdict, check

OLD = time.time() - 3600
"""So long ago that what was found in a file is remembered."""


def aged(folder: Path) -> Path:
    """The folder, as if nothing in it had been changed for an hour; the system's own time of change stays."""
    for path in folder.rglob("*"):
        os.utime(path, (OLD, OLD))
    return folder


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def of_kind(root: Path, kind: str) -> list[Path]:
    return [
        path
        for path in (root / "store" / "v2" / kind).rglob("*")
        if path.is_file() and path.suffix != ".lock"
    ]


DAMAGES: dict[str, Callable[[Path], object]] = {
    "last bit": lambda path: flip(path, -1),
    "a bit": lambda path: flip(path, 40),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-20]),
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
}


def same_length(data: bytes) -> bytes:
    """A picture file of 4,000 bytes."""
    assert len(data) < 4000
    return data + bytes(4000 - len(data))


def test_a_leak_that_came_after_a_run_is_found(tmp_path: Path) -> None:
    """Over all that is remembered: listings, templates, searches; and also where a listing was altered."""
    write_source(tmp_path)
    write(tmp_path / "generated", {name: same_length(data) for name, data in strangers(6).items()})
    aged(tmp_path)
    time.sleep(2.1)  # the system's time of change cannot be set, and what is younger is not remembered
    for damage in (*DAMAGES.values(), lambda path: None):
        assert judged(tmp_path).outcome is Outcome.PASS
        kept = of_kind(tmp_path, "listings")
        assert sum(path.stat().st_size for path in kept) > 2000  # digests of both sets
        for path in kept:
            damage(path)
    assert judged(tmp_path).outcome is Outcome.PASS

    one, two = tmp_path / "generated" / "stranger0.png", tmp_path / "generated" / "stranger1.png"
    before = one.stat()
    one.write_bytes(same_length(saved(source(1))))
    assert one.stat().st_size == before.st_size
    os.utime(one, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert leaks(judged(tmp_path)) == {"stranger0.png": person(1)}

    other = tmp_path / "generated" / "other.png"
    other.write_bytes(same_length(saved(source(2))))
    shutil.copystat(two, other)
    other.replace(two)
    (tmp_path / "generated" / "new.png").write_bytes(saved(source(3)))
    found = {"new.png": person(3), "stranger0.png": person(1), "stranger1.png": person(2)}
    assert leaks(judged(tmp_path)) == found
    write(tmp_path / "training", {"late/face.png": saved(stranger(3))})
    assert leaks(judged(tmp_path)) == found | {"stranger3.png": "late/face.png"}


def test_a_leak_that_goes_is_gone(tmp_path: Path) -> None:
    """Else a verdict would be about files that are not there."""
    write_source(tmp_path)
    leak = write(tmp_path / "generated", strangers()) / "leak.png"
    leak.write_bytes(saved(source(1)))
    assert leaks(judged(tmp_path)) == {"leak.png": person(1)}
    leak.unlink()
    assert judged(tmp_path).outcome is Outcome.PASS


@pytest.mark.parametrize("how", DAMAGES)
def test_templates_that_were_altered_hide_no_leak(tmp_path: Path, how: str) -> None:
    write_source(tmp_path)
    write(tmp_path / "generated", strangers() | {"leak.png": saved(source(9))})
    expected = {"leak.png": person(9)}
    assert leaks(judged(tmp_path)) == expected
    paths = [path for path in of_kind(tmp_path, "templates") if path.suffix == ".safetensors"]
    assert paths
    for path in paths:
        DAMAGES[how](path)
    assert leaks(judged(tmp_path)) == expected


def folder_of(root: Path, word: bytes) -> Path:
    """The folder of the spec in which that word stands."""
    (folder,) = {
        path.parent for path in of_kind(root, "templates") if word in (path.parent / "spec.json").read_bytes()
    }
    return folder


def test_a_shard_of_another_embedder_hides_no_leak(tmp_path: Path) -> None:
    """Its templates are as long and as sound, and say another thing."""
    write_source(tmp_path)
    write(tmp_path / "generated", strangers() | {"leak.png": saved(source(9))})
    assert leaks(judged(tmp_path, embedder="name: fake-pixels, precision: bf16")) == {"leak.png": person(9)}
    (folder,) = {
        path.parent
        for path in of_kind(tmp_path, "templates")
        if b"bf16" in (path.parent / "spec.json").read_bytes()
    }
    for path in folder.glob("*.safetensors"):
        path.rename(tmp_path / path.name)
    shutil.rmtree(tmp_path / "store")
    assert leaks(judged(tmp_path)) == {"leak.png": person(9)}
    mine = folder_of(tmp_path, b'"fake-pixels"')
    for path in mine.glob("*.safetensors"):
        path.unlink()
    for path in tmp_path.glob("*.safetensors"):
        shutil.copy(path, mine)
    verdict = judged(tmp_path)
    assert leaks(verdict) == {"leak.png": person(9)}
    assert verdict.measurement is not None
    assert verdict.measurement.pairs[0].similarity == 1.0
    assert not {path.name for path in tmp_path.glob("*.safetensors")} & {path.name for path in mine.iterdir()}


def test_two_sets_in_one_place_one_after_the_other_are_told_apart(tmp_path: Path) -> None:
    """As where every release is unpacked into the same folder, with the same names and times."""
    write_source(tmp_path)
    for release, leak in enumerate([None, 4, None, 5]):
        shutil.rmtree(tmp_path / "generated", ignore_errors=True)
        files = {f"{n}.png": saved(stranger(100 * release + n)) for n in range(3)}
        aged(write(tmp_path / "generated", files | ({} if leak is None else {"1.png": saved(source(leak))})))
        verdict = judged(tmp_path)
        if leak is None:
            assert verdict.outcome is Outcome.PASS
        else:
            assert leaks(verdict) == {"1.png": person(leak)}


def test_a_shard_that_is_replaced_by_one_of_its_length_is_read_again(tmp_path: Path) -> None:
    write_source(tmp_path)
    shard = tmp_path / "set.tar"
    keys = "path: set.tar, format: archive"
    shard.write_bytes(tar_of({"1.bmp": saved(stranger(1), "BMP")}))
    os.utime(shard, (OLD, OLD))
    assert judged(tmp_path, generated=keys).outcome is Outcome.PASS
    shard.write_bytes(tar_of({"1.bmp": saved(source(1), "BMP")}))
    os.utime(shard, (OLD, OLD))
    assert leaks(judged(tmp_path, generated=keys)) == {"1.bmp": person(1)}


# ---------------------------------------------------------------------------------------- while the gate runs


def run_and(root: Path, stage: str, act: Callable[[], None]) -> Verdict:
    """The verdict where something happens once the gate has got to a stage."""
    policy = root / "policy.yaml"
    policy.write_text(
        POLICY.format(
            generated="path: generated",
            training="path: training",
            embedder="name: fake-pixels",
            check=LEAKS,
            keys="",
        )
    )
    done = []

    def tell(name: str, _done: int, _all: int) -> None:
        if name == stage and not done:
            done.append(name)
            act()

    (verdict,) = check(policy, store=root / "store", progress=tell).verdicts
    assert done
    return verdict


def not_the_same(verdict: Verdict) -> str:
    """How many images were others at the end; the verdict is none that could be filed as a pass."""
    assert verdict.outcome is Outcome.INCONCLUSIVE
    (reason,) = verdict.reasons
    found, _, counts = reason.partition(": ")
    assert found == "'generated' did not stay as it was listed"
    return counts


def test_an_image_that_changes_between_listing_and_reading_gives_no_verdict(tmp_path: Path) -> None:
    write_source(tmp_path)
    write(tmp_path / "generated", strangers())
    verdict = run_and(
        tmp_path,
        "embedding generated",
        lambda: (tmp_path / "generated" / "stranger1.png").write_bytes(saved(source(1))) and None,
    )
    assert not_the_same(verdict) == "1 changed"


def test_an_image_that_goes_between_listing_and_reading_gives_no_verdict(tmp_path: Path) -> None:
    write_source(tmp_path)
    write(tmp_path / "generated", strangers() | {"leak.png": saved(source(1))})
    verdict = run_and(tmp_path, "embedding generated", (tmp_path / "generated" / "leak.png").unlink)
    assert not_the_same(verdict) == "1 removed"


def test_a_run_that_dies_leaves_nothing_that_could_pass(tmp_path: Path) -> None:
    """What it had embedded is kept, and the rest is done by the next."""
    write_source(tmp_path)
    write(tmp_path / "generated", strangers(40) | {"zz.png": saved(source(1))})

    def die() -> None:
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run_and(tmp_path, "embedding generated", die)
    assert leaks(judged(tmp_path)) == {"zz.png": person(1)}


def test_equal_contents_of_which_one_goes_give_no_verdict(tmp_path: Path) -> None:
    write_source(tmp_path)
    files = {f"{n}.png": saved(np.zeros((9, 9, 3), np.uint8)) for n in range(3)}
    write(tmp_path / "generated", strangers() | files)
    verdict = run_and(tmp_path, "embedding generated", (tmp_path / "generated" / "0.png").unlink)
    assert not_the_same(verdict) == "1 removed"
