"""Calls to other machines that never hang, and that are made again where the trouble may pass."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

from faceleak_check.readers.files import FileError
from faceleak_check.readers.storage.reasons import RemoteError, refusal_of

__all__ = ["Attempts"]

T = TypeVar("T")

_TICK_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempts:
    """How long to wait for an answer, and how often to ask.

    Attributes:
        seconds: How long a call may take.
        pauses: Seconds to wait before each further attempt.
    """

    seconds: float
    pauses: tuple[float, ...]

    def __call__(self, call: Callable[[], T], tick: Callable[[], None] = lambda: None) -> T:
        """What the call gives.

        Args:
            call: Asks for something.
            tick: Called now and then while it is waited for.

        Raises:
            FileError: It failed, or took too long; the message quotes nothing that the other side said.
        """
        for pause in (*self.pauses, None):
            done = _Call(call)
            done.wait(self.seconds, tick)
            if done.error is None:
                return done.result  # type: ignore[no-any-return]
            if isinstance(done.error, FileError):
                raise done.error
            refusal = refusal_of(done.error)
            if pause is None or not refusal.may_pass:
                break
            time.sleep(pause)
        raise refusal.error()


class _Call:
    """One call in a thread of its own, which is left behind where it takes too long."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = Thread(target=self._run, daemon=True, name="faceleak-remote")

    def wait(self, seconds: float, tick: Callable[[], None]) -> None:
        self._thread.start()
        end = time.monotonic() + seconds
        while self._thread.is_alive() and (left := end - time.monotonic()) > 0:
            self._thread.join(min(left, _TICK_SECONDS))
            tick()
        if self._thread.is_alive():
            self.error = RemoteError(f"no answer within {seconds:g} seconds")

    def _run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:  # noqa: BLE001 - any client raises what it likes
            self.error = error
