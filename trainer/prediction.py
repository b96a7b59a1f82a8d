"""What a network says of a whole split, in file order: the same pass for validation during training and for scoring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from tqdm import tqdm

from trainer.lens_network import LensNetwork
from trainer.preprocessing import Preprocessing
from trainer.stamp_loading import SplitBatches


@dataclass(frozen=True)
class ScoredBatch:
    """Logits (sample,) of one row group's kept rows, NaN where the stamp could not be read, and who they are."""

    logits: npt.NDArray[np.float32]
    identity: pa.Table


def predict(
    network: LensNetwork, preprocessing: Preprocessing, batches: SplitBatches, device: torch.device, what: str
) -> Iterator[ScoredBatch]:
    """Logits of every kept row, float32, one record a row group; the network is put into evaluation mode."""
    network.eval()
    with tqdm(desc=what, unit="img", unit_scale=True, disable=None, leave=False) as bar, torch.inference_mode():
        for batch in batches:
            images, metadata = preprocessing.prepare(batch.stamps.images, batch.stamps.metadata, device)
            logits = network(images, metadata).float().cpu().numpy()
            logits[batch.stamps.weights.numpy() == 0] = np.nan
            bar.update(len(logits))
            yield ScoredBatch(logits, batch.identity)
