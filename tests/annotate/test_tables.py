import errno
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from annotate.arrays import write_array
from annotate.errors import DamagedError, InputError, MissingError
from annotate.files import atomic, atomic_path, read_json, remove_stale, write_json
from annotate.tables import IMAGE_REJECTS, LABELS, empty, read, write


def labels() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "image_id": ["a", "a", "b"],
            "class_id": ["pets", "pool", "pets"],
            "label": [1, 0, None],
            "yes": [4, 1, 1],
            "no": [1, 4, 0],
            "unsure": [0, 0, 4],
            "rate": [0.8, 0.2, 1.0],
            "decided": ["voted", "voted", "unknown"],
        }
    )


def test_unknown_stays_distinct_from_no(tmp_path: Path) -> None:
    write(LABELS, labels(), tmp_path / "labels.parquet")
    found = read(LABELS, tmp_path / "labels.parquet")
    assert found["label"].isna().tolist() == [False, False, True]
    assert found["label"].tolist()[:2] == [1, 0]
    assert pq.read_schema(tmp_path / "labels.parquet").field("label").type == pa.int8()


def test_equal_tables_are_equal_bytes(tmp_path: Path) -> None:
    write(LABELS, labels(), tmp_path / "a.parquet")
    write(LABELS, labels().copy(), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_missing_table_names_its_command(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="mumic-annotate consolidate"):
        read(LABELS, tmp_path / "labels.parquet")


def test_a_table_cut_short_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "labels.parquet"
    write(LABELS, labels(), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedError, match=r"labels\.parquet"):
        read(LABELS, path)


def test_columns_are_checked_both_ways(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    with pytest.raises(InputError, match="rate"):
        write(LABELS, labels().drop(columns="rate"), path)
    with pytest.raises(InputError, match="colour"):
        write(LABELS, labels().assign(colour="red"), path)
    write(IMAGE_REJECTS, pd.DataFrame({"uri": ["a"], "reason": ["empty"]}), path)
    with pytest.raises(DamagedError, match="no column 'image_id'"):
        read(LABELS, path)


def test_an_empty_table_has_all_columns(tmp_path: Path) -> None:
    write(LABELS, empty(LABELS), tmp_path / "empty.parquet")
    assert read(LABELS, tmp_path / "empty.parquet").columns.tolist() == list(LABELS.columns)


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old", "utf-8")

    def write_half() -> None:
        with atomic(target) as file:
            file.write(b"half")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        write_half()
    assert target.read_text("utf-8") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o027, 0o640), (0o022, 0o644)])
def test_files_have_the_mode_that_the_umask_leaves(tmp_path: Path, umask: int, mode: int) -> None:
    """Also where a library replaces the temporary file by one of its own."""
    before = os.umask(umask)
    try:
        with atomic(tmp_path / "opened") as file:
            file.write(b"whole")
        with atomic_path(tmp_path / "named") as temporary:
            other = temporary.with_name("other")
            other.write_bytes(b"whole")
            other.chmod(0o600)
            other.replace(temporary)
    finally:
        os.umask(before)
    for name in ("opened", "named"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == mode
        assert (tmp_path / name).read_bytes() == b"whole"


def test_an_array_is_written_as_numpy_does(tmp_path: Path) -> None:
    rows = np.arange(24, dtype=np.float16).reshape(4, 6)
    arrays: list[npt.NDArray[Any]] = [rows, rows[:, ::2], rows[:0], rows.astype(np.uint8)]
    for array in arrays:
        write_array(tmp_path / "ours.npy", array)
        np.save(tmp_path / "theirs.npy", array)
        assert (tmp_path / "ours.npy").read_bytes() == (tmp_path / "theirs.npy").read_bytes()


# No file may grow beyond the limit: the system refuses as it does on a full disk.
FULL = """
import resource, signal
from pathlib import Path
import numpy as np
from annotate.arrays import write_array
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, resource.RLIM_INFINITY))
try:
    write_array(Path("rows.npy"), np.ones((100, 1000), np.float16))
except OSError as error:
    print(error.errno)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system's limits")
def test_an_array_for_which_there_is_no_room(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", FULL], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == f"{errno.EFBIG}\n", done.stderr
    assert not list(tmp_path.iterdir())


def test_stale_temporary_files_are_removed(tmp_path: Path) -> None:
    (tmp_path / ".shard.npy.abc.tmp").write_bytes(b"half")
    (tmp_path / "kept.tmp").write_bytes(b"a user's")
    assert remove_stale(tmp_path) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["kept.tmp"]


def test_of_a_folder_where_others_write_only_the_named_leftovers_go(tmp_path: Path) -> None:
    kept = {".a.parquet.x1.tmp", ".a.json.x2.tmp", ".ba.x3.tmp", ".bashrc.tmp"}
    for name in kept | {".a.x4.tmp"}:
        (tmp_path / name).write_bytes(b"half")
    assert remove_stale(tmp_path, "a") == 1
    assert {path.name for path in tmp_path.iterdir()} == kept
    with atomic(tmp_path / "a"):
        assert remove_stale(tmp_path, "*", "parquet", "b") == 0
        assert remove_stale(tmp_path, "ba", "a.json") == 2


def test_json_round_trip_and_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"b": [1, "é"], "a": None})
    assert read_json(path, "x") == {"a": None, "b": [1, "é"]}
    path.write_text("{", "utf-8")
    with pytest.raises(DamagedError, match="mumic train"):
        read_json(path, "mumic train")
