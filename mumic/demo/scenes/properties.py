"""The properties (hotels, flats, ...) that the catalogue's pictures belong to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

PROPERTY_TYPES: Final[dict[str, float]] = {
    "hotel": 0.34,
    "apartment": 0.22,
    "villa": 0.12,
    "chalet": 0.09,
    "hostel": 0.08,
    "resort": 0.15,
}
COUNTRIES: Final = (
    "Austria",
    "Brazil",
    "Croatia",
    "France",
    "Greece",
    "Indonesia",
    "Italy",
    "Japan",
    "Mexico",
    "Netherlands",
    "Norway",
    "Portugal",
    "Spain",
    "Switzerland",
    "Thailand",
)

FAMILY_WEIGHTS: Final[dict[str, float]] = {
    "bedroom": 19.0,
    "living_room": 12.0,
    "kitchen": 7.0,
    "bathroom": 8.0,
    "dining": 4.0,
    "lobby": 3.0,
    "hall": 2.4,
    "indoor_pool": 2.4,
    "museum": 2.8,
    "shop": 2.1,
    "meal": 3.0,
    "breakfast": 1.3,
    "entrance": 1.4,
    "outdoor_pool": 5.0,
    "house": 7.0,
    "monument": 3.0,
    "street": 3.0,
    "car_park": 2.4,
    "terrace": 3.5,
    "balcony": 3.5,
    "garden": 3.0,
    "beach": 3.2,
    "mountain": 3.0,
    "climbing": 2.8,
    "lake": 2.2,
    "forest": 2.2,
    "golf": 2.5,
    "playground": 2.5,
    "spa": 1.2,
    "pasture": 1.6,
}
"""How often a property's photo shows each kind of scene, before its type is considered."""

TYPE_FACTORS: Final[dict[str, dict[str, float]]] = {
    "hotel": {"lobby": 1.8, "breakfast": 1.4, "meal": 1.3, "kitchen": 0.6, "playground": 0.8},
    "apartment": {
        "kitchen": 1.8,
        "living_room": 1.6,
        "hall": 1.4,
        "lobby": 0.4,
        "golf": 0.5,
        "bathroom": 1.3,
        "street": 1.5,
    },
    "villa": {"outdoor_pool": 1.8, "garden": 2.0, "terrace": 1.8, "entrance": 1.5, "lobby": 0.3},
    "chalet": {
        "mountain": 2.6,
        "spa": 2.2,
        "forest": 2.0,
        "beach": 0.2,
        "climbing": 2.0,
        "golf": 0.5,
        "lake": 1.5,
    },
    "hostel": {
        "street": 1.8,
        "museum": 1.6,
        "monument": 1.6,
        "kitchen": 1.4,
        "golf": 0.2,
        "outdoor_pool": 0.3,
    },
    "resort": {
        "outdoor_pool": 2.0,
        "beach": 2.2,
        "golf": 2.4,
        "indoor_pool": 1.6,
        "playground": 1.6,
        "kitchen": 0.4,
    },
}


@dataclass(frozen=True)
class Property:
    """One property; ``stars`` is None where it is not known."""

    property_id: str
    property_type: str
    country: str
    stars: int | None
    palette: int
    snowy: float


def make_property(number: int, *, seed: int, palettes: int) -> Property:
    """Make the property of that number, the same every time."""
    rng = np.random.default_rng([seed, 1, number])
    kinds = list(PROPERTY_TYPES)
    kind = kinds[int(rng.choice(len(kinds), p=list(PROPERTY_TYPES.values())))]
    stars = int(rng.integers(1, 6)) if rng.random() < 0.8 else None
    return Property(
        property_id=f"p{number:04d}",
        property_type=kind,
        country=COUNTRIES[int(rng.integers(len(COUNTRIES)))],
        stars=stars,
        palette=int(rng.integers(palettes)),
        snowy=0.5 if kind == "chalet" else 0.1,
    )


def family_weights(property_type: str) -> Mapping[str, float]:
    """How often a property of that type shows each kind of scene; the sum is 1."""
    factors = TYPE_FACTORS[property_type]
    weights = {name: weight * factors.get(name, 1.0) for name, weight in FAMILY_WEIGHTS.items()}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
