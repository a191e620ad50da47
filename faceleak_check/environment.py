"""Environment variables that hold for a while."""

from __future__ import annotations

import os
from collections.abc import Callable

__all__ = ["set_for_now"]


def set_for_now(name: str, value: str) -> Callable[[], None]:
    """Sets an environment variable; what it returns puts it back as it was.

    Args:
        name: The variable, which embedders and screens of other packages can read as well.
        value: Its value.
    """
    before = os.environ.get(name)
    os.environ[name] = value

    def put_back() -> None:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before

    return put_back
