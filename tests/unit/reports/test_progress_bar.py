from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

import faceleak_check.reports.progress as module
from faceleak_check.reports.progress import ProgressBar, rate_shown


class Clock:
    """A second goes by for each step."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module.time, "monotonic", found)
    return found


def lines(width: int, stage: str, done: int, total: int) -> list[str]:
    """The bar as it stands after ten seconds of even work."""
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    seconds = [0.0]
    bar = module._bar(console)
    bar.get_time = lambda: seconds[0]  # type: ignore[method-assign]
    task = bar.add_task(stage, total=total or None)
    for step in range(1, 11):
        seconds[0] = float(step)
        bar.update(task, completed=done * step // 10)
    with console.capture() as captured:
        console.print(bar.get_renderable())
    return [line for line in captured.get().splitlines() if line.strip()]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_how_far_it_is_stays_whole_on_one_line_of_any_terminal(width: int) -> None:
    stage = "comparing synthetic-faces-v3 with casia-webface"
    (line,) = lines(width, stage, 123_450, 1_000_000)
    assert len(line) <= width
    assert re.search(r" 123,450/1,000,000 12,345/s 0:01:12 *$", line)
    assert line.startswith(stage if width == 200 else stage[:10])


def test_eighty_columns() -> None:
    (line,) = lines(80, "comparing synthetic-faces-v3 with casia-webface", 123_450, 1_000_000)
    assert line.rstrip() == (
        "comparing synthetic-faces-v3 with… ━          123,450/1,000,000 12,345/s 0:01:12"
    )


def test_a_number_of_images_that_is_not_known_yet_shows_what_is_done_and_how_fast() -> None:
    (line,) = lines(80, "listing training", 5000, 0)
    assert re.fullmatch(r"listing training \S+ 5,000/\? 500/s *", line)


@pytest.mark.parametrize(
    ("rate", "text"), [(None, ""), (0.0, "0.0/s"), (3.25, "3.2/s"), (10.0, "10/s"), (1234.4, "1,234/s")]
)
def test_rates_in_words(rate: float | None, text: str) -> None:
    assert rate_shown(rate) == text


def test_work_of_less_than_two_seconds_shows_nothing(clock: Clock) -> None:
    terminal = Terminal()
    bar = ProgressBar(terminal)
    for done in range(1, 11):
        clock.now += 0.19
        bar("comparing a with b", done, 10)
    assert terminal.getvalue() == ""


def test_longer_work_shows_a_bar_and_takes_it_away(clock: Clock) -> None:
    terminal = Terminal()
    bar = ProgressBar(terminal)
    for done in (0, 10, 20):
        bar("comparing a with b", done, 30)
        clock.now += 1.5
    shown = terminal.getvalue()
    assert "20/30" in shown
    bar("comparing a with b", 30, 30)
    assert len(terminal.getvalue()) > len(shown)
    done = terminal.getvalue()
    bar("comparing a with b", 30, 30)
    bar.close()
    assert terminal.getvalue() == done


@pytest.mark.parametrize("coloured", [True, False])
def test_colours_are_left_out_where_pytest_leaves_them_out(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, *, coloured: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = Terminal()
    bar = ProgressBar(terminal, coloured=coloured)
    for done in (0, 10, 20):
        bar("comparing a with b", done, 30)
        clock.now += 1.5
    bar.close()
    assert "20/30" in re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue())
    assert bool(re.search(r"\x1b\[[0-9;]*3[0-9]", terminal.getvalue())) is coloured
