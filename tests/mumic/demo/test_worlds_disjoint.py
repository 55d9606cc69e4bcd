"""The two worlds share no layout, colour, shape or seed: read from their own tables."""

from collections.abc import Iterator, Mapping

import pytest

from mumic.demo.scenes.catalogue import CATALOGUE, CATALOGUE_SEED
from mumic.demo.scenes.colour import Colour
from mumic.demo.scenes.families import FAMILIES
from mumic.demo.scenes.kinds import KINDS
from mumic.demo.scenes.layout import Anchor
from mumic.demo.scenes.pretraining_world import PRETRAINING, PRETRAINING_SEED
from mumic.demo.scenes.scene import World


def _colours(world: World) -> set[Colour]:
    return {colour for palette in world.palettes for colour in palette.colours.values()}


def _anchors(world: World) -> Iterator[tuple[str, Anchor]]:
    for layouts in world.layouts.values():
        for layout in layouts:
            for mount, anchors in layout.anchors.items():
                if mount != "woods":  # drawn as wide as the picture: its anchor is not used
                    yield from ((mount, anchor) for anchor in anchors)


def test_no_colour_is_shared() -> None:
    assert len(_colours(CATALOGUE)) > 150
    assert _colours(CATALOGUE).isdisjoint(_colours(PRETRAINING))


def test_palettes_have_the_same_roles_but_other_names() -> None:
    roles = {
        frozenset(palette.colours)
        for world in (CATALOGUE, PRETRAINING)
        for palette in world.palettes
    }
    assert len(roles) == 1
    assert {p.name for p in CATALOGUE.palettes}.isdisjoint(p.name for p in PRETRAINING.palettes)


@pytest.mark.parametrize("kind", sorted(CATALOGUE.variants))
def test_no_shape_is_shared(kind: str) -> None:
    ours, theirs = CATALOGUE.variants[kind], PRETRAINING.variants[kind]
    assert {v.form for v in ours}.isdisjoint(v.form for v in theirs)
    assert {(v.ratio, v.parts, v.curve, v.extra) for v in ours}.isdisjoint(
        (v.ratio, v.parts, v.curve, v.extra) for v in theirs
    )


@pytest.mark.parametrize("world", [CATALOGUE, PRETRAINING], ids=lambda world: world.name)
def test_every_kind_and_backdrop_has_shapes(world: World) -> None:
    backdrops = {family.backdrop for family in FAMILIES.values()}
    assert set(world.variants) == set(KINDS) | backdrops | {"plain"}
    assert {family.stage for family in FAMILIES.values()} <= set(world.layouts)


def test_no_layout_is_shared() -> None:
    def horizons(layouts: Mapping[str, tuple[object, ...]], world: World) -> set[tuple[str, float]]:
        return {(stage, layout.horizon) for stage in layouts for layout in world.layouts[stage]}

    def names(world: World) -> set[str]:
        return {layout.name for layouts in world.layouts.values() for layout in layouts}

    assert names(CATALOGUE).isdisjoint(names(PRETRAINING))
    assert horizons(CATALOGUE.layouts, CATALOGUE).isdisjoint(
        horizons(PRETRAINING.layouts, PRETRAINING)
    )
    assert set(_anchors(CATALOGUE)).isdisjoint(_anchors(PRETRAINING))


def test_seeds_do_not_meet() -> None:
    catalogue = range(CATALOGUE_SEED, CATALOGUE_SEED + 100_000)  # the new photos' seeds included
    pretraining = range(PRETRAINING_SEED, PRETRAINING_SEED + 100_000)
    assert set(catalogue).isdisjoint(pretraining)
