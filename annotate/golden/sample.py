"""Which images experts label: near each class's threshold, clearly positive, and at random.

Errors of voting lie near the threshold, positives of a rare class are few in a random sample, and
positives that nobody saw are found by a random sample only. So all three are drawn, each with a
known chance, and figures are weighted by it: whatever is drawn more often counts less.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from annotate.errors import InputError
from annotate.labels.votes import Votes
from annotate.questions.planning import QuestionPlan
from annotate.settings import GoldenSettings
from annotate.tables import GOLDEN_SAMPLE

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

OTHER, NEAR, CLEAR = 0, 1, 2
_NAMES = {NEAR: "near", CLEAR: "clear"}
_ROUNDING = 1e-9


def check_settings(settings: GoldenSettings) -> None:
    """Refuse settings that draw or score nothing sensible.

    Raises:
        InputError: a value is out of its range.
    """
    whole = {name: getattr(settings, name) for name in ("near", "clear", "random")}
    for name, value in whole.items():
        if value < 0:
            raise InputError(f"[golden] {name} = {value}: a number of images is 0 or more.")
    if not any(whole.values()):
        raise InputError("[golden] near, clear and random are all 0, so that no image is drawn.")
    for name, low, high in (
        ("margin", 0, 1),
        ("precision", 0, 1),
        ("beta", 0.01, 100),
        ("resamples", 100, 100_000),
        ("folds", 2, 100),
        ("min_positives", 1, 1_000_000),
        ("experts", 1, 9),
    ):
        if not low <= getattr(settings, name) <= high:
            raise InputError(
                f"[golden] {name} = {getattr(settings, name)}: it must be {low} to {high:,}."
            )


def draw_sample(
    votes: Votes,
    plan: QuestionPlan,
    limits: Sequence[float],
    settings: GoldenSettings,
    *,
    min_votes: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Draw the golden set.

    For each class of the plan, ``near`` images whose rate lies within ``margin`` of its threshold
    and ``clear`` ones whose rate is further above are drawn, and the class's question is asked of
    them; of ``random`` images, drawn from all, every question is asked. The draws are independent,
    so that the label of class c of image i is known with the probability
    1 - (1 - random / N) prod(1 - n / N_stratum) over the classes of the question.

    Every image and class has a number that a hash gives it, and the lowest numbers are drawn. So
    more images with the same seed and votes are the same images and others.

    Args:
        votes: of the images to draw from.
        plan: questions that experts are asked.
        limits: vote threshold of each class of ``votes``.
        settings: sizes and margin.
        min_votes: fewer yes and no votes make no rate.
        seed: of the hash.

    Returns:
        ``tables.GOLDEN_SAMPLE``: a row per image and class that experts are asked about, sorted by
        image, then in the order of the plan.

    Raises:
        InputError: a setting is wrong, or no image has votes.
    """
    check_settings(settings)
    if not votes.image_ids:
        raise InputError("no image has votes for the classes of questions.yaml.")
    strata = vote_strata(votes, limits, settings.margin, min_votes)
    hashes = _image_hashes(votes.image_ids)
    column = {name: at for at, name in enumerate(votes.class_ids)}
    sizes = {NEAR: settings.near, CLEAR: settings.clear}
    at_random, chance = _draw(
        np.ones(len(hashes), bool), settings.random, _numbers(hashes, seed, "random")
    )
    frames = []
    for number, question in enumerate(plan.questions):
        asked, missed = at_random.copy(), np.full(len(hashes), 1.0 - chance)
        reasons = {}
        for class_id in question.classes:
            reason = np.where(at_random, "random", "question").astype(object)
            if class_id in column:
                numbers = _numbers(hashes, seed, class_id)
                for stratum, size in sizes.items():
                    members = strata[:, column[class_id]] == stratum
                    drawn, share = _draw(members, size, numbers)
                    asked |= drawn
                    missed[members] *= 1.0 - share
                    reason[drawn] = _NAMES[stratum]
            reasons[class_id] = reason
        rows = np.flatnonzero(asked)
        frames += [
            pd.DataFrame(
                {
                    "row": rows,
                    "question": number,
                    "question_id": question.id,
                    "class_id": class_id,
                    "drawn_for": reason[rows],
                    "probability": 1.0 - missed[rows],
                }
            )
            for class_id, reason in reasons.items()
        ]
    sample = pd.concat(frames, ignore_index=True)
    sample = sample.sort_values(["row", "question"], kind="stable", ignore_index=True)
    sample["image_id"] = np.array(votes.image_ids, object)[sample["row"]]
    return sample[list(GOLDEN_SAMPLE.columns)]


def vote_strata(
    votes: Votes, limits: Sequence[float], margin: float, min_votes: int
) -> npt.NDArray[np.int8]:
    """(N, C): ``NEAR`` the threshold, ``CLEAR`` above it, or ``OTHER``."""
    total = votes.yes.astype(np.float64) + votes.no
    rate = votes.yes / np.maximum(total, 1.0)
    above = rate - np.asarray(limits, np.float64)
    near = np.abs(above) <= margin + _ROUNDING
    strata = np.where(near, NEAR, np.where(above > 0, CLEAR, OTHER))
    return np.where(total >= min_votes, strata, OTHER).astype(np.int8)


def _draw(members: Mask, size: int, numbers: npt.NDArray[np.uint64]) -> tuple[Mask, float]:
    """The ``size`` members with the lowest numbers, and the chance of each to be one of them."""
    rows = np.flatnonzero(members)
    drawn = np.zeros(len(members), bool)
    drawn[rows[np.argsort(numbers[rows], kind="stable")[:size]]] = True
    return drawn, min(1.0, size / len(rows)) if len(rows) else 0.0


def _image_hashes(image_ids: Sequence[str]) -> npt.NDArray[np.uint64]:
    return pd.util.hash_array(np.array(image_ids, object), categorize=False)


def _numbers(hashes: npt.NDArray[np.uint64], seed: int, name: str) -> npt.NDArray[np.uint64]:
    """A number per image that depends on the seed, the name and the image's id only.

    The finaliser of splitmix64 makes the numbers of one name independent of those of another.
    """
    key = hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8]
    mixed = hashes ^ np.frombuffer(key, np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    numbers: npt.NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return numbers
