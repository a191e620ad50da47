import sqlite3

from faceleak_example_parts.sqlite import SqliteOptions, SqliteReader

from faceleak_check.testing import a_dataset, check_reader


def test_it_keeps_the_rules(tmp_path):
    path = tmp_path / "faces.db"
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE faces (name TEXT, image BLOB, person TEXT)")
        rows = [("b.png", b"two", "Ben"), ("a.png", b"one", "Ann"), ("c.png", None, "Cem")]
        file.executemany("INSERT INTO faces VALUES (?, ?, ?)", rows)
    dataset = a_dataset(path, "example-sqlite", labels="own", options=SqliteOptions(table="faces"))
    found = check_reader(SqliteReader, dataset, n_images=2, n_left_out=1)
    assert [(image.id, image.labels) for image in found.images] == [("a.png", ("Ann",)), ("b.png", ("Ben",))]
    assert found.excluded[0].reason == "its row holds no image"
