"""Which columns of a Parquet file hold images, their names and the people in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from faceleak_check.policy.schema import ParquetColumns
from faceleak_check.readers.parquet.hugging_face import class_names, features, image_columns
from faceleak_check.readers.tables import TableError, column_places

__all__ = ["Layout", "layout_of"]

_BYTES, _PATH = "bytes", "path"
_EXPECTED = (
    "Expected a column of image files as bytes, or of structs of bytes and path as Hugging Face writes them"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Which columns mean what.

    Attributes:
        image: The column of images.
        in_struct: Whether it holds structs and not bytes.
        has_path: Whether these name paths besides.
        id: The column of names; None where none is asked for.
        identity: The column of people; None where none is asked for.
        classes: The people that its numbers stand for; empty where it says itself who they are.
    """

    image: str
    in_struct: bool
    has_path: bool
    id: str | None
    identity: str | None
    classes: tuple[str, ...] = ()

    @property
    def bytes_column(self) -> str:
        """The images as Parquet calls them."""
        return f"{self.image}.{_BYTES}" if self.in_struct else self.image

    @property
    def path_column(self) -> str:
        """Their paths."""
        return f"{self.image}.{_PATH}"


def layout_of(schema: Any, asked: ParquetColumns) -> Layout:
    """Which columns mean what, as the policy says or as there is only one way.

    Args:
        schema: The file's Arrow schema.
        asked: The columns that the policy names.

    Raises:
        TableError: A column is missing or of the wrong type, or more than one may hold the images.
    """
    found = features(schema.metadata)
    named = [name for name in (asked.image, asked.id, asked.identity) if name is not None]
    column_places(schema.names, named)
    image = asked.image or _only_image(schema, image_columns(found))
    kind = schema.field(image).type
    _refuse_no_image(image, kind)
    for name in filter(None, (asked.id, asked.identity)):
        _refuse_no_text(name, schema.field(name).type)
    in_struct = _is_struct(kind)
    return Layout(
        image=image,
        in_struct=in_struct,
        has_path=in_struct and _has_text(kind, _PATH),
        id=asked.id,
        identity=asked.identity,
        classes=class_names(found, asked.identity) if asked.identity else (),
    )


def _only_image(schema: Any, said: Sequence[str]) -> str:
    fields = {field.name: field.type for field in schema}
    some = [name for name in said if name in fields]
    some = some or [name for name, kind in fields.items() if _may_hold_images(kind)]
    if len(some) == 1:
        column_places(schema.names, some)
        return some[0]
    if some:
        raise TableError(
            f"has {len(some)} columns that may hold its images",
            f"Found {_listed(fields, some)}. Name the right one with columns: {{image: {some[0]}}}.",
        )
    several = [name for name, kind in fields.items() if _holds_several(kind)]
    if several:
        _refuse_no_image(several[0], fields[several[0]])
    raise TableError("has no column of images", f"{_EXPECTED}; found {_listed(fields, list(fields))}.")


def _listed(fields: Mapping[str, Any], names: Sequence[str]) -> str:
    shown = ", ".join(f"{name!r} ({_type_name(fields[name])})" for name in names[:10])
    return f"{shown} and {len(names) - 10:,} more" if len(names) > 10 else shown or "no column"


def _type_name(kind: Any) -> str:
    text = str(kind)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _refuse_no_image(name: str, kind: Any) -> None:
    import pyarrow as pa

    if _may_hold_images(kind):
        return
    if _holds_several(kind):
        raise TableError(
            f"has several images in a row of its column {name!r}",
            "Write each image to a row of its own, with the id and the person of its own.",
        )
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        raise TableError(
            f"has text in its column {name!r}, where images should be",
            f"{_EXPECTED}. Where the texts are paths of image files, give the folder of those with format: folder.",
        )
    raise TableError(f"has no images in its column {name!r}", f"{_EXPECTED}; found {_type_name(kind)}.")


def _refuse_no_text(name: str, kind: Any) -> None:
    import pyarrow as pa

    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (_is_text(value) or pa.types.is_integer(value)):
        raise TableError(
            f"has a column {name!r} of type {_type_name(kind)}",
            "Expected text or whole numbers: change the column's type, or name another column.",
        )


def _may_hold_images(kind: Any) -> bool:
    return _is_binary(kind) or (_is_struct(kind) and _child(kind, _BYTES, _is_binary))


def _holds_several(kind: Any) -> bool:
    import pyarrow as pa

    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return is_list and _may_hold_images(kind.value_type)


def _has_text(kind: Any, name: str) -> bool:
    return _child(kind, name, _is_text)


def _child(kind: Any, name: str, fits: Any) -> bool:
    place = kind.get_field_index(name)
    return place >= 0 and bool(fits(kind.field(place).type))


def _is_struct(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_struct(kind))


def _is_binary(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind))


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
