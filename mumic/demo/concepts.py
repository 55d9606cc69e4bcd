"""The concepts that both demo worlds draw, and the laws that their truth obeys.

Class ids and names are those of the travel taxonomy. The unseen concepts are drawn too, but
no label, prompt or tuning of the demo names them: only evaluation reads their truth.
"""

from collections.abc import Iterable
from typing import Final

NAMES: Final[dict[str, str]] = {
    "room": "Room",
    "bedroom": "Bedroom",
    "living_room": "Living room",
    "kitchen": "Kitchen",
    "bathroom": "Bathroom",
    "dining_area": "Dining area",
    "lobby": "Lobby",
    "staircase": "Staircase",
    "bed": "Bed",
    "bunk_bed": "Bunk bed",
    "sofa": "Sofa",
    "desk": "Desk",
    "wardrobe": "Wardrobe",
    "tv_multimedia": "TV/Multimedia",
    "mirror": "Mirror",
    "fireplace": "Fireplace",
    "ceiling_fan": "Ceiling fan",
    "air_conditioner": "Air conditioner",
    "art_decor": "Art/decor",
    "refrigerator": "Refrigerator",
    "toaster": "Toaster",
    "coffee_facilities": "Coffee facilities",
    "bathtub": "Bathtub",
    "shower": "Shower",
    "toilet": "Toilet",
    "swimming_pool": "Swimming pool",
    "indoor_swimming_pool": "Indoor swimming pool",
    "outdoor_swimming_pool": "Outdoor swimming pool",
    "hot_tub": "Hot tub",
    "building": "Building",
    "historical_structure": "Historical structure",
    "street": "Street",
    "parking": "Parking",
    "patio": "Patio",
    "balcony": "Balcony",
    "garden": "Garden",
    "natural_landscape": "Natural landscape",
    "beach": "Beach",
    "mountain": "Mountain",
    "lake": "Lake",
    "forest": "Forest",
    "golf": "Golf",
    "playground": "Playground",
    "bicycle": "Bicycle",
    "boat": "Boat",
    "winter": "Winter",
    "sunset": "Sunset",
    "night": "Night",
    "pets": "Pets",
    "animal_not_pets": "Animal (not pets)",
    "people": "People",
    "food": "Food",
}

UNSEEN: Final[dict[str, str]] = {
    "museum": "Museum",
    "mountain_climbing": "Mountain climbing",
    "shopping": "Shopping",
    "door": "Door",
}

PARENTS: Final[dict[str, tuple[str, ...]]] = {
    "bedroom": ("room",),
    "living_room": ("room",),
    "bunk_bed": ("bed",),
    "indoor_swimming_pool": ("swimming_pool",),
    "outdoor_swimming_pool": ("swimming_pool",),
    "beach": ("natural_landscape",),
    "mountain": ("natural_landscape",),
    "lake": ("natural_landscape",),
    "forest": ("natural_landscape",),
    "historical_structure": ("building",),
}

EXCLUSIVE: Final[tuple[tuple[str, str], ...]] = (
    ("indoor_swimming_pool", "outdoor_swimming_pool"),
    ("sunset", "night"),
)


def with_ancestors(concepts: Iterable[str]) -> frozenset[str]:
    """Close a set of concept ids under the hierarchy.

    >>> sorted(with_ancestors(["beach"]))
    ['beach', 'natural_landscape']
    """
    closed: set[str] = set()
    waiting = list(concepts)
    while waiting:
        concept = waiting.pop()
        if concept not in closed:
            closed.add(concept)
            waiting.extend(PARENTS.get(concept, ()))
    return frozenset(closed)
