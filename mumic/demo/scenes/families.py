"""Kinds of scene: what always stands in one, what may, and what it makes true."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Family:
    """One kind of scene.

    stage: which layouts suit it; backdrop: what is drawn first; ground: palette role of the
    floor; concepts: what the scene as such shows; musts: one kind out of each group;
    extras: kinds that may be added.
    """

    stage: str
    backdrop: str
    ground: tuple[str, ...]
    concepts: tuple[str, ...]
    musts: tuple[tuple[str, ...], ...]
    extras: tuple[str, ...] = ()

    @property
    def outdoors(self) -> bool:
        """Whether season and hour can be seen."""
        return self.backdrop in ("sky", "facade")


_FLOOR = ("floor", "wood2", "tile", "fabric2")
_ROOM = (
    "tv",
    "mirror",
    "painting",
    "ceiling_fan",
    "air_conditioner",
    "desk",
    "window",
    "lamp",
    "plant",
    "armchair",
    "people",
    "dog",
    "cat",
    "fireplace",
    "door",
)
_LAND = ("people", "dog", "horse", "cow", "sheep", "bird", "tree")

FAMILIES: Final[dict[str, Family]] = {
    "bedroom": Family(
        "room", "interior", _FLOOR, ("bedroom",), (("bed", "bunk_bed"),), (*_ROOM, "wardrobe")
    ),
    "living_room": Family(
        "room", "interior", _FLOOR, ("living_room",), (("sofa",),), (*_ROOM, "vase")
    ),
    "kitchen": Family(
        "kitchen",
        "interior_tiled",
        _FLOOR,
        ("kitchen",),
        (("kitchen_units",),),
        ("refrigerator", "toaster", "coffee", "people", "plate", "cat", "dog"),
    ),
    "bathroom": Family(
        "bath",
        "interior_tiled",
        ("tile", "rock", "floor"),
        ("bathroom",),
        (("bathtub", "toilet", "shower"),),
        ("bathtub", "toilet", "shower", "mirror", "basin", "window", "plant"),
    ),
    "dining": Family(
        "room",
        "interior",
        _FLOOR,
        ("dining_area",),
        (("dining_set",),),
        (
            "plate",
            "painting",
            "mirror",
            "people",
            "window",
            "lamp",
            "plant",
            "vase",
            "fireplace",
            "door",
        ),
    ),
    "lobby": Family(
        "room",
        "interior",
        ("tile", "rock", "floor"),
        ("lobby",),
        (("reception",),),
        ("painting", "people", "vase", "plant", "lamp", "armchair", "ceiling_fan", "door", "tv"),
    ),
    "hall": Family(
        "room",
        "interior",
        _FLOOR,
        ("staircase",),
        (("stairs",),),
        ("door", "mirror", "painting", "vase", "plant", "lamp", "people", "cat"),
    ),
    "indoor_pool": Family(
        "room",
        "interior_tiled",
        ("tile", "rock"),
        ("indoor_swimming_pool",),
        (("pool",),),
        ("people", "plant", "window", "hot_tub", "sunbed"),
    ),
    "museum": Family(
        "room",
        "interior",
        ("tile", "floor", "rock"),
        ("museum",),
        (("museum",),),
        ("painting", "painting", "people", "people", "vase"),
    ),
    "shop": Family(
        "room",
        "interior",
        ("tile", "floor"),
        ("shopping",),
        (("shop",),),
        ("people", "people", "plant", "mirror"),
    ),
    "meal": Family(
        "close",
        "table",
        ("wood", "wood2", "fabric3", "tile"),
        ("food",),
        (("plate",),),
        ("coffee", "plate", "vase"),
    ),
    "breakfast": Family(
        "close",
        "table",
        ("wood", "wood2", "fabric3", "tile"),
        (),
        (("coffee", "toaster"),),
        ("toaster", "coffee", "plate"),
    ),
    "entrance": Family(
        "front",
        "facade",
        ("tile", "rock", "sand"),
        ("door",),
        (("door",),),
        ("plant", "bicycle", "people", "dog", "cat", "window"),
    ),
    "outdoor_pool": Family(
        "open",
        "sky",
        ("tile", "grass", "sand"),
        ("outdoor_swimming_pool",),
        (("pool",),),
        ("house", "palm", "tree", "sunbed", "people", "hot_tub", "mountains", "patio"),
    ),
    "house": Family(
        "open",
        "sky",
        ("grass", "road", "tile"),
        ("building",),
        (("house", "tower"),),
        ("tree", "tree", "palm", "car", "bicycle", "people", "dog", "cat", "mountains", "house"),
    ),
    "monument": Family(
        "open",
        "sky",
        ("grass", "sand", "tile"),
        ("historical_structure",),
        (("castle", "temple", "church"),),
        ("tree", "tree", "people", "people", "bicycle", "mountains", "bird"),
    ),
    "street": Family(
        "open",
        "sky",
        ("road",),
        ("street",),
        (("street",), ("house", "tower")),
        ("house", "tower", "car", "bicycle", "people", "awning", "tree", "dog", "church"),
    ),
    "car_park": Family(
        "open",
        "sky",
        ("road",),
        ("parking",),
        (("parking",),),
        ("house", "tower", "tree", "people", "bicycle", "mountains"),
    ),
    "terrace": Family(
        "open",
        "sky",
        ("tile", "wood2", "sand"),
        ("patio",),
        (("patio",),),
        ("house", "tree", "palm", "people", "dog", "cat", "hot_tub", "mountains", "pool"),
    ),
    "balcony": Family(
        "open",
        "sky",
        ("grass", "water"),
        ("balcony",),
        (("railing",), ("mountains", "sea", "house", "tower", "lake")),
        ("people", "tree", "boat", "cat", "palm"),
    ),
    "garden": Family(
        "open",
        "sky",
        ("grass",),
        ("garden",),
        (("garden",),),
        ("house", "tree", "tree", "fountain", "people", "dog", "cat", "bird", "patio"),
    ),
    "beach": Family(
        "open",
        "sky",
        ("sand",),
        ("beach",),
        (("sea",),),
        ("boat", "people", "palm", "sunbed", "dog", "bird", "mountains", "horse"),
    ),
    "mountain": Family(
        "open",
        "sky",
        ("grass",),
        ("mountain",),
        (("mountains",),),
        (*_LAND, "tree", "house", "bicycle", "church"),
    ),
    "climbing": Family(
        "open",
        "sky",
        ("rock", "grass"),
        ("mountain_climbing", "mountain"),
        (("mountains",), ("climber",)),
        ("tree", "bird", "people"),
    ),
    "lake": Family(
        "open",
        "sky",
        ("grass",),
        ("lake",),
        (("lake",),),
        ("mountains", "boat", "tree", "people", "bird", "house", "bicycle", "dog"),
    ),
    "forest": Family(
        "open",
        "sky",
        ("grass", "sand"),
        ("forest",),
        (("woods",),),
        ("people", "dog", "horse", "bird", "bicycle", "house"),
    ),
    "golf": Family(
        "open",
        "sky",
        ("grass",),
        ("golf",),
        (("golf",),),
        ("tree", "tree", "people", "mountains", "house", "palm", "bird"),
    ),
    "playground": Family(
        "open",
        "sky",
        ("grass", "sand"),
        ("playground",),
        (("playground",),),
        ("people", "tree", "house", "tower", "dog", "bicycle"),
    ),
    "spa": Family(
        "open",
        "sky",
        ("wood2", "tile", "grass"),
        ("hot_tub",),
        (("hot_tub",),),
        ("people", "tree", "mountains", "house", "palm", "woods"),
    ),
    "pasture": Family(
        "open",
        "sky",
        ("grass",),
        ("natural_landscape",),
        (("horse", "cow", "sheep", "bird"),),
        ("cow", "sheep", "horse", "tree", "mountains", "house", "dog", "people"),
    ),
}
