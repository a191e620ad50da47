"""A file of waivers that a review adds to, without losing what is in it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from faceleak_check.errors import PolicyError, UsageError
from faceleak_check.policy.waivers import Waiver, read_waivers
from faceleak_check.regular_files import read_regular
from faceleak_check.reports.layout import safe
from faceleak_check.whole_files import remove_torn, write_whole

__all__ = ["WaiversFile", "waivers_yaml"]

_HEAD = """\
# Leaks that somebody looked at and takes responsibility for. A policy names this file with the key 'waivers'.
version: 1
waivers:
"""


def waivers_yaml(waivers: Iterable[Waiver]) -> str:
    """The text of a file with these waivers; equal waivers give the same bytes."""
    return _HEAD + ("".join(_lines(waivers, "  ")) or "  []\n")


def _lines(waivers: Iterable[Waiver], indent: str) -> Iterator[str]:
    for one in waivers:
        # in quotes, because YAML could take digits for a number
        yield f'{indent}- generated: "{one.generated}"\n'
        yield f'{indent}  source: "{one.source}"\n'
        yield f"{indent}  reason: {_quoted(one.reason)}\n"
        yield f"{indent}  owner: {_quoted(one.owner)}\n"
        yield f"{indent}  date: {one.date.isoformat()}\n"
        yield f"{indent}  expires: {one.expires.isoformat()}\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("${", "$${")


class WaiversFile:
    """A file of waivers, there already or not.

    New waivers are put behind its text, so that comments stay; where its form does not allow that, or a waiver is
    renewed, all of it is written anew.

    Args:
        path: The file.

    Attributes:
        waivers: What was in it at first, by the digests of the pairs.
        n_written: Waivers in it since it was last written here; 0 where it was not.

    Raises:
        PolicyError: It is there and is wrong.
        UsageError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.waivers: Mapping[tuple[str, str], Waiver] = {}
        self._text = self._read()
        self._written = self._text
        self.n_written = 0
        if self._text is not None:
            self.waivers = {one.pair: one for one in read_waivers(path, safe(str(path))).waivers}
        self._indent = self._indent_of_items()

    def loses_comments(self, pairs: Iterable[tuple[str, str]]) -> bool:
        """Whether the file has comments that are lost when waivers for these pairs are written."""
        is_rewritten = self._indent is None or not self.waivers.keys().isdisjoint(pairs)
        return "#" in (self._text or "") and is_rewritten

    def write(self, answers: Sequence[Waiver]) -> None:
        """Writes the file: what was in it at first, and these.

        Args:
            answers: The waivers of this review; one that the file has already is taken in its place.

        Raises:
            UsageError: It cannot be written, or was changed by somebody else meanwhile.
        """
        if self._read() != self._written:
            raise UsageError(
                f"{safe(str(self.path))} was changed by somebody else while it was open here, and is left as it is; "
                "the last answer is not in it: start again"
            )
        text = self._with(answers)
        try:
            remove_torn(self.path.resolve())
            write_whole(self.path.resolve(), text.encode())
        except OSError as error:
            raise UsageError(
                f"{safe(str(self.path))} cannot be written: {error.strerror or type(error).__name__}; "
                "the last answer is not in it"
            ) from None
        self._written = text
        self.n_written = len(self.waivers.keys() | {one.pair for one in answers})

    def _read(self) -> str | None:
        try:
            return read_regular(self.path).decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise UsageError(f"{safe(str(self.path))} cannot be read: {error.strerror}") from None

    def _with(self, answers: Sequence[Waiver]) -> str:
        renewed = {one.pair for one in answers}
        if self._indent is None or renewed & self.waivers.keys():
            kept = [one for pair, one in self.waivers.items() if pair not in renewed]
            return waivers_yaml([*kept, *answers])
        return self._appended(answers, self._indent)

    def _appended(self, answers: Iterable[Waiver], indent: str) -> str:
        text = self._text or ""
        end = "\r\n" if "\r\n" in text else "\n"
        begun = text if text.endswith("\n") else text + end
        return begun + "".join(_lines(answers, indent)).replace("\n", end)

    def _indent_of_items(self) -> str | None:
        """The spaces before each item of the list; None where nothing can be put behind it."""
        items = [line for line in (self._text or "").splitlines() if line.lstrip(" ").startswith("- ")]
        if not items or not self.waivers:
            return None
        indent = items[-1][: len(items[-1]) - len(items[-1].lstrip(" "))]
        return indent if self._takes_more(indent) else None

    def _takes_more(self, indent: str) -> bool:
        """Whether the text with one more waiver behind it is read as just that."""
        some = next(iter(self.waivers.values()))
        probe = Waiver(
            generated="0" * 64,
            source="f" * 64,
            reason="a probe",
            owner=some.owner,
            date=some.date,
            expires=some.expires,
        )
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "probe.yaml")
            file.write_text(self._appended([probe], indent), encoding="utf-8", newline="")
            try:
                found = read_waivers(file, "probe.yaml").waivers
            except PolicyError:
                return False
        return found == (*self.waivers.values(), probe)
