"""What the tests of contact sheets show: entries, strata, and a name that attacks a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from annotate.settings import Settings
from annotate.workspace import Workspace

HOSTILE = (
    '"\'><img src=x onerror="window.hacked=1"></script><script>window.hacked=1</script><!--'
    "{{ 1 }}{% if %}&lt;\u2028🛏️ مرحبا\u202e"
)
STRATA = pd.DataFrame(
    {
        "stratum": ["type=b", HOSTILE, "type=a"],
        "population": [100, 0, 300],
        "drawn": [30, 0, 10],
    }
)


def workspace(root: Path) -> Workspace:
    return Workspace(root, Settings())


def entries(count: int, **columns: Any) -> pd.DataFrame:
    ids = [f"id{at:05d}" for at in range(count)]
    base = {"image_id": ids, "uri": [f"{at % 12}.jpg" for at in range(count)], "group": "Pets"}
    return pd.DataFrame(base | columns)
