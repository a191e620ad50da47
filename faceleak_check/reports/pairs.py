"""The pairs behind a verdict as a Parquet table."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from faceleak_check.records import Pair, Verdict
from faceleak_check.reports.plain import pair_record

__all__ = ["SCHEMA", "pairs_parquet"]

SCHEMA = pa.schema(
    [
        pa.field("generated", pa.string(), nullable=False),
        pa.field("generated_sha256", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("source_sha256", pa.string(), nullable=False),
        pa.field("source_people", pa.list_(pa.string()), nullable=False),
        pa.field("similarity", pa.float64(), nullable=False),
        pa.field("distance", pa.float64()),
        # of no fixed size: pyarrow reads missing ones of those back from Parquet only since 26
        pa.field("generated_box", pa.list_(pa.float64())),
        pa.field("source_box", pa.list_(pa.float64())),
        pa.field(
            "seconds",
            pa.list_(
                pa.struct(
                    [
                        pa.field("embedder", pa.string(), nullable=False),
                        pa.field("similarity", pa.float64(), nullable=False),
                        pa.field("distance", pa.float64(), nullable=False),
                    ]
                )
            ),
            nullable=False,
        ),
        pa.field("kind", pa.string()),
        pa.field("bits", pa.int64()),
        pa.field("waived", pa.bool_(), nullable=False),
    ]
)


def pairs_parquet(verdict: Verdict) -> bytes:
    """A table with one row a pair, worst first, then the waived ones; the same bytes for the same pairs."""
    pairs: tuple[Pair, ...] = verdict.measurement.pairs if verdict.measurement else ()
    rows = [pair_record(pair) | {"waived": False} for pair in pairs]
    rows += [pair_record(pair) | {"waived": True} for pair in verdict.waived]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), file, compression="zstd")
    return file.getvalue()
