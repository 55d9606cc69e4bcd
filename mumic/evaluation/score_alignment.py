"""Anybody's scores put beside labels: the same images and classes, in the labels' order.

A file without names (npy) takes its images from a table in whose rows it can have been written, its
classes from ``--classes`` alone. Nothing is guessed: a wrong order would give wrong numbers that
look right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from annotate.errors import InputError, closest
from mumic.evaluation.score_files import Grid
from mumic.metrics.calibration import Unit
from mumic.metrics.ranking import Cells


@dataclass(frozen=True)
class Aligned:
    """Scores beside labels: the labels' images and classes, in their order.

    ``named``: the ids of the images stand in a file, and are no numbers of rows.
    """

    named: bool
    image_ids: list[str]
    class_ids: list[str]
    scores: npt.NDArray[np.floating[Any]]
    labels: npt.NDArray[np.int8]
    mask: npt.NDArray[np.bool_]
    groups: list[str]
    notes: list[str]

    @property
    def cells(self) -> Cells:
        """The labels and which of them are known."""
        return Cells(self.labels, self.mask)

    def of_classes(self, class_ids: Sequence[str]) -> Aligned:
        """The same with some of its classes, in their order."""
        places = [self.class_ids.index(name) for name in class_ids]
        return replace(
            self,
            class_ids=list(class_ids),
            scores=self.scores[:, places],
            labels=self.labels[:, places],
            mask=self.mask[:, places],
        )


def align(
    scored: Sequence[tuple[Grid, Unit]], labels: Grid, names: Sequence[str] | None
) -> list[Aligned]:
    """Put files of scores beside one of labels.

    Args:
        scored: files of scores, and what each holds.
        labels: a file of labels.
        names: ids of the columns of what has none (npy).

    Returns:
        One for each file of scores, with the same images and classes.

    Raises:
        InputError: an image or a class with labels has no scores; a label is neither 1, 0 nor -1; a
            score is not a number; names are missing and cannot be told from another file.
    """
    nameless = labels.class_ids is None
    named = any(grid.image_ids is not None for grid in (labels, *(grid for grid, _ in scored)))
    labels = _named(labels, [grid for grid, _ in scored], names)
    if nameless:
        names = labels.class_ids  # given, or numbers for files of which none names its classes
    grids = [_named(grid, [labels], names) for grid, _ in scored]
    aligned = [
        _align(grid, unit, labels, named) for grid, (_, unit) in zip(grids, scored, strict=True)
    ]
    groups = _groups([labels, *grids], aligned[0].image_ids)
    return [replace(each, groups=groups) for each in aligned]


def _groups(grids: Sequence[Grid], image_ids: Sequence[str]) -> list[str]:
    """The groups of images, of the first file that has any; an image without one is its own."""
    source = next((grid for grid in grids if grid.groups), None)
    if source is None:
        return list(image_ids)
    own = dict(zip(source.image_ids or (), source.groups or (), strict=True))
    return [own.get(image) or image for image in image_ids]


def _align(scores: Grid, unit: Unit, labels: Grid, named: bool) -> Aligned:
    rows = _places(scores.image_ids or [], labels.image_ids or [], "image", (scores, labels))
    columns = _places(scores.class_ids or [], labels.class_ids or [], "class", (scores, labels))
    values, mask = labels.values, ~np.isnan(labels.values)
    wrong = np.argwhere(mask & ~np.isin(values, (-1, 0, 1)))
    ids, classes = labels.image_ids or [], labels.class_ids or []
    if wrong.size:
        row, column = wrong[0]
        raise InputError(
            f"{labels.file}: image {ids[row]}, class {classes[column]}: "
            f"{values[row, column]:g}; a label is 1, 0, or empty or -1 where unknown"
        )
    mask &= values != -1
    taken = scores.values[np.ix_(rows, columns)]
    filled, gaps = _without_gaps(scores, taken, unit)
    notes = [*scores.notes, *labels.notes, *gaps]
    unused = len(scores.class_ids or []) - len(classes), len(scores.image_ids or []) - len(ids)
    notes += [
        f"{count} {what} of {scores.file.name} have no labels and are left out."
        for what, count in zip(("classes", "images"), unused, strict=True)
        if count
    ]
    truth = np.where(mask, values, 0).astype(np.int8)
    return Aligned(named, ids, classes, filled, truth, mask, ids, notes)


def _named(grid: Grid, others: Sequence[Grid], names: Sequence[str] | None) -> Grid:
    """The same with ids for what an npy does not name."""
    images, classes = grid.values.shape
    ids = grid.image_ids or _row_names(grid, others) or [str(row) for row in range(images)]
    columns = grid.class_ids or names or _numbered(grid, others)
    if (len(ids), len(columns)) != grid.values.shape:
        raise InputError(
            f"{grid.file}: {images} images and {classes} classes, but names for {len(ids)} and "
            f"{len(columns)}. Both files must be of one shape, and --classes name each column."
        )
    return replace(grid, image_ids=list(ids), class_ids=list(columns))


def _row_names(grid: Grid, others: Sequence[Grid]) -> list[str] | None:
    """The images of the files beside one without names; None where these have none either.

    Raises:
        InputError: their order says nothing: they have several, or come from a long table.
    """
    named = [other for other in others if other.image_ids is not None]
    if not named:
        return None
    first = named[0]
    differing = [other for other in named if other.image_ids != first.image_ids]
    if first.long or differing:
        why = (
            f"{differing[0].file} has other images than {first.file}, or another order"
            if differing
            else f"{first.file} has several rows of an image, so their order is not that of images"
        )
        raise InputError(
            f"{grid.file}: its rows have no ids, and {why}. Give it as a table with image_id."
        )
    return first.image_ids


def _numbered(grid: Grid, others: Sequence[Grid]) -> list[str]:
    """Numbers for the classes of a file without names, beside files that have none either.

    Raises:
        InputError: another file names its classes, which may stand in another order.
    """
    named = next((other.file for other in others if other.class_ids is not None), None)
    if named is not None:
        raise InputError(
            f"{grid.file}: its columns have no class ids, and those of {named} may stand in "
            "another order. Name them with --classes FILE; of a run: its classes.json."
        )
    return [f"class {column}" for column in range(grid.values.shape[1])]


def _places(
    known: Sequence[str], wanted: Sequence[str], what: str, grids: tuple[Grid, Grid]
) -> list[int]:
    place = {name: at for at, name in enumerate(known)}
    lacking = [name for name in wanted if name not in place]
    if lacking:
        raise InputError(
            f"{grids[0].file} has no scores for {len(lacking)} of {len(wanted)} {what} ids of "
            f"{grids[1].file}: {', '.join(lacking[:5])}{closest(lacking[0], known)}. Score them, "
            "or take their labels out: what is left out silently makes a result look better."
            + (_columns_hint(*grids) if what == "image" else "")
        )
    return [place[name] for name in wanted]


def _columns_hint(scores: Grid, labels: Grid) -> str:
    """That two tables name their images by different columns, where they do."""
    if None in (scores.id_column, labels.id_column) or scores.id_column == labels.id_column:
        return ""
    return (
        f" The scores name images by their column {scores.id_column}, the labels by "
        f"{labels.id_column}: give both files one column image_id."
    )


def _without_gaps(
    scores: Grid, values: npt.NDArray[np.floating[Any]], unit: Unit
) -> tuple[npt.NDArray[np.floating[Any]], list[str]]:
    gaps = np.isnan(values)
    count = int(gaps.sum())
    if not count:
        return values, []
    if not scores.long:
        row, column = np.argwhere(gaps)[0]
        raise InputError(
            f"{scores.file}: {count} scores are not numbers, the first in row {row + 1} of those "
            f"with labels, column {column + 1}."
        )
    lowest = 0.0 if unit == "probability" else -np.inf
    note = f"{count} pairs have no row in {scores.file.name}: taken as lower than all others."
    return np.where(gaps, lowest, values), [note]
