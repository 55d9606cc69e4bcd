"""The demo's table of splits, by hand."""

from __future__ import annotations

from mumic.demo.page import split_table


def test_split_table() -> None:
    figures = {
        "dataset": {
            "images": {"train": 80, "validation": 8, "test": 12},
            "classes": {
                "pets": {"positive": {"train": 6, "validation": 1, "test": 3}},
                "snow": {"positive": {"train": 0, "validation": 0, "test": 0}},
            },
            "warnings": ["one"],
            "settings": {"dataset": {"train": 0.8, "validation": 0.1, "test": 0.1}},
        },
        "measures": {"per_class": [{"class_id": "pets", "name": "Pets"}]},
    }
    assert split_table(figures) == {
        "names": ["train", "validation", "test"],
        "wanted": "10.0 % and 10.0 %",
        "images": [80, 8, 12],
        "shares": ["8.0 %", "12.0 %"],
        "rows": [
            {"name": "Pets", "counts": [6, 1, 3], "shares": ["10.0 %", "30.0 %"]},
            {"name": "snow", "counts": [0, 0, 0], "shares": ["–", "–"]},
        ],
        "warnings": ["one"],
    }
