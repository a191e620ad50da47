from faceleak_example_parts.projection import ExampleProjection

from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.testing import check_embedder


def test_it_keeps_the_rules():
    check_embedder(ExampleProjection(EmbedderChoice(name="example-projection")))
