"""What to tell of a Ray cluster that is not there, or not any more."""

from __future__ import annotations

import re

from faceleak_check.errors import InconclusiveError

__all__ = ["lost", "no_cluster"]

_LINES_SHOWN = 8
_LETTERS_SHOWN = 1000
_MARKS = re.compile(r"^\[[^]]*\] (?:\(\w+\) )?\S+:\d+: |for task [0-9a-f]+")
_NOISE = re.compile(r"has constructor arguments in the object store|Progress bars disabled")
"""What Ray Data says on any job."""


def no_cluster(address: str, words: str) -> InconclusiveError:
    """What to tell where there is no cluster, or none can be started.

    Args:
        address: The cluster's; empty for one on this machine.
        words: What the system or Ray says.
    """
    if not address:
        return InconclusiveError(
            "Ray cannot be started on this machine",
            detail=f"Ray says: {_shown(words)}. Set `execution: {{engine: local}}` to do without.",
        )
    return InconclusiveError(
        "there is no Ray cluster at the policy's address",
        detail=f"execution.address is {address!r}: {_shown(words)}. Start one on this machine (`ray start --head`, or "
        "`ray start --address=HEAD:6379` to join one), correct the address, or leave it out to use this machine alone.",
    )


def lost(words: str) -> InconclusiveError:
    """What to tell where a cluster ended while it worked."""
    return InconclusiveError(
        "the Ray cluster was lost",
        detail=f"Ray says: {_shown(words)}. What was finished is kept: run again once the cluster is well.",
    )


def _shown(words: str) -> str:
    """The last things that Ray says, each once, in one line."""
    lines = [_MARKS.sub("", line).strip() for line in words.splitlines() if not _NOISE.search(line)]
    told = dict.fromkeys(filter(None, lines))
    return " ".join([*told][-_LINES_SHOWN:])[:_LETTERS_SHOWN].rstrip(".") or "nothing"
