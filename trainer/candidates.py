"""From scores to a ranking of galaxies: one entry a galaxy, ties by identity, nothing lost; and where each lies on the sky."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.candidates import CANDIDATES
from schemas.contract import Contract
from schemas.contract_files import row_batches
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import run_files
from trainer.calibration import sigmoid

VIEWER = "https://www.legacysurvey.org/viewer?ra={ra:.5f}&dec={dec:.5f}&layer={layer}&zoom=16"
DEFAULT_LAYER = "ls-dr10"
_PLACE = ("ra_deg", "dec_deg", "brickname")


def ranked_galaxies(scores: pa.Table) -> pa.Table:
    """Scores with one row a host, by falling logit, equal ones by task_id; hosts whose logits are all NaN last.

    ``scores`` follow their contract; the answer has ``rank`` and ``n_scored`` too, ``rank`` null for what has no score.
    """
    logits = scores["logit"].to_numpy().astype(np.float64)
    order = np.lexsort((scores["task_id"].to_numpy().astype(str), np.where(np.isnan(logits), np.inf, -logits)))
    hosts = scores["host_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    _, first, counts = np.unique(hosts[order], return_index=True, return_counts=True)
    best = np.argsort(first)
    rows = order[first[best]]
    known = np.isfinite(logits[rows])
    rank = pa.array(np.arange(1, len(rows) + 1), pa.int32(), mask=~known)
    table = scores.take(pa.array(rows)).append_column("rank", rank)
    return table.append_column("n_scored", pa.array(counts[best], pa.int32()))


def placed(galaxies: pa.Table, places: pa.Table, key: str, layer: str) -> pa.Table:
    """The candidates table of ranked galaxies; ``places`` has ``key`` and a position for each.

    Raises InputError where a galaxy has no place: scores of another sample.
    """
    where = pc.index_in(galaxies[key], value_set=places[key].combine_chunks())
    if where.null_count:
        stranger = galaxies[key].filter(pc.is_null(where))[0].as_py()
        raise InputError(
            f"{where.null_count} of {galaxies.num_rows} scored galaxies are not in the sample that was given, "
            f"first {stranger!r}; wanted the stamps or cutouts that were scored"
        )
    found = places.take(where)
    logit = galaxies["logit"].to_numpy().astype(np.float64)
    unknown = np.isnan(logit)
    ra, dec = (found[name].to_numpy() for name in _PLACE[:2])
    urls = [VIEWER.format(ra=a, dec=d, layer=layer) for a, d in zip(ra.tolist(), dec.tolist(), strict=True)]
    columns = {name: galaxies[name] for name in CANDIDATES.names if name in galaxies.column_names}
    columns |= {name: found[name] for name in _PLACE}
    columns["logit"] = pa.array(logit, pa.float32(), mask=unknown)
    columns["p_training"] = pa.array(sigmoid(np.nan_to_num(logit)), pa.float64(), mask=unknown)
    columns["viewer_url"] = pa.array(urls, pa.string())
    return pa.table({name: columns[name] for name in CANDIDATES.names})


def read_places(
    directory: Location, contract: Contract, under: str, key: str, wanted: pa.ChunkedArray, more: Sequence[str] = ()
) -> pa.Table:
    """Positions of the wanted ``key`` values from the files of a finished run, no pixels; each value once."""
    columns = [key, *_PLACE, *more]
    parts = []
    for path in run_files(directory, contract, under=under):
        for batch in row_batches(path, contract, columns):
            parts.append(batch.filter(pc.is_in(batch[key], value_set=wanted.combine_chunks())))
    table = pa.Table.from_batches(parts, contract.arrow_schema(columns)).select(columns)
    _, first = np.unique(table[key].to_numpy().astype(str), return_index=True)
    return table.take(pa.array(np.sort(first)))


def kinds_in_words(scores: pa.Table) -> str:
    """What is ranked, as text: how many rows of each kind."""
    kinds, counts = np.unique(scores["kind"].to_numpy().astype(str), return_counts=True)
    return ", ".join(f"{count:,} {kind}" for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True))


def rows_as_csv(table: pa.Table) -> Sequence[Sequence[str]]:
    """Header and rows as text; null is empty, numbers as short as they read back the same."""
    cells = [["" if value is None else str(value) for value in row.values()] for row in table.to_pylist()]
    return [table.column_names, *cells]
