"""One core for each thread."""

from __future__ import annotations

import sys
import threading

__all__ = ["OneCore"]


class OneCore:
    """Keeps torch to one core in the threads that call it.

    torch is imported no sooner than something needs it, so a thread asks each time it has work.
    """

    def __init__(self) -> None:
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._n_before: int | None = None
        self._look()

    def __call__(self) -> None:
        """Keeps torch, where it is loaded, to one core in this thread."""
        torch = sys.modules.get("torch")
        if torch is not None and not getattr(self._thread, "limited", False):
            self._look()
            torch.set_num_threads(1)
            self._thread.limited = True

    def end(self) -> None:
        """Gives this thread and later ones of the process back what torch gave them before."""
        if self._n_before is not None:
            sys.modules["torch"].set_num_threads(self._n_before)

    def _look(self) -> None:
        """Remembers the setting: a thread that meets torch for the first time takes over the latest one."""
        with self._lock:
            torch = sys.modules.get("torch")
            if torch is not None and self._n_before is None:
                self._n_before = torch.get_num_threads()
