"""Which rows of the index are used: predicates on its columns, pairs kept or dropped as one, and who is whose partner.

Shapes: everything is one element a row of the index, in any order. No pixel is read here.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from trainer.train_settings import SelectSettings

Rows = npt.NDArray[np.bool_]
Columns = Mapping[str, npt.NDArray[np.generic]]


def columns_wanted(select: SelectSettings, *, pairs: bool) -> list[str]:
    """Columns of the index that a selection looks at, beside the kind."""
    return [*select.ranges, *(["pair_id"] if pairs or select.ranges else [])]


def selected_rows(columns: Columns, kinds: list[str], usable: Rows, select: SelectSettings) -> Rows:
    """Usable rows that pass every predicate, and whose partner passes too.

    ``kind`` counts in ``kinds``; a number that is NaN passes; ``pair_id`` is a number, negative where there is no pair.
    """
    wanted = np.array([select.kinds is None or name in select.kinds for name in kinds], bool)
    kept: Rows = usable & wanted[columns["kind"]]
    if not select.ranges:
        return kept
    failed = np.zeros(len(usable), bool)
    for name, allowed in select.ranges.items():
        values = columns[name].astype(np.float64)
        low = -np.inf if allowed.min is None else allowed.min
        high = np.inf if allowed.max is None else allowed.max
        failed |= (values < low) | (values > high)  # NaN is neither
    pair = columns["pair_id"].astype(np.int64)
    broken = np.unique(pair[failed & (pair >= 0)])
    return kept & ~failed & ~np.isin(pair, broken)


def partners_of_lenses(
    pair: npt.NDArray[np.integer], lens: npt.NDArray[np.bool_], control: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """The sample that is the control of each lens's pair, -1 where there is none; for samples of one pair number each.

    Of several lenses or controls with one pair number, the last of each is the pair.
    """
    partner = np.full(len(pair), -1, np.int32)
    lens_of, control_of = (np.full(int(pair.max(initial=-1)) + 1, -1, np.int32) for _ in range(2))
    for of, here in ((lens_of, lens), (control_of, control)):
        samples = np.flatnonzero(here & (pair >= 0))
        of[pair[samples]] = samples
    both = (lens_of >= 0) & (control_of >= 0)
    partner[lens_of[both]] = control_of[both]
    return partner
