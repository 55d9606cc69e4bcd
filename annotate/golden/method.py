"""Labels of golden images as another method than voting makes them, for their scoring."""

from __future__ import annotations

import numpy as np
import pandas as pd

from annotate.answers.packed import read_packed
from annotate.errors import InputError
from annotate.golden.cells import Cells, Labels
from annotate.golden.in_force import InForce
from annotate.labels.result import Basis, label_answers
from annotate.labels.stage import labelled_questions
from annotate.taxonomy.model import Taxonomy
from annotate.workspace import Workspace


def labels_by_method(
    workspace: Workspace, force: InForce, taxonomy: Taxonomy, cells: Cells
) -> Labels | None:
    """Estimate all labels anew, without the experts' word: it must not decide its own scoring.

    Args:
        workspace: its labels are scored.
        force: how they were made.
        taxonomy: the hierarchy.
        cells: golden labels and votes.

    Returns:
        (N, C) as the cells: 1, 0 or ``UNKNOWN``. None for voting, which the cells do themselves.

    Raises:
        MissingError: the answers that the labels were made of are not there.
        InputError: a class that was asked is not in the label list any more.
    """
    if force.settings.method == "majority":
        return None
    answers = read_packed(workspace.labels / "answers.parquet")
    questions = labelled_questions(workspace)
    gone = sorted({name for ids in questions.values() for name in ids} - set(taxonomy.ids))
    if gone:
        raise InputError(
            f"{workspace.labels}: the labels were made for another label list, with "
            f"{', '.join(gone[:3])}. Run `mumic-annotate consolidate` again."
        )
    _, decisions, _ = label_answers(answers, Basis(questions, taxonomy, force.settings))
    votes = decisions.votes
    rows = pd.Index(votes.image_ids, dtype=object).get_indexer(pd.Index(cells.votes.image_ids))
    columns = pd.Index(votes.class_ids, dtype=object).get_indexer(pd.Index(cells.class_ids))
    picked: Labels = decisions.label[np.ix_(rows, columns)]
    return picked
