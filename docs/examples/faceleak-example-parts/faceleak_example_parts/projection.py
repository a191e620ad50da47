"""``example-projection``: a picture's pixels times a fixed random matrix."""

import hashlib

import numpy as np

from faceleak_check.errors import ModelError
from faceleak_check.policy.schema import EmbedderChoice
from faceleak_check.records import EmbedderSpec, Templates

SIZE = 16
DIMENSION = 64


class ExampleProjection:
    """Finds copies and knows nothing of people: put your network in its place."""

    batch_size = 32

    def __init__(self, choice: EmbedderChoice) -> None:
        if choice.weights or choice.sha256 or choice.precision != "fp32" or choice.device == "cuda":
            raise ModelError(
                "embedder 'example-projection' has no file of weights and computes in fp32 on the CPU",
                detail="Leave out `weights`, `sha256`, `precision` and `device`.",
            )
        self._weights = np.random.default_rng(seed=1).normal(size=(SIZE * SIZE * 3, DIMENSION))
        self.spec = EmbedderSpec(
            name=choice.name,
            weights_sha256=hashlib.sha256(self._weights.tobytes()).hexdigest(),
            licence="MIT",
            dimension=DIMENSION,
            input_size=SIZE,
            colour_order="RGB",
            normalisation="(RGB - 127.5) / 127.5",
            recognises_people=False,
        )

    def load(self) -> None:
        """A network would be brought into memory here: not sooner, a policy may only be listed."""

    def embed(self, chips: np.ndarray) -> Templates:
        """RGB chips, uint8, shape (n, 16, 16, 3) → rows of length one, and the length that each had."""
        rows = (chips.reshape(len(chips), -1) - 127.5) / 127.5
        # one by one: a product of matrices may round a row otherwise when it has other company
        embeddings = np.stack([row @ self._weights for row in rows])
        norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
        return Templates(
            vectors=(embeddings / norms).astype(np.float32), norms=norms[:, 0].astype(np.float32)
        )
