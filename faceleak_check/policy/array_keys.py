"""The keys of a dataset that lies in NumPy's files: what its arrays mean, and what made its templates."""

from __future__ import annotations

from typing import Literal

from faceleak_check.policy.names import ArrayName, EmbedderKey, Sha256
from faceleak_check.policy.types import check_keys

__all__ = ["ArrayNames", "TemplateOrigin"]


@check_keys
class ArrayNames:
    """Which arrays of an .npz file mean what.

    Attributes:
        data: The array of pictures or templates; needed where the file holds other arrays than those named here.
        ids: The array that names each row, of texts or whole numbers; rows are numbered without it.
        identity: The array that names the person in each row, of texts or whole numbers.
    """

    data: ArrayName | None = None
    ids: ArrayName | None = None
    identity: ArrayName | None = None

    def __post_init__(self) -> None:
        given = [name for name in (self.data, self.ids, self.identity) if name is not None]
        if not given:
            raise ValueError("found no key, expected at least one of data, ids, identity")
        if len(set(given)) < len(given):
            raise ValueError("found one array under two keys, expected different ones")


@check_keys
class TemplateOrigin:
    """What made the templates of a dataset: templates of unknown origin are never compared.

    Attributes:
        embedder: The network, by the name that it has as an embedder, such as adaface-ir101.
        sha256: The digest of its weights, 64 hexadecimal digits; "faceleak embed" tells it.
        align: How faces were found in the pictures and turned upright, none or mtcnn, for the record.
    """

    embedder: EmbedderKey
    sha256: Sha256
    align: Literal["none", "mtcnn"] | None = None
