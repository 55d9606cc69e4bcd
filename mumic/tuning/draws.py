"""What a study tries next.

Every draw follows from the seed, the trial's number, the setting and the trials before it, and so
is the same after a kill.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.trial import FrozenTrial, Trial, TrialState

from annotate.settings import Settings
from mumic.tuning.space import Dimension, changes_of

STARTUP = 5  # trials drawn at random before the Gaussian process has something to fit
JUDGED_FROM = 2  # epochs count from 1; after the first one little is known


@dataclass(frozen=True)
class Request:
    """A study's name, what it searches, and how many trials it has in all.

    ``prune`` ends a training early whose validation GAP is below the median of earlier ones.
    """

    name: str
    space: tuple[Dimension, ...]
    trials: int
    prune: bool = True


def _combinations(request: Request) -> int:
    """How many different settings there are; a great many where a range has no whole numbers."""
    return math.prod(
        len(values) if (values := entry.all_values()) else request.trials + 1
        for entry in request.space
    )


def open_study(settings: Settings, request: Request, folder: Path) -> optuna.Study:
    """A new study, or the one that was begun in a folder.

    Where it is to try all settings that there are, they wait in it in an order of the seed.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name=request.name,
        storage=f"sqlite:///{folder / 'study.sqlite3'}",
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=JUDGED_FROM)
        if request.prune
        else optuna.pruners.NopPruner(),
    )
    own = {entry.name: getattr(settings.train, entry.name) for entry in request.space}
    if not study.get_trials() and all(entry.holds(own[entry.name]) for entry in request.space):
        study.enqueue_trial(own)  # the settings as they are come first
    if _combinations(request) <= request.trials:
        values = [entry.all_values() for entry in request.space]
        every = [dict(zip(own, each, strict=True)) for each in product(*values)]
        for place in np.random.default_rng(settings.project.seed).permutation(len(every)):
            study.enqueue_trial(every[place], skip_if_exists=True)
    return study


def trials_in_all(study: optuna.Study, request: Request) -> int:
    """How many trials the study will have: there may be fewer settings than are asked for."""
    if _combinations(request) <= request.trials:
        return len(study.get_trials(deepcopy=False))  # they wait in it
    return request.trials


def ended_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Those that need nothing more: judged, given up, or failed."""
    done = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
    return study.get_trials(deepcopy=False, states=done)


def drawn(
    settings: Settings, request: Request, study: optuna.Study, number: int
) -> tuple[Trial, dict[str, Any]]:
    """The trial that was under way, or a new one; and what it changes."""
    ended = ended_trials(study)
    # The Gaussian process sees complete trials only: after another one it knows no more than before
    # it, and would propose nearly the same again.
    at_random = bool(ended) and ended[-1].state != TrialState.COMPLETE
    seeds = np.random.SeedSequence((settings.project.seed, number))
    whole, *single = (int(seed) for seed in seeds.generate_state(1 + len(request.space)))
    study.sampler = (
        optuna.samplers.RandomSampler(whole)
        if at_random
        else optuna.samplers.GPSampler(seed=whole, n_startup_trials=STARTUP)
    )
    begun = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    trial = Trial(study, begun[0]._trial_id) if begun else study.ask()
    _ = trial.relative_params  # the process proposes now, all settings together
    values = {}
    for entry, seed in zip(request.space, single, strict=True):
        # For what the process does not propose. A kill may have come between two settings.
        study.sampler = optuna.samplers.RandomSampler(seed)
        values[entry.name] = entry.suggest(trial)
    changes = changes_of(values, settings.train.max_logit_scale)
    trial.set_user_attr("changes", changes)
    return trial, changes
