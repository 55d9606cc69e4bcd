"""A simulated crowd: how well each of its people sees each class."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from annotate.errors import InputError
from annotate.taxonomy.model import Taxonomy

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

# By difficulty: the chance to see a class that is there, and the share of ticks that are right.
# Chosen so that one person alone stays below a mean F1 of 0.80 while five of them, outvoting one
# another's mistakes, pass 0.92 in precision and recall.
SENSITIVITY = {"easy": 0.94, "medium": 0.915, "hard": 0.88}
PRECISION = {"easy": 0.74, "medium": 0.69, "hard": 0.62}
MOST_FALSE = 0.10  # of absent classes; keeps frequent classes from being ticked everywhere
CONFUSION = (
    3.0  # how many times likelier a false tick is beside a class that is easily taken for it
)
CARELESS_TICKS = 0.08
CARELESS_SEES = 0.25


@dataclass(frozen=True)
class Crowd:
    """People and their skill.

    Attributes:
        names: (A,).
        sensitivity: (A, C), chance to tick a class that is there.
        false_rate: (A, C), chance to tick a class that is not, with nothing like it in the image.
        careless: (A,), who ticks almost at random, whatever the image.
        pace: (A,), time relative to the forecast.
        confusable: (C, C), classes that are taken for one another.
    """

    names: tuple[str, ...]
    sensitivity: Floats
    false_rate: Floats
    careless: Mask
    pace: Floats
    confusable: Mask


def make_crowd(
    size: int,
    careless: int,
    taxonomy: Taxonomy,
    classes: Sequence[str],
    truth: Mask,
    confusable: Mask,
    *,
    seed: int,
) -> Crowd:
    """Draw a crowd. A person's skill depends on the seed, her number and the class, nothing else.

    Args:
        size: number of people.
        careless: how many of them, the last ones, tick almost at random.
        taxonomy: difficulty of each class.
        classes: (C,) ids.
        truth: (N, C); how frequent classes are, since people mistake frequent ones more often.
        confusable: (C, C), from :func:`confusable_classes`.
        seed: of the draw.

    Raises:
        InputError: nobody, or more careless people than people.
    """
    if size < 1 or not 0 <= careless <= size:
        raise InputError(
            f"a crowd of {size} with {careless} careless annotators cannot be; "
            "set [simulate] annotators and careless in mumic.toml."
        )
    difficulty = [taxonomy.by_id[class_id].difficulty for class_id in classes]
    seen = np.array([SENSITIVITY.get(level, SENSITIVITY["medium"]) for level in difficulty])
    right = np.array([PRECISION.get(level, PRECISION["medium"]) for level in difficulty])
    names = tuple(f"simulated-{number:02d}" for number in range(1, size + 1))
    draws = [_person(seed, name, classes) for name in names]
    sensitivity = np.clip(seen + np.array([skill for skill, _, _ in draws]), 0.6, 0.985)
    caution = np.array([spread for _, spread, _ in draws])
    is_careless = np.arange(size) >= size - careless
    return Crowd(
        names,
        np.where(is_careless[:, None], CARELESS_SEES, sensitivity),
        np.where(
            is_careless[:, None], CARELESS_TICKS, _false_rates(truth, right, confusable) * caution
        ),
        is_careless,
        np.where(is_careless, 0.3, np.array([pace for _, _, pace in draws])),
        confusable,
    )


def _person(seed: int, name: str, classes: Sequence[str]) -> tuple[Floats, Floats, float]:
    """Shift of sensitivity and factor of false ticks per class, and the pace."""
    own = generator(seed, "person", name)
    skill, caution, pace = own.normal(0, 0.015), own.normal(0, 0.2), np.exp(own.normal(0, 0.25))
    by_class = np.array([generator(seed, name, class_id).normal(size=2) for class_id in classes])
    by_class = by_class.reshape(-1, 2)
    return skill + 0.02 * by_class[:, 0], np.exp(caution + 0.25 * by_class[:, 1]), float(pace)


def _false_rates(truth: Mask, right: Floats, confusable: Mask) -> Floats:
    """Rate for images without a confusable class that makes the wanted share of ticks right."""
    images = len(truth)
    frequency = (truth.sum(axis=0) + 0.5) / (images + 1.0)
    wrong = np.minimum(frequency / (1 - frequency) * (1 - right) / right, MOST_FALSE)
    beside = (truth.astype(np.int64) @ confusable > 0) & ~truth
    share = beside.sum(axis=0) / np.maximum(images - truth.sum(axis=0), 1)
    rates: Floats = wrong / (1 + (CONFUSION - 1) * share)
    return rates


def confusable_classes(
    classes: Sequence[str], questions: Mapping[str, Sequence[str]], taxonomy: Taxonomy
) -> Mask:
    """(C, C): classes that share a question or a parent, or that exclude one another."""
    same = np.zeros((len(classes), len(classes)), bool)
    column = {class_id: at for at, class_id in enumerate(classes)}
    families = [taxonomy.children(class_id) for class_id in taxonomy.ids]
    for group in [*questions.values(), *families, *taxonomy.exclusive_pairs()]:
        at = [column[class_id] for class_id in group if class_id in column]
        same[np.ix_(at, at)] = True
    np.fill_diagonal(same, False)
    return same


def generator(seed: int, *key: str) -> np.random.Generator:
    """Random numbers that depend on the seed and a key only, not on what was drawn before.

    >>> generator(0, "a").random() == generator(0, "a").random() != generator(0, "b").random()
    True
    """
    digest = hashlib.sha256(
        "\0".join([str(seed), *key]).encode("utf-8", "backslashreplace")
    ).digest()
    return np.random.default_rng(np.frombuffer(digest, np.uint32))
