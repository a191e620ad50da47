"""From a policy's ``execution`` to what does the work, imported when it is needed."""

from __future__ import annotations

from faceleak_check.executors.local import LocalExecutor
from faceleak_check.executors.protocol import Executor
from faceleak_check.policy.schema import ExecutionKeys
from faceleak_check.protocols import Decode

__all__ = ["executor_for"]


def executor_for(execution: ExecutionKeys, decode: Decode) -> Executor:
    """What embeds the images of a policy; makes use of no cluster before there is work.

    Args:
        execution: The policy's keys.
        decode: Bytes of an image file → RGB picture; raises ValueError with a reason.
    """
    if execution.engine == "local":
        return LocalExecutor(decode)
    from faceleak_check.executors.ray.executor import RayExecutor

    return RayExecutor(decode, execution)
