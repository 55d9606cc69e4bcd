"""Arrays as ``.npy`` files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.files import atomic


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array atomically, so that ``np.load`` can map it.

    ``np.save`` hides why the system refuses, such as a full disk: its error has no number.

    Raises:
        ValueError: its entries are Python objects.
    """
    if array.dtype.hasobject:
        raise ValueError("an array of Python objects cannot be mapped")
    rows = np.asarray(array, order="C")
    with atomic(path) as file:
        header = np.lib.format.header_data_from_array_1_0(rows)
        np.lib.format.write_array_header_1_0(file, header)
        file.write(rows.data)
