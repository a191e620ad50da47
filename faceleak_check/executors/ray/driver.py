"""The process that speaks to Ray: ``python -m faceleak_check.executors.ray.driver``.

It takes frames from its input (see `frames`) and prints one JSON object a line. It ends when its input does, and takes
down what it started. What Ray prints goes to where its errors go, a file of the process that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from queue import SimpleQueue
from typing import Any

from faceleak_check.executors.ray.frames import Job, read_frame

__all__ = ["main"]

Tell = Callable[..., None]

_STORE_BYTES = 200 << 20
_PATIENCE_SECONDS = 1800.0
_LOOK_SECONDS = 0.5
_LAST_SECONDS = 20.0


def main() -> None:
    """Connects as the first argument says, and does jobs until the input ends."""
    address, folder = sys.argv[1:]
    tell, frames = _outlet(), _inlet()
    try:
        if _connected(address, folder, tell):
            while True:
                _served(frames, tell)
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _disconnect()
        shutil.rmtree(folder, ignore_errors=True)


def _outlet() -> Tell:
    """What prints to where this process was asked to; all others print to where errors go."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lock = threading.Lock()

    def tell(event: str, **more: Any) -> None:
        with lock:
            print(json.dumps({"event": event, **more}), file=out, flush=True)

    return tell


def _inlet() -> SimpleQueue[Any]:
    """The frames as they come; at their end the work that is under way ends, too."""
    frames: SimpleQueue[Any] = SimpleQueue()

    def take_in() -> None:
        with contextlib.suppress(EOFError, OSError):
            while True:
                frames.put(read_frame(sys.stdin.buffer))
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(_LAST_SECONDS)
        os._exit(1)  # Ray does not always answer once a cluster is lost

    threading.Thread(target=take_in, daemon=True).start()
    return frames


def _connected(address: str, folder: str, tell: Tell) -> bool:
    own: dict[str, Any] = {
        "num_cpus": len(os.sched_getaffinity(0)),
        "include_dashboard": False,
        "object_store_memory": _STORE_BYTES,
        "_temp_dir": folder,
    }
    try:
        import ray

        ray.init(
            address=address or "local", log_to_driver=False, logging_level="ERROR", **({} if address else own)
        )
    except Exception as error:  # noqa: BLE001 — of many classes, all about the cluster
        tell("unconnected", words=str(error))
        return False
    tell("connected")
    return True


def _disconnect() -> None:
    ray = sys.modules.get("ray")
    if ray is not None:
        ray.shutdown()


def _served(frames: SimpleQueue[Any], tell: Tell) -> None:
    """Does what the next frame asks for: a job, or else what machines there are."""
    import ray

    frame = frames.get()
    if isinstance(frame, Job):
        _work(frame, [frames.get().packed for _ in range(frame.n_parts)], tell)
    else:
        tell("nodes", nodes=[_size(node) for node in ray.nodes() if node["Alive"]])


def _size(node: dict[str, Any]) -> tuple[int, int]:
    return int(node["Resources"].get("CPU", 0)), int(node["Resources"].get("GPU", 0))


def _work(job: Job, parts: list[bytes], tell: Tell) -> None:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from faceleak_check.executors.ray.worker import Ledger

    try:
        _wait_for_room(job, tell)
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        ledger = ray.remote(num_cpus=0, scheduling_strategy=here)(Ledger).remote()
        with _watched(ledger, tell), contextlib.closing(_answers(job, parts, ledger)) as rows:
            for row in rows:
                answer = json.loads(row["answer"])
                tell("answer", **answer)
                if "part" not in answer:
                    break
    except Exception as error:  # noqa: BLE001 — Ray's own are of many classes
        tell("lost", words=_words(error))
    else:
        tell("end")


def _wait_for_room(job: Job, tell: Tell) -> None:
    import ray

    end = time.monotonic() + _PATIENCE_SECONDS
    while ray.available_resources().get("CPU", 0) < job.plan.n_cpus and time.monotonic() < end:
        tell("waiting")
        time.sleep(_LOOK_SECONDS)


def _answers(job: Job, parts: list[bytes], ledger: Any) -> Generator[dict[str, Any]]:
    import ray.data

    from faceleak_check.executors.ray.worker import Worker

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.execution_no_progress_timeout_s = -1  # a part of large photographs may take long
    rows = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
    answers = rows.map_batches(
        Worker,
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=job.plan.n_workers, max_tasks_in_flight_per_actor=2),
        num_cpus=job.plan.n_cpus,
        num_gpus=job.plan.n_gpus or None,
        fn_constructor_args=(job.orders, ledger),
    )
    yield from answers.iter_rows()


@contextlib.contextmanager
def _watched(ledger: Any, tell: Tell) -> Iterator[None]:
    """Tells now and then how many images are done."""
    import ray

    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(_LOOK_SECONDS):
            with contextlib.suppress(Exception):
                tell("progress", n_done=ray.get(ledger.n_done.remote(), timeout=_LAST_SECONDS))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join(_LAST_SECONDS)


def _words(error: BaseException) -> str:
    """The innermost cause in one line each, without the places in Ray's own code."""
    while error.__cause__ is not None and not str(error).strip():
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
