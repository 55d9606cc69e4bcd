"""Measure the small CLIP and write its model card.

    python -m mumic.demo.model_card --work build/pretrain --model FOLDER

Every figure in the card comes from this run or from the training's own ``figures.json``.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any, Final

from mumic.demo.concepts import NAMES, UNSEEN
from mumic.demo.zero_shot_check import ZeroShot, load_small_clip, zero_shot

_CARD: Final = """\
# Small CLIP of the demo world

An ordinary CLIP, small: ViT image tower at {side} px (patch {patch}, width {vision_width},
{vision_layers} layers), text tower of width {text_width} with {text_layers} layers, the standard
CLIP tokenizer with all {vocabulary:,} tokens, {embed} dimensions. {parameters:.1f} million
parameters, {megabytes:.1f} MB in half precision. It exists so that the demo runs on a machine
without a network and without anyone's photos; `mumic-annotate init` never picks it, only
`init --demo` does.

    open_clip.create_model_and_transforms("local-dir:annotate/resources/small_clip")

## How it was made

    python -m mumic.demo.pretrain --seed {seed} --out annotate/resources/small_clip
    python -m mumic.demo.model_card --model annotate/resources/small_clip

{steps:,} steps of {batch} pairs with the symmetric contrastive loss, AdamW at {rate}, {warmup}
steps of warmup, then a cosine, bfloat16 autocast: {minutes:.0f} minutes on
{machine}, without a GPU. The pictures are {pairs:,} scenes of the *pretraining world*, drawn from
code; their captions are written anew at each step. The pretraining world shares no layout, colour,
shape or seed with the demo's catalogue (`tests/mumic/demo/test_worlds_disjoint.py`), and
training reads nothing of the catalogue, neither images nor labels. Its captions may name the
four unseen concepts. The other way round, the catalogue's photographic look (outlines in ink,
muted and warm colours) was chosen after this training, so that zero-shot has room to improve;
the weights were not touched again.

## Figures

| measured | value |
|---|---|
| contrastive loss at the end (running mean, chance is {chance:.2f}) | {loss:.3f} |
| caption found among {held_out:,} held-out pairs, recall at 1, 5 \
| {text_recall_at_1:.3f}, {text_recall_at_5:.3f} |
| picture found by its caption, recall at 1, 5 \
| {image_recall_at_1:.3f}, {image_recall_at_5:.3f} |
| zero-shot macro mAP, {classes} classes, {images:,} catalogue photos | {macro:.3f} |
| zero-shot macro mAP, {unseen_classes} unseen concepts | {macro_unseen:.3f} |

Prompts are "a photo with" and the class's name, scores are cosines. Many held-out captions fit
several pictures ("a photo with dog"), so recall at 1 stays low. The average precision of a
random ranking is the prevalence.

| concept | average precision | prevalence |
|---|---|---|
{table}

## What it is not good for

It has only ever seen drawings. Nothing was measured on real photos, and no figure here says
anything about CLIP or MuMIC on them. Used on any catalogue but the demo's it needs
`--allow-demo-model`. The concepts at the foot of the table are small or varied things, which
it sees poorly at {side} px.
"""


def write_card(folder: Path, work: Path, *, images: int, seed: int) -> str:
    """Measure zero-shot on freshly drawn catalogue photos and write ``README.md``."""
    kept = json.loads((work / "figures.json").read_text())
    model = load_small_clip(folder)
    found = zero_shot(model, images=images, seed=seed)
    weights = folder / "open_clip_model.safetensors"
    card = _CARD.format(
        **_architecture(folder),
        **kept["config"],
        **kept["figures"],
        machine=kept["machine"],
        chance=math.log(kept["config"]["batch"]),
        parameters=sum(p.numel() for p in model.parameters()) / 1e6,
        megabytes=weights.stat().st_size / 1e6,
        images=images,
        classes=sum(concept in found.average_precision for concept in NAMES),
        macro=found.macro(NAMES),
        unseen_classes=len(UNSEEN),
        macro_unseen=found.macro(UNSEEN),
        table=_table(found),
    )
    (folder / "README.md").write_text(card)
    return card


def _architecture(folder: Path) -> dict[str, Any]:
    config = json.loads((folder / "open_clip_config.json").read_text())["model_cfg"]
    vision, text = config["vision_cfg"], config["text_cfg"]
    return {
        "side": vision["image_size"],
        "patch": vision["patch_size"],
        "vision_width": vision["width"],
        "vision_layers": vision["layers"],
        "text_width": text["width"],
        "text_layers": text["layers"],
        "vocabulary": text["vocab_size"],
        "embed": config["embed_dim"],
    }


def _table(found: ZeroShot) -> str:
    names = {**NAMES, **{concept: f"{name} (unseen)" for concept, name in UNSEEN.items()}}
    ordered = sorted(found.average_precision, key=lambda concept: -found.average_precision[concept])
    return "\n".join(
        f"| {names[c]} | {found.average_precision[c]:.3f} | {found.prevalence[c]:.3f} |"
        for c in ordered
    )


def main() -> None:
    """Parse the command line, measure, write and print the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("annotate/resources/small_clip"))
    parser.add_argument("--work", type=Path, default=Path("build/pretrain"))
    parser.add_argument("--images", type=int, default=4_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    print(write_card(args.model, args.work, images=args.images, seed=args.seed))


if __name__ == "__main__":
    main()
