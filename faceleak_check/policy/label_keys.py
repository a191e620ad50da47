"""The keys under ``labels`` of a dataset, where they are more than a name."""

from __future__ import annotations

from faceleak_check.policy.names import Column, JsonKey, SidecarSuffix
from faceleak_check.policy.paths import DataPath
from faceleak_check.policy.types import check_keys

__all__ = ["CsvLabels", "SidecarLabels", "label_form"]


@check_keys
class CsvLabels:
    """A table that names the person in each image.

    Attributes:
        csv: The table, a CSV file with a header line.
        image: Its column of image paths, relative to the dataset's folder.
        identity: Its column of people.
    """

    csv: DataPath
    image: Column = "image"
    identity: Column = "identity"


@check_keys
class SidecarLabels:
    """A small file beside each image of an archive that names the person in it, as in WebDataset.

    Attributes:
        sidecar: Suffix of these files without its first dot, such as cls or json.
        key: The key of a .json file that names the person.
    """

    sidecar: SidecarSuffix
    key: JsonKey | None = None

    def __post_init__(self) -> None:
        is_json = f".{self.sidecar}".lower().endswith(".json")
        if is_json and self.key is None:
            raise ValueError(
                "found no 'key', expected the key of the .json files that names the person, such as "
                "{sidecar: json, key: identity}"
            )
        if not is_json and self.key is not None:
            raise ValueError(f"found a 'key', and .{self.sidecar} files are plain text; take it out")


def label_form(value: object) -> str:
    """Which of the forms a value has: ``csv form``, ``sidecar form`` or ``name form``."""
    if isinstance(value, SidecarLabels) or (isinstance(value, dict) and "sidecar" in value):
        return "sidecar form"
    return "csv form" if isinstance(value, dict | CsvLabels) else "name form"
