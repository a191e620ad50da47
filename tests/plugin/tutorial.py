"""docs/tutorial.md, done as it says in the folder of a demo that has run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import yaml
from docs_shell import Ran, Shell
from faceleak_command import talk
from shown_commands import Block, agrees, blocks, commands_of

__all__ = ["Tutorial"]

PAGE = "docs/tutorial.md"
DONE_BEFORE = ("pip install", "faceleak demo", "cd faceleak-demo")
TAKES_LONG = "pytest --faceleak-policy rates.yaml"
"""Sends 210 altered pictures through detector and network: a quarter of a minute."""
ANSWERS = ("n", "Compared by eye with both originals", "q")
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b")


class Tutorial:
    """Follows the page block by block.

    Args:
        shell: Runs its commands.
        folder: What `faceleak demo` has written.
        printed: What it has printed.
        long: Whether to run what takes long, too.
    """

    def __init__(self, shell: Shell, folder: Path, printed: str, *, long: bool) -> None:
        self._shell, self._folder, self._long = shell, folder, long
        self._printed: str | None = printed
        self.n_compared = 0

    def follow(self) -> None:
        """Runs each command and compares each output that the page shows behind it."""
        for block in blocks(PAGE):
            if block.language == "sh":
                self._run_all(block)
            elif block.language == "yaml":
                self._take(block)
            else:
                self._compare(block)

    def _run_all(self, block: Block) -> None:
        for command in commands_of(block.text):
            if command.startswith(DONE_BEFORE):
                continue
            if command.startswith(TAKES_LONG) and not self._long:
                self._printed = None
                continue
            ran = self._run(command)
            assert ran.status == _status(command), f"{PAGE}:{block.line}: {command}\n{ran.output}"
            self._printed = ran.output

    def _run(self, command: str) -> Ran:
        if command.startswith("faceleak review"):
            status, output = talk(self._folder, shlex.split(command)[1:], ANSWERS)
            return Ran(status=status, output=output)
        return self._shell.run(command)

    def _take(self, block: Block) -> None:
        shown = yaml.safe_load(block.text)
        if "waivers" in shown:
            self._same(block, _without_days(_read(self._folder / "leaky.waivers.yaml")))
        elif shown["name"] == "demo-leaky":
            written = yaml.safe_load(_read(self._folder / "leaky.yaml"))
            assert shown == {key: value for key, value in written.items() if key != "description"}
        else:
            (self._folder / "rates.yaml").write_text(block.text, encoding="utf-8")

    def _compare(self, block: Block) -> None:
        policy, whole = self._folder / "leaky.yaml", "pytest --faceleak-policy leaky.yaml -q"
        if block.text.startswith("LEAK: 5 of 30"):  # what --tb=no has kept back
            self._printed = self._shell.run(whole).output
        if re.match(r"  LEAK +leak_count.* 4 ", block.text):
            before = _read(policy)
            policy.write_text(f"{before}waivers: leaky.waivers.yaml\n", encoding="utf-8")
            self._printed = self._shell.run(f"{whole} --tb=no").output
            policy.write_text(before, encoding="utf-8")
        if self._printed is not None:
            self._same(block, _without_days(self._printed))

    def _same(self, block: Block, printed: str) -> None:
        assert agrees(_without_days(block.text), printed), (
            f"{PAGE}:{block.line} is not what was printed:\n{printed}"
        )
        self.n_compared += 1


def _status(command: str) -> int:
    """Exit status that a command should have: a gate fails until the leaks are set aside."""
    return int(command.startswith("pytest") and "after-evidence" not in command)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8")


def _without_days(text: str) -> str:
    return _DAY.sub("DAY", text)
