"""What the store takes and gives: rules, annotators, open tasks and reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from annotate.errors import InputError

ACTIVE, PAUSED, EXCLUDED, REVOKED = "active", "paused", "excluded", "revoked"
STATES = (ACTIVE, PAUSED, EXCLUDED, REVOKED)
MOST_VOTES = 9

Vote = Mapping[str, bool | None]  # by class: yes, no, or None for unsure


@dataclass(frozen=True)
class Rules:
    """Who answers what, and when an image is done.

    Attributes:
        votes: distinct people who answer each image, 1 to 9.
        votes_max: people for an image whose labels stay open after ``votes``; 0: never more.
        early_stop: end an image once no remaining vote can change a label.
        lease_seconds: how long a page is kept for the person who opened it.
        golden_rate: share of pages that show an image with known labels, 0 to 1.
        golden_recall_floor, golden_precision_floor: an annotator who lies below is paused.
        golden_min: known positives (for recall) or ticks (for precision) before anybody is judged.
        golden_confidence: of the interval that must lie below the floor.
        broken_reports: people who must report an image as broken before it is set aside.
        min_votes, vote_threshold, thresholds: how labels are decided, as ``consolidate`` does it;
            ``thresholds`` holds the classes with a threshold of their own.
        open_chance: ask further people where a label changes with more than this probability.
    """

    votes: int = 5
    votes_max: int = 0
    early_stop: bool = False
    lease_seconds: int = 1800
    golden_rate: float = 0.0
    golden_recall_floor: float = 0.5
    golden_precision_floor: float = 0.3
    golden_min: int = 20
    golden_confidence: float = 0.99
    broken_reports: int = 2
    min_votes: int = 3
    vote_threshold: float = 0.6
    thresholds: Mapping[str, float] = field(default_factory=dict)
    open_chance: float = 0.1

    def __post_init__(self) -> None:
        """Refuse rules that make no sense.

        Raises:
            InputError: every problem is named.
        """
        problems = [
            message
            for message, wrong in (
                (f"votes is {self.votes}; 1 to {MOST_VOTES}", not 1 <= self.votes <= MOST_VOTES),
                (
                    f"votes_max is {self.votes_max}; 0, or {self.votes} to {MOST_VOTES}",
                    self.votes_max != 0 and not self.votes <= self.votes_max <= MOST_VOTES,
                ),
                (f"lease_seconds is {self.lease_seconds}; 1 or more", self.lease_seconds < 1),
                (f"golden_rate is {self.golden_rate}; 0 to 1", not 0 <= self.golden_rate <= 1),
                (
                    f"golden_confidence is {self.golden_confidence}; between 0 and 1",
                    not 0 < self.golden_confidence < 1,
                ),
                (
                    f"early_stop with {self.votes} votes and min_votes {self.min_votes}: no label "
                    "could ever be decided",
                    self.early_stop and self.min_votes > self.votes,
                ),
            )
            if wrong
        ]
        if problems:
            raise InputError("annotation rules: " + "; ".join(problems) + ". See mumic.toml.")

    @classmethod
    def read(cls, stated: str) -> Rules:
        """Rules from the JSON of their fields; those that it lacks have their defaults."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in json.loads(stated).items() if name in known})

    @property
    def name(self) -> str:
        """The rule in words, to stand beside results.

        >>> Rules(votes_max=7, early_stop=True).name
        '5 votes, early stop, up to 7 where open'
        """
        early = ", early stop" if self.early_stop else ""
        more = f", up to {self.votes_max} where open" if self.votes_max > self.votes else ""
        return f"{self.votes} votes{early}{more}"

    @property
    def adaptive(self) -> bool:
        """Whether the number of people depends on the answers."""
        return self.early_stop or self.votes_max > self.votes

    def threshold(self, class_id: str) -> float:
        """A class's own threshold, else the default."""
        return self.thresholds.get(class_id, self.vote_threshold)


@dataclass(frozen=True)
class Annotator:
    """A person; ``id`` stands in answers, ``reason`` says why she is not active."""

    id: str
    name: str
    state: str
    reason: str = ""


@dataclass(frozen=True)
class OpenTask:
    """A page that one annotator holds.

    Attributes:
        image_id: what to show.
        questions: ids of the questions to ask.
        lease: opaque id that the answer must name.
        accepted: when she got it, ISO 8601 in UTC.
        draft: what she saved on it, if anything.
        earlier: her present answer, where she corrects it.
    """

    image_id: str
    questions: tuple[str, ...]
    lease: str
    accepted: str
    draft: dict[str, Any] | None = None
    earlier: dict[str, Any] | None = None


@dataclass(frozen=True)
class Pace:
    """One annotator's progress: answers in all and since midnight UTC, seconds, pages left."""

    done: int
    today: int
    median_seconds: float | None
    left: int


@dataclass(frozen=True)
class Progress:
    """How far the batch is.

    Attributes:
        images: pages to answer (an image that was given further questions later has two).
        done: pages with all the answers they need.
        broken: pages set aside because people reported the image as broken.
        short: open pages for which there are not enough active annotators.
        annotators_short: how many further annotators would mend that.
        answers: answers that stand, without those of paused and excluded annotators.
        per_hour: answers in the last 60 minutes.
        rule: ``Rules.name``.
    """

    images: int
    done: int
    broken: int
    short: int
    annotators_short: int
    answers: int
    per_hour: int
    rule: str


@dataclass(frozen=True)
class AnnotatorReport:
    """One annotator, as the owner sees her. Intervals are (low, high); None: nothing to judge."""

    annotator: Annotator
    answers: int
    median_seconds: float | None
    golden_images: int
    golden_positives: int
    golden_ticks: int
    golden_hits: int
    recall: tuple[float, float] | None
    precision: tuple[float, float] | None
    skipped: int
    broken: int


@dataclass(frozen=True)
class ClassAgreement:
    """Agreement on one class: mean share of agreeing pairs, and Krippendorff's alpha."""

    class_id: str
    votes: int
    yes: int
    agreement: float | None
    alpha: float | None


@dataclass(frozen=True)
class OwnerReport:
    """Everything of the owner's page.

    ``disagreements`` gives, per image, class ids with their yes and no votes, the most split
    image first. Agreement and disagreements are over the latest ``agreement_images`` images.
    """

    progress: Progress
    annotators: tuple[AnnotatorReport, ...]
    classes: tuple[ClassAgreement, ...]
    disagreements: tuple[tuple[str, dict[str, tuple[int, int]]], ...]
    broken_images: tuple[str, ...]
    agreement_images: int
