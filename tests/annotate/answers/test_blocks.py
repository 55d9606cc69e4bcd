"""Blocks are the file, cut where lines end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from annotate.answers import blocks


@pytest.mark.parametrize(("size", "ahead"), [(1, 1), (5, 3), (17, 64)])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.lists(st.sampled_from([b"a", b"}", b"\n", b"\r\n", b"long line"])).map(b"".join))
def test_blocks_end_with_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, ahead: int, content: bytes
) -> None:
    monkeypatch.setattr(blocks, "SIZE", size)
    monkeypatch.setattr(blocks, "AHEAD", ahead)
    path = tmp_path / "answers"
    path.write_bytes(content)
    with path.open("rb") as file:
        found = list(blocks.read_blocks(file))
    assert b"".join(block.text for block in found) == content
    assert all(block.text.endswith(b"\n") for block in found[:-1])
    lines = [block.text[start:end] for block in found for start, end in block.lines]
    assert lines == content.removesuffix(b"\n").split(b"\n") if content else lines == []
    braces = [block.closing.tolist() for block in found]
    assert [len(part) for part in braces] == [block.text.count(b"}") for block in found]
