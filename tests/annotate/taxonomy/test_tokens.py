"""The token count against open_clip's own tokenizer."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import warnings
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotate.errors import MissingError
from annotate.taxonomy import tokens
from annotate.taxonomy.model import Taxonomy
from annotate.taxonomy.prompts import description_prompt, name_prompt
from annotate.taxonomy.tokens import count_tokens, fits

ODD = [
    "",
    " ",
    "a",
    "it's we'll I'm they've he'd can't",
    "caf\xe9 na\xefve \u00c5ngstr\xf6m",
    "\u6c34\u6ce2 \u5bbe\u9986 \u043e\u0442\u0435\u043b\u044c",
    "\U0001f3d6\ufe0f\U0001f468\u200d\U0001f469\u200d\U0001f467 beach",
    "fish &amp; chips &lt;b&gt; &amp;amp;",
    "<start_of_text> and <END_OF_TEXT><end_of_text>",
    "____------!!!???...",
    "1234567890 3rd 4K \u00bd \u2164 \u0662",
    "\ufb01replace \uff21\uff22 \u2019quoted\u2018",
    "\u0130stanbul \u017fs \u212a'\u017f",
    "mojibake \u00e2\u20ac\u2122 s",
    "tab\tand\nline  \u00a0 spaces",
    "x" * 300,
    "antidisestablishmentarianism " * 30,
]


@pytest.fixture(scope="module")
def reference() -> Callable[[str], int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from open_clip.tokenizer import SimpleTokenizer
    tokenizer = SimpleTokenizer()
    return lambda text: len(tokenizer.encode(text)) + 2


def test_the_count_equals_that_of_open_clip(
    reference: Callable[[str], int], travel: Taxonomy
) -> None:
    texts = [text for c in travel.classes for text in (name_prompt(c), description_prompt(c))]
    texts += [query for c in travel.classes for query in c.queries]
    for text in texts + ODD:
        assert count_tokens(text) == reference(text), text
        assert fits(text) == (reference(text) <= 77), text

    @given(st.text(max_size=40) | st.text("aeinst'&;<>_019 .-", max_size=120))
    @settings(max_examples=400, deadline=None)
    def equal(text: str) -> None:
        assert count_tokens(text) == reference(text)
        assert fits(text) == (reference(text) <= 77)

    equal()


@pytest.mark.parametrize("word", sorted(tokens.ONE_TOKEN))
def test_the_words_of_the_cheap_bound_are_one_token(word: str) -> None:
    assert count_tokens(word) == 3


def test_the_limit_is_77_with_start_and_end() -> None:
    assert count_tokens("pool") == 3
    assert fits("pool " * 75)
    assert not fits("pool " * 76)


def test_counting_imports_neither_torch_nor_open_clip() -> None:
    program = (
        "import sys; from annotate.taxonomy.tokens import count_tokens; count_tokens('caf\\xe9')\n"
        "print([name for name in ('torch', 'open_clip', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_without_open_clip_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens._merges.cache_clear()
    tokens._pieces.cache_clear()
    monkeypatch.setattr(
        tokens, "find_spec", lambda name: importlib.util.find_spec("no_such_module")
    )
    with pytest.raises(MissingError, match="pip install"):
        count_tokens("a text")
