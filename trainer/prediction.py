"""What a network says of stamps: the same pass for validation during training and for scoring."""

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
from trainer.stamp_reader import StampBatch


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
    with tqdm(desc=what, unit="img", unit_scale=True, disable=None, leave=False) as bar:
        for batch in batches:
            logits = logits_of(network, preprocessing, batch.stamps, device)
            bar.update(len(logits))
            yield ScoredBatch(logits, batch.identity)


@torch.inference_mode()
def logits_of(
    network: LensNetwork, preprocessing: Preprocessing, stamps: StampBatch, device: torch.device
) -> npt.NDArray[np.float32]:
    """Logits (sample,) of stamps with the metadata columns that the preparation expects, NaN for those without weight."""
    images, metadata = preprocessing.prepare(stamps.images, stamps.metadata, device)
    logits: npt.NDArray[np.float32] = network(images, metadata).float().cpu().numpy()
    logits[stamps.weights.numpy() == 0] = np.nan
    return logits
