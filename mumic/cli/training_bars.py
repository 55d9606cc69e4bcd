"""Progress of a training: a bar while images are decoded, one over all epochs, and what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from annotate.cli.console import note, progress

if TYPE_CHECKING:
    from mumic.training.state import StepReport
    from mumic.training.train import Reports


class TrainingBars:
    """The decoding's bar, which ends with the first step, the training's, and the measuring's."""

    def __init__(self) -> None:
        self._decoding: Any = None
        self._training: Any = None
        self._measuring: Any = None

    def __enter__(self) -> TrainingBars:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def reports(self) -> Reports:
        """What tells these bars of a training and of measuring it; its notes are printed."""
        from mumic.training.train import Reports

        return Reports(
            on_decoding=self.decoding,
            on_decoded=self.decoded,
            on_step=self.step,
            on_note=note,
            on_measured=self.measured,
        )

    def decoding(self, images: int) -> None:
        """Begin with so many images that are to be decoded."""
        self._decoding = progress(images, "decoding")

    def decoded(self, images: int) -> None:
        """Show that so many more images are decoded."""
        self._decoding.update(images)

    def step(self, report: StepReport) -> None:
        """Show an optimiser step, with its loss and temperature."""
        if self._training is None:
            self.close()
            self._training = progress(report.all_images, "training")
            # What an earlier start did is no part of the rate.
            done = report.done_before
            self._training.initial = self._training.n = self._training.last_print_n = done
        self._training.set_postfix(
            loss=f"{report.loss:.4f}",
            temperature=f"{report.temperature:.4f}",
            refresh=False,
        )
        self._training.update(report.images)

    def measured(self, images: int) -> None:
        """Show that so many more images were decoded or embedded to measure what was trained."""
        if self._measuring is None:
            self.close()
            self._measuring = progress(None, "measuring")
        self._measuring.update(images)

    def close(self) -> None:
        """End all of them."""
        for bar in (self._decoding, self._training, self._measuring):
            if bar is not None:
                bar.close()
