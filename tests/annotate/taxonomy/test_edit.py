"""Values into a taxonomy file: every other byte stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from annotate.errors import InputError
from annotate.taxonomy.edit import set_values, write_values
from annotate.taxonomy.load import load_taxonomy

TRAVEL = Path("label_taxonomy/travel.yaml")
ODD = """\
# A list with every manner of writing.
version: 1
name:   odd      # spaces
categories: [{id: all, name: 'All'}]
classes:
  # Pools, by "kind".
  - id: pool
    name:    "Pool: any"   # a comment
    category: all
    vote_threshold:   0.60     # by experience
    queries:
        - a photo with a pool,
          seen from above
  - {id: snow, name: Snow, category: all}
  - {vote_threshold: 0.5, id: ice, name: Ice, category: all}
  -   category: all
      difficulty: hard  # many err
      name: Frost 😀
      id: frost
"""


def test_every_other_byte_stays() -> None:
    changed = set_values(
        ODD, "vote_threshold", {"pool": 0.8, "snow": 0.4, "ice": 0.25, "frost": 1.0}
    )
    expected = ODD.replace("0.60 ", "0.8 ").replace(
        "{id: snow, name: Snow, category: all}",
        "{id: snow, name: Snow, category: all, vote_threshold: 0.4}",
    )
    expected = expected.replace("0.5, id: ice", "0.25, id: ice").replace(
        "      difficulty: hard  # many err\n",
        "      difficulty: hard  # many err\n      vote_threshold: 1\n",
    )
    assert changed == expected


def test_the_travel_list_gains_and_changes_single_lines(tmp_path: Path) -> None:
    file = tmp_path / "travel.yaml"
    file.write_bytes(TRAVEL.read_bytes())
    before = load_taxonomy(file)
    wanted = {entry.id: 0.45 for entry in before.classes[::3]}
    write_values(file, "vote_threshold", wanted)
    old, new = TRAVEL.read_text("utf-8").splitlines(), file.read_text("utf-8").splitlines()
    line = "    vote_threshold: 0.45"
    assert new.count(line) == len(wanted)
    rest = [text for text in new if text != line]
    replaced = sum(before.by_id[name].vote_threshold is not None for name in wanted)
    assert len(old) - len(rest) == replaced
    kept = iter(old)
    assert all(text in kept for text in rest)  # in the same order, nothing else changed
    after = load_taxonomy(file)
    assert {e.id: e.vote_threshold for e in after.classes} == {
        e.id: wanted.get(e.id, e.vote_threshold) for e in before.classes
    }


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("# A list", "\ufeff# A list")])
def test_line_ends_and_a_byte_order_mark_stay(change: tuple[str, str], tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_bytes(ODD.replace(*change).encode())
    write_values(file, "vote_threshold", {"pool": 0.8, "frost": 0.4})
    expected = set_values(ODD, "vote_threshold", {"pool": 0.8, "frost": 0.4}).replace(*change)
    assert file.read_bytes() == expected.encode()


def test_what_cannot_be_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no class 'bath'"):
        set_values(ODD, "vote_threshold", {"bath": 0.5})
    file = tmp_path / "broken.yaml"
    file.write_text(ODD + "  - id: pool\n", "utf-8")
    with pytest.raises(InputError, match=r"broken\.yaml:"):
        write_values(file, "vote_threshold", {"pool": 0.8})
    assert file.read_text("utf-8") == ODD + "  - id: pool\n"


def test_a_prompt_is_added_and_replaced(tmp_path: Path) -> None:
    file = tmp_path / "odd.yaml"
    described = ODD.replace("id: ice,", "id: ice, prompt: description, description: ice,").replace(
        "id: frost\n", "id: frost\n      description: thin ice\n"
    )
    file.write_text(described, "utf-8")
    write_values(file, "prompt", {"ice": "name", "frost": "description"})
    expected = described.replace("prompt: description,", "prompt: name,").replace(
        "difficulty: hard  # many err\n",
        "difficulty: hard  # many err\n      prompt: description\n",
    )
    assert file.read_text("utf-8") == expected
