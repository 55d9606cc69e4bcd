"""A catalogue to try rules on."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def images() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "country": ["FR", "IT", None],
            "stars": [3.0, np.nan, 5.0],
            "width": np.array([600, 640, 2**53 + 1]),
            "has pool": [True, False, None],
            "taken": pd.to_datetime(
                pd.Series(["2026-01-01T00:30+02:00", None, "2026-03-01T00:00Z"]), utc=True
            ),
            "day": [date(2026, 1, 1), None, date(2026, 3, 1)],
            "class": ["a", "b", "c"],
            "été": ["x", "y", "z"],
            "tags": [["a"], [], None],
            "empty": None,
            "caf\ufb01": [1, 2, 3],  # a ligature, which the parser would take apart
        }
    )
