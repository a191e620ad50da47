"""A bar for long work, on a terminal only."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

__all__ = ["ProgressBar", "rate_shown"]

_PATIENCE = 2.0
_EVERY = 0.2

Shown = Callable[[], contextlib.AbstractContextManager[object]]


class ProgressBar:
    """Shows a bar for each stage that takes longer than two seconds, with how much a second gets done and time left.

    Args:
        file: The terminal.
        shown: Context in which writing to the terminal reaches it, though output is being captured.
        coloured: Whether it may have colours; with ``NO_COLOR`` it has none.
    """

    def __init__(self, file: TextIO, shown: Shown = contextlib.nullcontext, *, coloured: bool = True) -> None:
        self._file = file
        self._shown = shown
        self._coloured = coloured
        self._stage = ""
        self._started = self._told = 0.0
        self._done_at_start = 0
        self._bar: Progress | None = None
        self._task = TaskID(0)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """See `faceleak_check.protocols.Progress`."""
        now = time.monotonic()
        if stage != self._stage:
            self.close()
            self._stage, self._started, self._done_at_start = stage, now, done
        if done >= total > 0:
            self.close()
        elif now - self._started >= _PATIENCE and now - self._told >= _EVERY:
            self._told = now
            self._show(done, total)

    def _show(self, done: int, total: int) -> None:
        with self._shown():
            average = (done - self._done_at_start) / (self._told - self._started)
            if self._bar is None:
                # made in here: a console finds out but once whether its file is a terminal
                console = Console(file=self._file, no_color=None if self._coloured else True)
                self._bar = _bar(console)
                self._task = self._bar.add_task(
                    self._stage, total=total or None, completed=done, average=average
                )
                console.print()
                self._bar.start()
            self._bar.update(self._task, completed=done, total=total or None, average=average)
            self._bar.refresh()

    def close(self) -> None:
        """Takes the bar away."""
        if self._bar is not None:
            with self._shown():
                self._bar.stop()
            self._bar = None


def _bar(console: Console) -> Progress:
    columns = (
        _StageColumn(),
        BarColumn(bar_width=10),
        _DoneColumn(table_column=Column(no_wrap=True)),
        _RateColumn(table_column=Column(no_wrap=True)),
        _TimeLeftColumn(table_column=Column(no_wrap=True)),
    )
    return Progress(
        *columns,
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


class _StageColumn(ProgressColumn):
    """What is being done; where the terminal is narrow it is cut short, and how far it is stays whole."""

    def render(self, task: Task) -> Text:
        return Text(task.description, no_wrap=True, overflow="ellipsis")


class _DoneColumn(ProgressColumn):
    """How much is done, of how much."""

    def render(self, task: Task) -> Text:
        total = "?" if task.total is None else f"{task.total:,.0f}"
        return Text(f"{task.completed:,.0f}/{total}", style="progress.download")


class _RateColumn(ProgressColumn):
    """How much gets done in a second."""

    def render(self, task: Task) -> Text:
        return Text(rate_shown(_rate(task)), style="progress.data.speed")


class _TimeLeftColumn(ProgressColumn):
    """How long it will take from now on."""

    def render(self, task: Task) -> Text:
        rate, remaining = _rate(task), task.remaining
        if remaining is None:
            return Text("")
        left = timedelta(seconds=math.ceil(remaining / rate)) if rate else "-:--:--"
        return Text(str(left), style="progress.remaining")


def _rate(task: Task) -> float | None:
    """That of the last half minute; until that is known, that since the stage began, long before the bar is shown."""
    average: float | None = task.fields.get("average")
    return task.speed or average


def rate_shown(rate: float | None) -> str:
    """So much a second, for people; empty while it is not known.

    Args:
        rate: How much, 0 or more.
    """
    if rate is None:
        return ""
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
