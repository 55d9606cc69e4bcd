"""What a dataset holds by class and split, and the classes that a split lacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.dataset.splits import SPLITS, SplitCounts
from annotate.errors import InputError, closest

WAYS = ("refuse", "allow", "leave-out")
MOST_NAMED = 12
UNEVEN = 0.05  # a split further off its share is worth a word
LARGE_GROUP = 0.1  # a group with a larger share of all images spoils the balance

Indices = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def summarise(
    positive: Mask, known: Mask, split: Indices, groups: Indices, class_ids: Sequence[str]
) -> dict[str, Any]:
    """Counts for ``stats.json``.

    Args:
        positive: (N, C) labels that are yes.
        known: (N, C) labels that are yes or no.
        split: (N,) index into ``SPLITS``.
        groups: (N,).
        class_ids: (C,).
    """
    positives = SplitCounts.of(positive, split)
    negatives = SplitCounts.of(known & ~positive, split)
    sizes = np.unique(groups, return_counts=True)[1]
    return {
        "images": _by_split(positives.images),
        "groups": len(sizes),
        "largest_group": int(sizes.max(initial=0)),
        "labels_per_image": float(positive.sum() / max(len(split), 1)),
        "without_positives": int((~positive.any(axis=1)).sum()),
        "classes": {
            class_id: {
                "positive": _by_split(positives.positives[at]),
                "negative": _by_split(negatives.positives[at]),
                "unknown": int((~known[:, at]).sum()),
                "groups": len(np.unique(groups[positive[:, at]])),
            }
            for at, class_id in enumerate(class_ids)
        },
    }


def _by_split(counts: Indices) -> dict[str, int]:
    return {name: int(count) for name, count in zip(SPLITS, counts, strict=True)}


def missing_classes(
    stats: dict[str, Any], shares: tuple[float, float, float]
) -> dict[str, list[str]]:
    """For each class that a wanted split has no positive of, these splits."""
    wanted = [name for name, share in zip(SPLITS, shares, strict=True) if share > 0]
    lacking = {
        class_id: [name for name in wanted if not entry["positive"][name]]
        for class_id, entry in stats["classes"].items()
    }
    return {class_id: names for class_id, names in lacking.items() if names}


def check_missing(way: str) -> None:
    """Refuse what cannot be done about a missing class.

    Raises:
        InputError: it is none of ``WAYS``.
    """
    if way not in WAYS:
        raise InputError(
            f"[dataset] missing is {way!r}; set it to one of {', '.join(WAYS)}{closest(way, WAYS)}"
        )


def refuse(stats: dict[str, Any]) -> None:
    """Stop where a class would be missing from a split, and say what can be done.

    Raises:
        InputError: one would; each is named with its positives and groups.
    """
    missing = stats["missing"]
    if not missing:
        return
    lines = [_line(class_id, stats) for class_id in list(missing)[:MOST_NAMED]]
    if len(missing) > MOST_NAMED:
        lines.append(f"  and {len(missing) - MOST_NAMED} more")
    raise InputError(
        "\n".join(
            [
                f"{len(missing)} of {len(stats['classes'])} classes would be missing from a split, "
                "so that nothing could be learned or measured of them there. Nothing was built.",
                *lines,
                "A class needs positive images of three groups: properties, or photos that look "
                "alike. Splits are final, so groups of earlier builds stay where they are. Three "
                "ways on:",
                f"  find more to annotate:    mumic-annotate mine --class {next(iter(missing))}",
                "  leave these classes out:  mumic-annotate dataset build --missing leave-out",
                "  build with the gaps:      mumic-annotate dataset build --missing allow",
                "`missing` under [dataset] in mumic.toml makes one of the last two the rule.",
            ]
        )
    )


def _line(class_id: str, stats: dict[str, Any]) -> str:
    entry = stats["classes"][class_id]
    positives = sum(entry["positive"].values())
    where = " and ".join(stats["missing"][class_id])
    return (
        f"  {class_id}: none in {where} ({_counted(positives, 'positive')} in "
        f"{_counted(entry['groups'], 'group')})"
    )


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _uneven(images: dict[str, int], shares: tuple[float, ...]) -> list[str]:
    """A word on each split that is far from its share of the images."""
    total = sum(images.values())
    return [
        f"{name} has {images[name] / total:.0%} of the images, not {share:.0%}: rare classes need "
        "a place in every split, or groups are large. More images even it out"
        for name, share in zip(SPLITS, shares, strict=True)
        if abs(images[name] / total - share) > UNEVEN
    ]


def warnings(stats: dict[str, Any], shares: tuple[float, float, float]) -> list[str]:
    """What a person should know before training.

    Args:
        stats: ``stats.json`` so far.
        shares: that were asked for.
    """
    images = sum(stats["images"].values())
    found = _uneven(stats["images"], shares)
    if stats["missing"]:
        found.append(
            f"{len(stats['missing'])} classes are missing from a split, so nothing measures them "
            f"there: {', '.join(list(stats['missing'])[:10])}"
        )
    if stats["without_property"]:
        found.append(
            f"{stats['without_property']:,} images name no property, so each stands for itself: "
            "photos of one place can be on both sides of a split. Give the catalogue a table with "
            "their property ([catalog] property_column)"
        )
    if stats["largest_group"] > LARGE_GROUP * images:
        found.append(
            f"one group holds {stats['largest_group']} of {images} images: one property, or "
            "pictures so alike that [dataset] near_duplicate_bits connects them"
        )
    if stats["bridging"]:
        found.append(
            f"{len(stats['bridging'])} new images look like images of several splits and are in "
            f"none: {', '.join(stats['bridging'][:3])}; stats.json lists them"
        )
    if stats["groups_in_several_splits"]:
        found.append(
            f"{stats['groups_in_several_splits']} groups stand in several splits: images of today "
            "connect what was split apart. Delete splits.parquet to split everything anew"
        )
    return found
