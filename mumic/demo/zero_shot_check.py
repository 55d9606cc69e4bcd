"""How well the small CLIP knows the catalogue's concepts before any tuning.

    python -m mumic.demo.zero_shot_check [--images 2000] [--model FOLDER]

Draws catalogue photos in memory and ranks them for each concept by the cosine with
"a photo with {name}". Only evaluation does this: pretraining never sees these photos.
"""

import argparse
import json
import multiprocessing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from PIL import Image
from sklearn.metrics import average_precision_score
from torch.nn import functional

from mumic.demo.concepts import NAMES, UNSEEN
from mumic.demo.pretrain import to_input
from mumic.demo.scenes.catalogue import plan_catalogue
from mumic.demo.scenes.drawing import draw
from mumic.demo.small_clip import MODEL_CONFIG

_SIDE = int(MODEL_CONFIG["vision_cfg"]["image_size"])


@dataclass(frozen=True)
class ZeroShot:
    """Average precision and prevalence per concept."""

    average_precision: dict[str, float]
    prevalence: dict[str, float]

    def macro(self, concepts: dict[str, str]) -> float:
        """Mean over the concepts that occur."""
        return float(
            np.mean([self.average_precision[c] for c in concepts if c in self.average_precision])
        )


def zero_shot(model: Any, *, images: int, seed: int, template: str = "a photo with {}") -> ZeroShot:
    """Rank ``images`` catalogue photos for every concept."""
    pixels, shown = _photos(images, seed)
    names = {**NAMES, **UNSEEN}
    model.eval()
    with torch.no_grad():
        blocks = [model.encode_image(to_input(pixels[k : k + 250])) for k in range(0, images, 250)]
        texts = model.encode_text(
            open_clip.tokenize([template.format(name) for name in names.values()])
        )
    scores = (
        functional.normalize(torch.cat(blocks).float(), dim=-1)
        @ functional.normalize(texts.float(), dim=-1).T
    ).numpy()
    precision, prevalence = {}, {}
    for column, concept in enumerate(names):
        truth = np.array([concept in concepts for concepts in shown])
        if truth.any():
            precision[concept] = float(average_precision_score(truth, scores[:, column]))
            prevalence[concept] = float(truth.mean())
    return ZeroShot(precision, prevalence)


def _photos(images: int, seed: int) -> tuple[npt.NDArray[np.uint8], list[frozenset[str]]]:
    jobs = [(index, images, seed) for index in range(images)]
    with multiprocessing.get_context("spawn").Pool() as pool:
        drawn = pool.map(_photo, jobs, chunksize=50)
    return np.stack([pixels for pixels, _ in drawn]), [concepts for _, concepts in drawn]


def _photo(job: tuple[int, int, int]) -> tuple[npt.NDArray[np.uint8], frozenset[str]]:
    index, images, seed = job
    scene = plan_catalogue(index, images=images, seed=seed).scene
    image = draw(scene).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return np.asarray(image), scene.concepts


def load_small_clip(folder: Path) -> Any:
    """Load the folder with plain open_clip, in single precision."""
    return open_clip.create_model(f"local-dir:{folder}", precision="fp32")


def main() -> None:
    """Parse the command line, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", type=Path, default=Path("annotate/resources/small_clip"))
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--template", default="a photo with {}")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    args = parser.parse_args()
    found = zero_shot(
        load_small_clip(args.model), images=args.images, seed=args.seed, template=args.template
    )
    for concept, value in sorted(found.average_precision.items(), key=lambda pair: pair[1]):
        print(f"{concept:24s} AP {value:.3f}  prevalence {found.prevalence[concept]:.3f}")
    summary = {"macro_map": found.macro(NAMES), "macro_map_unseen": found.macro(UNSEEN)}
    print(json.dumps(summary))
    if args.json:
        args.json.write_text(
            json.dumps(
                {
                    **summary,
                    "average_precision": found.average_precision,
                    "prevalence": found.prevalence,
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
