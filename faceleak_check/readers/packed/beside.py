"""What lies beside the large files of a dataset in its folder: nothing there is passed over without a word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from faceleak_check.readers.formats import has_image_suffix, suffix_of
from faceleak_check.readers.unopened import unopened
from faceleak_check.records import Exclusion

__all__ = ["Beside", "beside", "gone_beside"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Beside:
    """Files of a folder that are none of the dataset's own.

    Attributes:
        images: Those that are named like images.
        unopened: Path → exclusion rule and reason, of those that may hold images.
        n_others: Number of all others, by suffix.
    """

    images: tuple[str, ...] = ()
    unopened: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    n_others: Mapping[str, int] = field(default_factory=dict)


def beside(names: Iterable[str]) -> Beside:
    """Tells files apart by their names.

    Args:
        names: Their paths in the folder.
    """
    images, found, others = list[str](), dict[str, tuple[str, str]](), Counter[str]()
    for path in names:
        name = path.rpartition("/")[2]
        # what macOS puts beside a file begins so, too, and nobody opens it here
        gone = None if name.startswith("._") else unopened(name)
        if gone is not None:
            found[path] = gone
        elif has_image_suffix(name) and not name.startswith("._"):
            images.append(path)
        else:
            others[suffix_of(name)] += 1
    return Beside(images=tuple(images), unopened=found, n_others=dict(others))


def gone_beside(found: Beside) -> list[Exclusion]:
    """The files that may hold images."""
    return [Exclusion(id=name, rule=rule, reason=reason) for name, (rule, reason) in found.unopened.items()]
