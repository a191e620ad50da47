from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
import torch
from raw_pictures import CountingPixels, Files, Write, decode, numbered, silent, threads_left

from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.stages import Collected, EmbedStage
from faceleak_check.executors.threads import OneCore
from faceleak_check.faces.align import FaceChip, WholePictures
from faceleak_check.protocols import Pixels

FIRST_TORCH_IN_A_THREAD = """
import sys, threading
from faceleak_check.executors.threads import OneCore

one_core, seen = OneCore(), []

def work():
    one_core()
    import torch
    torch.set_num_threads(3)
    one_core()
    seen.append(torch.get_num_threads())

assert "torch" not in sys.modules
thread = threading.Thread(target=work)
thread.start()
thread.join()
one_core.end()
import torch
seen.append(torch.get_num_threads())
with_torch = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
with_torch.start()
with_torch.join()
print(seen)
"""


Answer = TypeVar("Answer")


class Cores(WholePictures):
    """Writes down how many cores torch has in each thread that cuts or loads."""

    def __init__(self) -> None:
        super().__init__(8)
        self.seen: list[int] = []
        self.threads: set[int] = set()

    def cut(self, pictures: Sequence[Pixels]) -> list[tuple[FaceChip, ...]]:
        self.seen.append(torch.get_num_threads())
        self.threads.add(threading.get_ident())
        return super().cut(pictures)


@pytest.fixture
def three_cores() -> Iterator[None]:
    """A user who has set torch's threads to a number that nobody else would set."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def in_a_new_thread(ask: Callable[[], Answer]) -> Answer:
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(ask).result()


def test_each_thread_of_a_run_has_one_core_and_torch_is_left_as_it_was(
    write: Write, files: Files, three_cores: None
) -> None:
    cutter, kept = Cores(), Collected()
    stage = EmbedStage(cutter, CountingPixels())
    LocalExecutor(decode, 3).run(write(numbered(300)), files, stage, kept, silent, "")
    assert set(cutter.seen) == {1}
    assert threading.get_ident() not in cutter.threads
    assert torch.get_num_threads() == in_a_new_thread(torch.get_num_threads) == 3


def test_an_interrupted_run_leaves_torch_as_it_was(write: Write, files: Files, three_cores: None) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if done:
            assert in_a_new_thread(torch.get_num_threads) == 1
            raise KeyboardInterrupt

    stage = EmbedStage(Cores(), CountingPixels())
    with pytest.raises(KeyboardInterrupt):
        LocalExecutor(decode, 2).run(write(numbered(300)), files, stage, Collected(), interrupt, "")
    assert threads_left() == []
    assert torch.get_num_threads() == in_a_new_thread(torch.get_num_threads) == 3


def test_a_thread_is_limited_once_so_that_a_network_may_ask_for_more(three_cores: None) -> None:
    one_core = OneCore()
    one_core()
    torch.set_num_threads(2)
    one_core()
    assert torch.get_num_threads() == 2
    one_core.end()
    assert torch.get_num_threads() == 3


def test_the_setting_of_the_thread_that_waits_counts(three_cores: None) -> None:
    """torch gives a new thread what was set last, wherever that was."""
    in_a_new_thread(lambda: torch.set_num_threads(2))
    one_core = OneCore()
    in_a_new_thread(one_core)
    one_core.end()
    assert torch.get_num_threads() == 3


def test_torch_that_is_met_first_in_a_thread_is_left_as_it_was_there() -> None:
    """The usual case: the network brings torch, and its first thread is one of ours."""
    program = subprocess.run(
        [sys.executable, "-c", FIRST_TORCH_IN_A_THREAD],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert (program.stdout, program.stderr) == ("[1, 3, 3]\n", "")


def test_without_torch_nothing_is_imported() -> None:
    code = (
        "import sys; from faceleak_check.executors.threads import OneCore\n"
        "one = OneCore(); one(); one.end(); print('torch' in sys.modules)"
    )
    program = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=180
    )
    assert (program.stdout, program.stderr) == ("False\n", "")
