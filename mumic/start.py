"""The model that a run was trained from: what zero-shot CLIP and the baselines stand on."""

from __future__ import annotations

from annotate.clip.loading import REMEDIES, Clip, load_clip, names_weights
from annotate.errors import InputError, MissingError
from annotate.settings import ModelSettings
from annotate.workspace import Workspace
from mumic.run import Run


def load_start(workspace: Workspace, run: Run, device: str = "cpu") -> Clip:
    """Load it again, and make sure that it is the same.

    Raises:
        InputError: its name or tag has other weights now, or another activation or normalisation.
        MissingError: its weights cannot be had any more.
    """
    start = run.start_model
    activation = run.record["settings"]["model"]["activation"]
    try:
        clip = load_clip(
            ModelSettings(start["name"], start["pretrained"], activation),
            workspace.root,
            random_init=start["random_init"],
            device=device,
            seed=int(run.record["seed"]),
        )
    except MissingError as error:
        weights = "" if names_weights(start["name"]) else f" {start['pretrained']}"
        reason = str(error).removesuffix(REMEDIES).strip()  # [model], which is not asked here
        raise MissingError(
            f"{run.id} was trained from {start['name']}{weights}, which is not to be had: {reason} "
            "Put it back, or run the command once with a network. "
            "`mumic evaluate --no-baselines` measures the run alone."
        ) from error
    same = clip.weights_hash == start["weights_hash"]
    if not same or clip.model_hash != start["model_hash"]:
        raise InputError(
            f"{start['name']} has {'other settings' if same else 'other weights'} than when "
            f"{run.id} was trained from it; what it is compared or blended with needs the same "
            "ones. Put them back; `mumic evaluate --no-baselines` measures the run alone."
        )
    return clip
