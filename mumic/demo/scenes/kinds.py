"""Every kind of thing that the worlds draw: its drawing, where it goes, and what it shows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mumic.demo.scenes import (
    bathroom,
    buildings,
    dishes,
    figures,
    fittings,
    furniture,
    kitchen,
    leisure,
    nature,
    terraces,
    traffic,
    venues,
)
from mumic.demo.scenes.canvas import Pen
from mumic.demo.scenes.variant import Paint, Variant

Draw = Callable[[Pen, Variant, Paint], None]


@dataclass(frozen=True)
class Kind:
    """One kind of thing.

    mount: which anchors of a layout take it; height: share of the picture's height at scale
    1; roles: palette roles that its main colour may have; concept: the class that it makes
    true, if any.
    """

    draw: Draw
    mount: str
    height: float
    roles: tuple[str, ...]
    concept: str | None = None


_CLOTH = ("fabric", "fabric2", "fabric3")
_WOOD = ("wood", "wood2")
_BRIGHT = ("fabric", "tomato", "water", "flower", "dark")
_FUR = ("fur", "fur2", "wood", "dark")
_STONE = ("plaster", "rock", "sand", "brick")

KINDS: Final[dict[str, Kind]] = {
    "bed": Kind(furniture.bed, "main", 0.5, _CLOTH, "bed"),
    "bunk_bed": Kind(furniture.bunk_bed, "main", 0.68, _CLOTH, "bunk_bed"),
    "sofa": Kind(furniture.sofa, "main", 0.38, (*_CLOTH, "leaf"), "sofa"),
    "armchair": Kind(furniture.armchair, "floor", 0.34, _CLOTH),
    "desk": Kind(furniture.desk, "floor", 0.44, (*_CLOTH, "dark"), "desk"),
    "wardrobe": Kind(furniture.wardrobe, "floor", 0.62, (*_WOOD, "trim", "fabric2"), "wardrobe"),
    "dining_set": Kind(furniture.dining_set, "main", 0.44, _CLOTH, "dining_area"),
    "reception": Kind(furniture.reception, "main", 0.52, (*_WOOD, "fabric", "plaster"), "lobby"),
    "tv": Kind(fittings.tv, "wall", 0.3, ("dark",), "tv_multimedia"),
    "mirror": Kind(fittings.mirror, "wall", 0.36, (*_WOOD, "cheese", "metal", "dark"), "mirror"),
    "fireplace": Kind(
        fittings.fireplace, "floor", 0.5, ("brick", "rock", "plaster", "trim"), "fireplace"
    ),
    "ceiling_fan": Kind(
        fittings.ceiling_fan, "ceiling", 0.26, (*_WOOD, "trim", "dark"), "ceiling_fan"
    ),
    "air_conditioner": Kind(
        fittings.air_conditioner, "ceiling", 0.13, ("trim",), "air_conditioner"
    ),
    "painting": Kind(fittings.painting, "wall", 0.28, (*_WOOD, "dark", "cheese"), "art_decor"),
    "vase": Kind(fittings.vase, "floor", 0.4, ("water", "fabric", "trim", "flower"), "art_decor"),
    "door": Kind(fittings.door, "floor", 0.62, (*_WOOD, "fabric", "leaf", "trim"), "door"),
    "stairs": Kind(fittings.stairs, "main", 0.66, (*_WOOD, "trim", "rock"), "staircase"),
    "lamp": Kind(fittings.lamp, "floor", 0.42, ("dark",)),
    "plant": Kind(fittings.plant, "floor", 0.36, ("leaf",)),
    "window": Kind(fittings.window, "wall", 0.34, _CLOTH),
    "kitchen_units": Kind(
        kitchen.kitchen_units, "main", 0.74, (*_WOOD, "trim", "fabric2", "fabric"), "kitchen"
    ),
    "refrigerator": Kind(
        kitchen.refrigerator,
        "floor",
        0.62,
        ("trim", "metal", "fabric2", "tomato"),
        "refrigerator",
    ),
    "toaster": Kind(
        kitchen.toaster, "counter", 0.19, ("metal", "tomato", "fabric", "cheese"), "toaster"
    ),
    "coffee": Kind(
        kitchen.coffee_machine,
        "counter",
        0.24,
        ("dark", "metal", "tomato"),
        "coffee_facilities",
    ),
    "bathtub": Kind(bathroom.bathtub, "main", 0.38, ("trim",), "bathtub"),
    "shower": Kind(bathroom.shower, "floor", 0.72, ("tile",), "shower"),
    "toilet": Kind(bathroom.toilet, "floor", 0.44, ("trim",), "toilet"),
    "basin": Kind(bathroom.basin, "floor", 0.4, _WOOD),
    "plate": Kind(dishes.plate, "table", 0.17, ("trim",), "food"),
    "people": Kind(figures.people, "guest", 0.5, ("fabric",), "people"),
    "dog": Kind(figures.dog, "guest", 0.28, _FUR, "pets"),
    "cat": Kind(figures.cat, "guest", 0.26, _FUR, "pets"),
    "horse": Kind(figures.horse, "guest", 0.42, ("fur", "wood", "dark", "fur2"), "animal_not_pets"),
    "cow": Kind(figures.cow, "guest", 0.36, ("fur", "wood", "fur2"), "animal_not_pets"),
    "sheep": Kind(figures.sheep, "guest", 0.3, ("fur2", "fur"), "animal_not_pets"),
    "bird": Kind(
        figures.bird, "guest", 0.24, ("water", "tomato", "dark", "fur2"), "animal_not_pets"
    ),
    "mountains": Kind(nature.mountains, "back", 0.42, ("rock",), "mountain"),
    "sea": Kind(nature.sea, "ground", 1.0, ("water",), "beach"),
    "lake": Kind(nature.lake, "ground", 1.0, ("water",), "lake"),
    "woods": Kind(nature.woods, "woods", 1.0, ("leaf",), "forest"),
    "tree": Kind(nature.tree, "tree", 0.46, ("leaf",)),
    "palm": Kind(nature.tree, "tree", 0.5, ("leaf",)),
    "garden": Kind(nature.garden, "ground", 1.0, ("grass",), "garden"),
    "fountain": Kind(nature.fountain, "main", 0.4, ("rock",)),
    "climber": Kind(nature.climber, "main", 0.8, ("rock",), "mountain_climbing"),
    "house": Kind(
        buildings.house, "house", 0.52, (*_STONE, "trim", "fabric2", "wood2"), "building"
    ),
    "tower": Kind(
        buildings.tower, "house", 0.66, ("plaster", "rock", "metal", "fabric2"), "building"
    ),
    "castle": Kind(
        buildings.castle, "house", 0.6, ("rock", "sand", "plaster"), "historical_structure"
    ),
    "temple": Kind(
        buildings.temple, "house", 0.5, ("sand", "plaster", "trim"), "historical_structure"
    ),
    "church": Kind(
        buildings.church, "house", 0.6, ("plaster", "rock", "sand"), "historical_structure"
    ),
    "street": Kind(traffic.street, "ground", 1.0, ("road",), "street"),
    "parking": Kind(traffic.parking, "ground", 1.0, ("road",), "parking"),
    "car": Kind(traffic.car, "guest", 0.22, (*_BRIGHT, "metal", "trim")),
    "bicycle": Kind(traffic.bicycle, "guest", 0.32, _BRIGHT, "bicycle"),
    "boat": Kind(traffic.boat, "water", 0.28, (*_BRIGHT, "wood"), "boat"),
    "pool": Kind(leisure.pool, "pool", 0.42, ("water",), "swimming_pool"),
    "hot_tub": Kind(leisure.hot_tub, "tub", 0.36, ("wood2",), "hot_tub"),
    "patio": Kind(terraces.patio, "terrace", 0.5, (*_BRIGHT, "fabric2"), "patio"),
    "sunbed": Kind(leisure.sunbed, "guest", 0.28, ("trim", "fabric2", "fabric3")),
    "railing": Kind(terraces.railing, "front", 0.55, (*_WOOD, "dark", "trim", "metal"), "balcony"),
    "golf": Kind(leisure.golf, "ground", 1.0, ("grass",), "golf"),
    "playground": Kind(
        leisure.playground, "main", 0.56, ("tomato", "water", "fabric"), "playground"
    ),
    "museum": Kind(venues.museum, "main", 0.62, ("trim",), "museum"),
    "shop": Kind(venues.shop, "main", 0.58, ("wood",), "shopping"),
    "awning": Kind(
        venues.awning, "house", 0.52, ("fabric", "plaster", "brick", "wood"), "shopping"
    ),
}
"""Kinds by name. ``swimming_pool`` becomes indoor or outdoor by the scene that it stands in."""
