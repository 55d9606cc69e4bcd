"""Captions say only what is true, and say it in many ways."""

from collections import Counter

import numpy as np

from mumic.demo.caption_words import CONCEPT_WORDS
from mumic.demo.captions import facts_of, write_caption
from mumic.demo.concepts import NAMES, UNSEEN
from mumic.demo.scene_words import SCENE_WORDS
from mumic.demo.scenes.families import FAMILIES
from mumic.demo.scenes.pretraining_world import plan_pretraining


def test_every_concept_has_its_name_and_other_words() -> None:
    assert set(CONCEPT_WORDS) == set(NAMES) | set(UNSEEN)
    for concept, words in CONCEPT_WORDS.items():
        assert words[0] == {**NAMES, **UNSEEN}[concept].lower()
        assert len(set(words)) >= 3
    assert set(SCENE_WORDS) == set(FAMILIES)


def test_words_that_belong_to_one_concept_are_only_said_of_it() -> None:
    rng = np.random.default_rng(0)
    telling = {
        "toaster": "toaster",
        "sunset": "sunset",
        "bunk bed": "bunk_bed",
        "golf": "golf",
        "museum": "museum",
    }
    said: Counter[str] = Counter()
    for index in range(3_000):
        facts = facts_of(plan_pretraining(index))
        caption = write_caption(facts, rng)
        for word, concept in telling.items():
            if word in caption:
                said[concept] += 1
                assert concept in facts.concepts, (caption, facts)
    assert min(said[concept] for concept in telling.values()) > 3


def test_captions_vary() -> None:
    rng = np.random.default_rng(0)
    facts = facts_of(plan_pretraining(11))
    assert len({write_caption(facts, rng) for _ in range(60)}) > 20
