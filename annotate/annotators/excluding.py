"""Work without an annotator: her answers count no more, and what lacks answers is asked again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from annotate.answers.excluded import read_excluded, write_excluded
from annotate.errors import InputError, MumicError, closest
from annotate.golden.in_force import settings_in_force
from annotate.labels.imported import label_votes, labelled_votes
from annotate.labels.stage import label_images
from annotate.server.model import ACTIVE, EXCLUDED
from annotate.server.run import DATABASE, open_store
from annotate.server.store import Store
from annotate.tables import ANSWERS, read_arrow
from annotate.workspace import Workspace


def change_excluded(
    workspace: Workspace,
    *,
    exclude: Iterable[str] = (),
    include: Iterable[str] = (),
    reason: str = "",
) -> dict[str, Any]:
    """Exclude annotators, or take them back, and make the labels anew.

    The server's database is told too, so that images that now lack answers are open again there;
    for other ways to ask, `mumic-annotate tasks` lists them.

    Args:
        workspace: with answers, or labels made of another tool's votes, and perhaps a database of
            the annotation server.
        exclude: ids, or names on the server.
        include: likewise.
        reason: why they are excluded; kept beside them.

    Returns:
        ``excluded`` and ``included`` ids, images ``reopened`` on the server, images in all that are
        ``lacking`` answers, and whether labels are ``of_votes`` of another tool.

    Raises:
        InputError: there is no such annotator, or no answer would be left.
    """
    store = _store(workspace)
    try:
        before = read_excluded(workspace.desk)
        known = _known(workspace, store) | {name: name for name in before}
        out = [_resolve(name, known) for name in exclude]
        back = [_resolve(name, known) for name in include]
        after = {name: why for name, why in before.items() if name not in back}
        write_excluded(workspace.desk, after | {name: reason or "by hand" for name in out})
        try:
            labels = _consolidate(workspace)
        except MumicError:
            write_excluded(workspace.desk, before)
            raise
        reopened = 0
        if store is not None:
            on_server = {annotator.id for annotator in store.annotators()}
            for name in on_server.intersection(out):
                reopened += store.set_state(name, EXCLUDED, reason or "by hand")
            for name in on_server.intersection(back):
                store.set_state(name, ACTIVE)
            store.export(workspace.answers)
            labels = _consolidate(workspace)
    finally:
        if store is not None:
            store.close()
    return {
        "excluded": out,
        "included": back,
        "reopened": reopened,
        "lacking": labels["too_few_annotators"]["images"],
        "of_votes": "votes" in labels,
    }


def _store(workspace: Workspace) -> Store | None:
    if not (workspace.desk / DATABASE).is_file():
        return None
    return open_store(workspace, workspace.settings.serve)


def _known(workspace: Workspace, store: Store | None) -> dict[str, str]:
    """Ids by id and, where the server knows one, by name."""
    file = workspace.labels / "answers.parquet"
    known: dict[str, str] = {}
    if file.is_file():
        column = read_arrow(ANSWERS, file, ["annotator_id"])["annotator_id"]
        known = {str(name): str(name) for name in column.unique().to_pylist()}
    for annotator in store.annotators() if store is not None else ():
        known[annotator.id] = annotator.id
        known.setdefault(annotator.name, annotator.id)
    return known


def _resolve(name: str, known: dict[str, str]) -> str:
    if name not in known:
        hint = closest(name, known) or "; `mumic-annotate annotators` lists them"
        raise InputError(f"unknown annotator {name!r}{hint}")
    return known[name]


def _consolidate(workspace: Workspace) -> dict[str, Any]:
    settings = settings_in_force(workspace)
    votes = labelled_votes(workspace)
    if votes is None:
        return label_images(workspace, settings)
    people = workspace.settings.tasks.annotators
    return label_votes(votes, settings, workspace.labels, workspace, people)
