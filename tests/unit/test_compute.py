from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from faceleak_check.compute import autocast, torch_device
from faceleak_check.errors import ModelError

without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")


@without_cuda
def test_a_device_that_is_not_there_is_never_replaced_by_another() -> None:
    with pytest.raises(ModelError) as error:
        torch_device("cuda")
    assert str(error.value) == (
        "the policy asks for device 'cuda' and there is none\n"
        "Run on a machine with a CUDA device, or set `device: cpu`."
    )


@without_cuda
def test_auto_is_the_cpu_where_there_is_no_cuda() -> None:
    assert torch_device("auto") == "cpu"


def test_the_cpu_is_always_there_and_torch_need_not_say_so() -> None:
    code = (
        "import sys; from faceleak_check.compute import *; print(torch_device('cpu'), 'torch' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True, timeout=60) == "cpu False\n"


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_the_arithmetic_is_the_one_asked_for(precision: str, dtype: torch.dtype) -> None:
    matrix = torch.ones(2, 2, requires_grad=True)
    with autocast("cpu", precision):
        product = matrix @ matrix
    assert product.dtype == dtype
    assert not product.requires_grad
    assert (matrix @ matrix).dtype == torch.float32
