"""What a finished cutouts directory holds, learned without reading a pixel: the same catalogue that stamps have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.contract_files import open_parquet, read_group
from schemas.cutouts import CUTOUTS
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import run_files
from schemas.survey import BANDS
from trainer.stamp_catalogue import StampCatalogue
from trainer.stamp_sources import CUTOUT_KIND, UNKNOWN_LABEL


def load_cutouts(directory: Location, metadata_columns: Sequence[str]) -> StampCatalogue:
    """The catalogue of the usable cutouts; their labels are unknown.

    Raises InputError for a directory without usable cutouts, of several sizes, without a wanted band or metadata column, and
    RunError for an unfinished one.
    """
    absent = [name for name in metadata_columns if name not in CUTOUTS.names]
    if absent:
        raise InputError(f"the network was told {', '.join(absent)}, which the cutouts table does not have")
    files = run_files(directory, CUTOUTS)
    places: list[npt.NDArray[np.int32]] = []  # file, row group and row of each usable cutout
    sizes: set[int] = set()
    bands: set[str] = set()
    refused = 0
    for number, path in enumerate(files):
        with open_parquet(path, CUTOUTS) as parquet:
            for group in range(parquet.num_row_groups):
                table = read_group(path, parquet, group, ["reasons", "size_pix", "bands"])
                kept = np.flatnonzero(table["reasons"].to_numpy() == 0)
                refused += table.num_rows - len(kept)
                sizes |= set(table["size_pix"].to_numpy()[kept].tolist())
                bands |= set(table["bands"].take(pa.array(kept)).unique().to_pylist())
                places.append(np.stack([np.full(len(kept), number), np.full(len(kept), group), kept], axis=1).astype(np.int32))
    place = np.concatenate(places) if places else np.empty((0, 3), np.int32)
    if not len(place):
        raise InputError(f"{directory} holds {refused} cutouts, all refused; wanted usable ones of finished dhs cut-hosts")
    if len(sizes) > 1:
        raise InputError(f"{directory} has cutouts of {', '.join(map(str, sorted(sizes)))} pixels; wanted one size")
    lacking = sorted(held for held in bands if not set(BANDS) <= set(held))
    if lacking:
        raise InputError(f"{directory} has cutouts of the bands {', '.join(lacking)}; wanted {''.join(BANDS)}")
    groups, first = np.unique(place[:, :2], axis=0, return_index=True)
    return StampCatalogue(
        files=tuple(str(path) for path in files),
        group_file=groups[:, 0].astype(np.int32),
        group_number=groups[:, 1].astype(np.int32),
        first_sample=np.append(first, len(place)),
        row_in_group=place[:, 2].astype(np.int32),
        labels=np.full(len(place), UNKNOWN_LABEL, np.int8),
        kind=np.zeros(len(place), np.int8),
        kinds=(CUTOUT_KIND,),
        partner=None,
        size_pix=sizes.pop(),
        refused=refused,
        dropped=0,
        metadata_columns=tuple(metadata_columns),
        metadata_statistics=None,
        source="cutouts",
    )
