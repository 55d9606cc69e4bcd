"""Embedding on Ray equals embedding here, though a worker dies and a picture is poisoned.

Ray listens on all interfaces, so it runs in a network namespace that has none but ``lo``.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import annotate
import annotate.index.shards
from annotate.index.shards import load_index

DrawNoise = Callable[[Path, int], None]
IN_NAMESPACE = ("unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh")
IMAGES = 22
# One cluster for all, since starting it takes longest. Arguments: local and Ray workspace.
SCRIPT = """
import os, shutil, signal, sys, tempfile
from pathlib import Path
import ray
from annotate.index import ray_engine
from annotate.cli import main

here, there = map(Path, sys.argv[1:])
marker = there / "died"
embed, read_row = ray_engine.Embed, ray_engine.read_row

class DiesOnce(embed):
    def __call__(self, row):
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(row)

def poisoned(row, reading):
    import annotate.index.reading
    read_bytes = annotate.index.reading.read_bytes
    def read(uri, *args, **options):
        if uri.endswith("poison.png"):
            raise RuntimeError("of a kind that nobody expects")
        return read_bytes(uri, *args, **options)
    annotate.index.reading.read_bytes = read
    try:
        return read_row(row, reading)
    finally:
        annotate.index.reading.read_bytes = read_bytes

ray_engine.Embed, ray_engine.read_row = DiesOnce, poisoned
os.chdir(here)
main(["index", "--json"], standalone_mode=False)
folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
try:
    ray.init(
        num_cpus=3, include_dashboard=False, _node_ip_address="127.0.0.2", _temp_dir=folder,
        object_store_memory=100 * 2**20, log_to_driver=False,
    )
    os.chdir(there)
    main(["index", "--engine", "ray", "--actors", "2", "--json"], standalone_mode=False)
    try:
        main(["index", "--engine", "ray", "--actors", "3"], standalone_mode=False)
    except Exception as error:
        print(error)
finally:
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)
"""


def why_not() -> str:
    """Why Ray cannot be run here safely; empty where it can."""
    if importlib.util.find_spec("ray") is None:
        return "ray is not installed (the extra ray)"
    if not all(map(shutil.which, ("unshare", "ip"))):
        return "no unshare or ip to make a network namespace with"
    made = subprocess.run([*IN_NAMESPACE, "true"], capture_output=True, check=False)
    return "" if made.returncode == 0 else "a network namespace needs root"


def test_rows_are_those_of_a_local_run(
    tmp_path: Path, tiny_clip_folder: Path, draw_noise: DrawNoise
) -> None:
    if reason := why_not():
        pytest.skip(reason)
    from annotate.cli import main

    here, there = tmp_path / "here", tmp_path / "there"
    for number in range(IMAGES):
        draw_noise(here / "photos" / f"{number}.png", number)
    draw_noise(here / "photos" / "poison.png", 1000)
    settings = f'[model]\nname = "local-dir:{tiny_clip_folder}"\n'
    (here / "mumic.toml").write_text(settings + "[index]\nbatch_size = 2\nshard_size = 5\n")
    before = Path.cwd()
    try:
        os.chdir(here)
        main(["catalog", "photos"], standalone_mode=False)
    finally:
        os.chdir(before)
    shutil.copytree(here, there)
    (here / "photos" / "poison.png").unlink()

    packages = str(Path(annotate.__file__).parents[1])
    environment = os.environ | {"PYTHONPATH": packages, "OMP_NUM_THREADS": "1"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0"}
    script = [sys.executable, "-c", SCRIPT, str(here), str(there)]
    done = subprocess.run(
        [*IN_NAMESPACE, *script], env=environment, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    decoder = json.JSONDecoder()
    local, end = decoder.raw_decode(done.stdout)
    on_ray, rest = decoder.raw_decode(done.stdout[end:].lstrip())
    assert (there / "died").is_file()
    assert local == on_ray
    assert (on_ray["embedded"], on_ray["skipped"]) == (IMAGES, 1)
    assert "RuntimeError: of a kind that nobody expects" in done.stderr
    assert "3 logical processors" in done.stdout[end:].lstrip()[rest:]
    (one,), (two,) = (list((root / "data" / "index").iterdir()) for root in (here, there))
    assert {file.name: file.read_bytes() for file in one.iterdir()} == {
        file.name: file.read_bytes() for file in two.iterdir()
    }
    rows = [
        np.concatenate(load_index(folder).embeddings).astype(np.float64) for folder in (one, two)
    ]
    assert (rows[0] * rows[1]).sum(
        axis=1
    ).min() > 0.999  # float16 rows: their length is not quite 1
