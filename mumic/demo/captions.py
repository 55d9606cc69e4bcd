"""Captions for the pretraining pictures, as people write them: partial, varied, in any order."""

from dataclasses import dataclass

import numpy as np

from mumic.demo.caption_words import CONCEPT_WORDS
from mumic.demo.scene_words import ADJECTIVES, KIND_WORDS, SCENE_WORDS
from mumic.demo.scenes.kinds import KINDS
from mumic.demo.scenes.scene import Scene

_OPENINGS = (
    "a photo with {}",
    "a photo with {}",
    "a photo of {}",
    "a photo with {}",
    "{}",
    "a picture of {}",
    "an image with {}",
    "photo of {}",
)


@dataclass(frozen=True)
class Facts:
    """What a caption may mention of a scene; studio scenes have no ``scene`` words."""

    family: str
    studio: bool
    kinds: tuple[str, ...]
    concepts: tuple[str, ...]
    hour: str
    winter: bool


def facts_of(scene: Scene) -> Facts:
    """Keep what the captions need."""
    return Facts(
        family=scene.family,
        studio=scene.studio,
        kinds=tuple(sorted({thing.kind for thing in scene.things})),
        concepts=tuple(sorted(scene.concepts)),
        hour=scene.hour if "sunset" in scene.concepts or "night" in scene.concepts else "day",
        winter="winter" in scene.concepts,
    )


def write_caption(facts: Facts, rng: np.random.Generator) -> str:
    """Return one caption; about half name a single concept.

    Every caption is true of the picture, and none names everything in it.
    """
    draw = rng.random()
    if draw < 0.5 or facts.studio:
        return _pick(rng, _OPENINGS).format(_concept(facts, rng))
    if draw < 0.85:
        return _sentence(facts, rng)
    names = [_concept(facts, rng) for _ in range(int(rng.integers(2, 5)))]
    return ", ".join(dict.fromkeys(names))


def _pick(rng: np.random.Generator, options: tuple[str, ...]) -> str:
    return options[int(rng.integers(len(options)))]


def _concept(facts: Facts, rng: np.random.Generator) -> str:
    if not facts.concepts or rng.random() < 0.12:
        kinds = tuple(kind for kind in facts.kinds if kind in KIND_WORDS)
        if kinds:
            return _pick(rng, KIND_WORDS[_pick(rng, kinds)])
    if not facts.concepts:
        return "a thing"
    words = CONCEPT_WORDS[_pick(rng, facts.concepts)]
    return words[0] if rng.random() < 0.35 else _pick(rng, words)


def _thing(kind: str, rng: np.random.Generator) -> str:
    concept = KINDS[kind].concept
    if kind in KIND_WORDS and (concept is None or rng.random() < 0.6):
        return _pick(rng, KIND_WORDS[kind])
    return _pick(rng, CONCEPT_WORDS[concept][1:3]) if concept else kind


def _sentence(facts: Facts, rng: np.random.Generator) -> str:
    scene = _pick(rng, SCENE_WORDS[facts.family])
    adjective = _pick(rng, ADJECTIVES) + " " if rng.random() < 0.4 else ""
    mentioned = [kind for kind in rng.permutation(list(facts.kinds)) if rng.random() < 0.6][:3]
    things = list(dict.fromkeys(_thing(str(kind), rng) for kind in mentioned))
    when = _when(facts, rng)
    scene = f"{adjective}{scene}"
    scene = f"{'an' if scene[0] in 'aeiou' else 'a'} {scene}"
    if things and rng.random() < 0.25:
        return f"{_join(things)} in {scene}{when}"
    start = "a photo of " if rng.random() < 0.7 else ""
    tail = f" with {_join(things)}" if things else ""
    return f"{start}{scene}{tail}{when}"


def _join(things: list[str]) -> str:
    if len(things) == 1:
        return things[0]
    return ", ".join(things[:-1]) + " and " + things[-1]


def _when(facts: Facts, rng: np.random.Generator) -> str:
    parts = ""
    if facts.winter and rng.random() < 0.75:
        parts += _pick(rng, (" in winter", " with snow", " in the snow"))
    if facts.hour != "day" and rng.random() < 0.75:
        parts += f" at {facts.hour}"
    return parts
