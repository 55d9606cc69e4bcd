"""Plans and drawings: the same number always gives the same picture, and its truth is lawful."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from mumic.demo.concepts import EXCLUSIVE, NAMES, PARENTS, UNSEEN
from mumic.demo.scenes.catalogue import CataloguePhoto, plan_catalogue
from mumic.demo.scenes.drawing import draw
from mumic.demo.scenes.kinds import KINDS
from mumic.demo.scenes.pretraining_world import plan_pretraining
from mumic.demo.scenes.scene import Scene
from mumic.demo.world import jpeg_bytes

IMAGES = 10_000


@cache
def catalogue() -> tuple[CataloguePhoto, ...]:
    return tuple(plan_catalogue(index, images=IMAGES) for index in range(IMAGES))


@cache
def pretraining() -> tuple[Scene, ...]:
    return tuple(plan_pretraining(index) for index in range(6_000))


def test_a_photo_does_not_depend_on_the_order_of_drawing() -> None:
    numbers = [3, 17, 256, 4_711]
    forwards = {n: jpeg_bytes(plan_catalogue(n, images=IMAGES).scene) for n in numbers}
    backwards = {n: jpeg_bytes(plan_catalogue(n, images=IMAGES).scene) for n in reversed(numbers)}
    assert forwards == backwards
    assert len(set(forwards.values())) == len(numbers)


def test_other_seeds_give_other_photos() -> None:
    first, second = (plan_catalogue(5, images=IMAGES, seed=seed).scene for seed in (0, 1))
    assert jpeg_bytes(first) != jpeg_bytes(second)


def test_a_pretraining_picture_is_drawn_alike_twice() -> None:
    first, second = (np.asarray(draw(plan_pretraining(40, seed=2))) for _ in range(2))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shown", ["catalogue", "pretraining"])
def test_truth_keeps_the_laws(shown: str) -> None:
    scenes = [p.scene for p in catalogue()] if shown == "catalogue" else list(pretraining())
    for scene in scenes:
        for child, parents in PARENTS.items():
            assert child not in scene.concepts or scene.concepts.issuperset(parents)
        for one, other in EXCLUSIVE:
            assert not {one, other} <= scene.concepts
        assert scene.concepts <= NAMES.keys() | UNSEEN.keys()


def test_truth_names_what_is_placed() -> None:
    for photo in catalogue()[:2_000]:
        placed = {KINDS[thing.kind].concept for thing in photo.scene.things} - {None}
        assert placed <= photo.scene.concepts


def test_everything_that_is_true_can_be_seen() -> None:
    wide = {"back", "ground", "woods", "front"}
    for photo in catalogue()[:2_000]:
        things = photo.scene.things
        for number, thing in enumerate(things):
            left, top, right, bottom = thing.box
            shown = (min(right, 1) - max(left, 0)) * (min(bottom, 1) - max(top, 0))
            assert shown > 0.45 * (right - left) * (bottom - top), (photo.index, thing.kind)
            covers = [t.box for t in things[number + 1 :] if KINDS[t.kind].mount not in wide]
            assert KINDS[thing.kind].mount in wide or not any(
                b[0] <= left and b[1] <= top and b[2] >= right and b[3] >= bottom for b in covers
            ), (photo.index, thing.kind)


def test_frequencies_have_a_long_tail() -> None:
    counts = Counter(concept for photo in catalogue() for concept in photo.scene.concepts)
    share = {concept: counts[concept] / IMAGES for concept in NAMES}
    assert len(share) >= 48
    assert 0.25 <= max(share.values()) <= 0.40
    assert 0.015 <= min(share.values()) < 0.02
    assert all(0.02 <= counts[concept] / IMAGES <= 0.03 for concept in UNSEEN)
    assert 3 <= sum(share.values()) <= 6


def test_scenes_follow_the_type_of_the_property() -> None:
    def share(concept: str, kind: str) -> float:
        photos = [photo for photo in catalogue() if photo.owner.property_type == kind]
        return sum(concept in photo.scene.concepts for photo in photos) / len(photos)

    assert share("winter", "chalet") > 2 * share("winter", "resort")
    assert share("outdoor_swimming_pool", "resort") > 2 * share("outdoor_swimming_pool", "hostel")
    assert share("bunk_bed", "hostel") > 2 * share("bunk_bed", "villa")


def test_some_photos_are_retaken() -> None:
    retaken = [photo for photo in catalogue() if photo.scene.crop]
    assert 0.02 < len(retaken) / IMAGES < 0.05
    originals = {
        (photo.owner.property_id, photo.scene.seed) for photo in catalogue() if not photo.scene.crop
    }
    assert all((photo.owner.property_id, photo.scene.seed) in originals for photo in retaken)


def test_pictures_have_the_promised_size() -> None:
    for photo in catalogue()[:40]:
        assert min(draw(photo.scene).size) >= 160


def test_every_kind_is_drawn_in_both_worlds() -> None:
    assert {thing.kind for photo in catalogue() for thing in photo.scene.things} == set(KINDS)
    assert {thing.kind for scene in pretraining() for thing in scene.things} == set(KINDS)
