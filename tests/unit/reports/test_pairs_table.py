"""The table of pairs can be read back by every pyarrow that is allowed, and by other people's tools."""

from __future__ import annotations

import io
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pq
from full_verdict import LEAK, full_verdict

from faceleak_check.reports.opening import _of_any_size
from faceleak_check.reports.pairs import SCHEMA, pairs_parquet


def test_pairs_with_and_without_a_face_come_back() -> None:
    full = full_verdict()
    whole = replace(LEAK, generated_box=None, source_box=None)
    assert full.measurement is not None
    verdict = replace(full, measurement=replace(full.measurement, pairs=(whole, LEAK, whole)), waived=())
    table = pq.read_table(io.BytesIO(pairs_parquet(verdict)))
    assert table["generated_box"].to_pylist() == [None, [-1.3, 2.0, 30.0, 40.5], None]
    assert table.schema.equals(SCHEMA)


def test_no_list_is_of_fixed_size() -> None:
    """pyarrow 17 to 25 write missing ones into Parquet and cannot read them: "Expected all lists to be of size=4"."""
    assert [field.name for field in SCHEMA if pa.types.is_fixed_size_list(field.type)] == []


def test_a_fixed_size_in_older_evidence_is_not_asked_for() -> None:
    file = io.BytesIO()
    pq.write_table(pa.table({"box": pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2))}), file)
    table = pq.read_table(io.BytesIO(_of_any_size(file.getvalue())))
    assert table.to_pylist() == [{"box": [1.0, 2.0]}]
    assert not pa.types.is_fixed_size_list(table.schema.field("box").type)
