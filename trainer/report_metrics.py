"""What a report takes from outside the tables, checked on reading: metrics.json of an evaluation, the log of a training."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.job_entry import InputError
from schemas.locations import Location


class _Read(BaseModel):
    """Frozen; keys that the report does not use are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Estimate(_Read):
    """A figure with its interval; no value where the data does not support one, and why."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    why: str | None = None


class Purity(Estimate):
    """Share of lenses among candidates on a sky where a share ``prevalence`` of the galaxies is one."""

    prevalence: float


class OperatingPoint(_Read):
    """True-positive rate at a fixed false-positive rate, its logit, and how many false positives stand behind it."""

    fpr: float
    tpr: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n_negative: int
    expected_false_positives: float
    supported: bool
    purity: list[Purity] = []


class RocCurve(_Read):
    """Rates from (0, 0) to (1, 1), one point a threshold."""

    fpr: list[float] = []
    tpr: list[float] = []


class ReliabilityBin(_Read):
    """Stamps of like p: their mean p and the share of lenses among them."""

    n: int
    mean_p: float
    observed: Estimate


class Reliability(_Read):
    """Bins from small to large p, and the errors that they add up to."""

    bins: list[ReliabilityBin]
    ece: Estimate
    ece_if_calibrated: float
    brier: Estimate


class Calibration(_Read):
    """Reliability as scored, and with the temperature of the validation split."""

    before: Reliability
    after: Reliability | None = None
    why_no_after: str | None = None


class Share(Estimate):
    """A share of some objects above the threshold of a rate of the whole split."""

    split_fpr: float


class Part(_Read):
    """Stamps between two values of a condition; no upper value where it is open."""

    lower: float
    upper: float | None = None
    n_positive: int
    n_negative: int
    tpr: list[Share] | None = None
    fpr: list[Share] | None = None
    auc: Estimate | None = None
    why: str | None = None


class Condition(_Read):
    """The parts of a split by one condition."""

    n_without: int = 0
    cells: list[Part]


class KindOfNegative(_Read):
    """All lenses against the negatives of one kind."""

    kind: str
    n_negative: int
    n_distinct_negative: int
    auc: Estimate | None = None
    fpr: list[Share] | None = None
    why: str | None = None


class SplitMetrics(_Read):
    """Figures of one split; those that an older evaluation does not have are absent."""

    n_positive: int
    n_negative: int
    n_distinct_negative: int | None = None
    prevalence: float | None = None
    auc: Estimate | None = None
    why: str | None = None
    tpr_at_fpr: list[OperatingPoint] = []
    roc: RocCurve | None = None
    calibration: Calibration | None = None
    by_kind: list[KindOfNegative] = []
    by_condition: dict[str, Condition] | None = None

    @property
    def n_distinct(self) -> int:
        """Negatives that support a rate: with different pixels where the evaluation counted them."""
        return self.n_negative if self.n_distinct_negative is None else self.n_distinct_negative


class Metrics(_Read):
    """The whole of metrics.json."""

    checkpoint_hash: str | None = None
    temperature: Estimate | None = None
    splits: dict[str, SplitMetrics]

    def shown(self) -> tuple[str, SplitMetrics]:
        """The split that a report leads with: test where there is one."""
        name = "test" if "test" in self.splits else next(iter(self.splits))
        return name, self.splits[name]


class Epoch(_Read):
    """One line of the training log."""

    epoch: int
    train_loss: float | None = None
    val_loss: float | None = None
    val_auc: float | None = None


def read_metrics(path: Location) -> Metrics:
    """metrics.json; raises InputError where it is not one."""
    try:
        metrics = Metrics.model_validate(json.loads(path.read_text()))
    except (ValidationError, ValueError) as error:
        raise InputError(f"{path} is not the metrics.json of dhs evaluate: {_first_line(error)}") from error
    for name, split in metrics.splits.items():
        if split.roc and len(split.roc.fpr) != len(split.roc.tpr):
            raise InputError(
                f"{path}: ROC of split {name!r} has {len(split.roc.fpr)} false- and {len(split.roc.tpr)} true-positive rates; "
                "wanted as many of both"
            )
    if not metrics.splits:
        raise InputError(f"{path} holds no split; wanted at least one")
    return metrics


def read_training_log(path: Location) -> list[Epoch]:
    """The epochs of a log with one JSON object a line; raises InputError that names the line where one is none."""
    epochs = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.strip():
            try:
                epochs.append(Epoch.model_validate(json.loads(line)))
            except (ValidationError, ValueError) as error:
                wanted = "wanted JSON with epoch, train_loss, val_loss, val_auc"
                raise InputError(f"{path}, line {number}: {_first_line(error)}; {wanted}") from error
    if not epochs:
        raise InputError(f"{path} holds no epoch; wanted one JSON object a line")
    return epochs


def _first_line(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc'])) or 'top level'}: {first['msg']}"
    return str(error).splitlines()[0]
