import pytest
from faceleak_example_parts.projection import ExampleProjection

from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.testing import check_embedder


def test_it_keeps_the_rules():
    check_embedder(ExampleProjection(EmbedderChoice(name="example-projection")))


def test_it_refuses_what_it_has_not():
    with pytest.raises(ModelError, match="computes in fp32 on the CPU"):
        ExampleProjection(EmbedderChoice(name="example-projection", precision="bf16"))
