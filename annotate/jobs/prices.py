"""What a labelling job costs, and the price list of public work teams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from annotate.errors import InputError
from annotate.settings import TaskSettings

# USD an answer that CreateLabelingJob takes (its documentation of PublicWorkforceTaskPrice).
PUBLIC_PRICES = tuple(
    Decimal(price)
    for price in (
        *("0.012", "0.024", "0.036", "0.048", "0.060", "0.072", "0.120", "0.240"),
        *("0.360", "0.480", "0.600", "0.720", "0.840", "0.960", "1.080", "1.200"),
    )
)


@dataclass(frozen=True)
class JobCost:
    """A forecast.

    Attributes:
        objects: images.
        answers: images times annotators.
        hours: people-hours.
        fee: of the service, per object and not per annotator.
        pay: of the annotators.
        total: the two together, in ``currency``.
        currency: of the three figures.
    """

    objects: int
    answers: int
    hours: float
    fee: float
    pay: float
    total: float
    currency: str

    def __str__(self) -> str:
        """One line for people."""
        return (
            f"{self.objects:,} images, {self.answers:,} answers, {self.hours:,.1f} people-hours: "
            f"{self.total:,.2f} {self.currency} (fee {self.fee:,.2f}, pay {self.pay:,.2f})"
        )


def job_cost(
    manifest: Sequence[Mapping[str, Any]], tasks: TaskSettings, public_price: float = 0.0
) -> JobCost:
    """What a job will cost.

    ``fee = objects · fee_per_object``; ``hours = annotators · questions · seconds / 3600`` with the
    questions of all objects; ``pay = hours · pay_per_hour``, or answers times the public price.

    Args:
        manifest: its objects, each with a list ``questions``.
        tasks: fee, pay, time and annotators.
        public_price: USD an answer; 0: the team is paid by the hour.
    """
    answers = len(manifest) * tasks.annotators
    asked = sum(len(entry["questions"]) for entry in manifest) * tasks.annotators
    hours = asked * tasks.seconds_per_question / 3600
    fee = len(manifest) * tasks.fee_per_object
    pay = answers * public_price if public_price else hours * tasks.pay_per_hour
    return JobCost(len(manifest), answers, hours, fee, pay, fee + pay, tasks.currency)


def public_task_price(usd: float) -> dict[str, Any]:
    """A price as ``PublicWorkforceTaskPrice``, whose three numbers add up to it.

    >>> public_task_price(1.08)
    {'AmountInUsd': {'Dollars': 1, 'Cents': 8, 'TenthFractionsOfACent': 0}}
    >>> public_task_price(0.012)
    {'AmountInUsd': {'Dollars': 0, 'Cents': 1, 'TenthFractionsOfACent': 2}}

    Raises:
        InputError: it is not on the price list.
    """
    price = Decimal(str(usd))
    if price not in PUBLIC_PRICES:
        known = ", ".join(str(entry) for entry in PUBLIC_PRICES)
        raise InputError(f"[job] public_price {usd}: the service takes one of {known}.")
    tenths = int(price * 1000)
    parts = {
        "Dollars": tenths // 1000,
        "Cents": tenths // 10 % 100,
        "TenthFractionsOfACent": tenths % 10,
    }
    return {"AmountInUsd": parts}
