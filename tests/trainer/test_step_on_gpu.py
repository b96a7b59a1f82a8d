"""No step of a training makes the training process wait for the GPU's answer; skipped where there is no GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.trainer.tiny_training import small_stamps
from trainer.checkpoint import Origin
from trainer.epoch_pass import prepared_step
from trainer.stamp_catalogue import load_catalogue
from trainer.step_watch import StepWatch
from trainer.train import checked_batches, starting_point
from trainer.train_settings import settings_from
from trainer.training_loop import learner_of

VARIED = {
    "shift_pix": 0.5,
    "broadening_arcsec": 0.3,
    "noise_sigma": 0.2,
    "flux_jitter_mag": 0.05,
    "background_sigma": 0.1,
    "core_dropout": 0.2,
}


@pytest.fixture
def waiting_forbidden() -> Iterator[None]:
    yield
    torch.cuda.set_sync_debug_mode("default")


@pytest.mark.filterwarnings("ignore:Synchronization debug mode")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU on this machine")
@pytest.mark.parametrize("normalisation", [{"kind": "asinh", "residual": "azimuthal_median"}, {"kind": "gen5"}])
def test_steps_do_not_wait_for_the_gpu(tmp_path: Path, normalisation: dict[str, Any], waiting_forbidden: None) -> None:
    device = torch.device("cuda", 0)
    settings = settings_from(
        {
            "data": {"workers": 0, "lanes": 4},
            "network": {"backbone": "convnext_mini", "stem_stride": 2, "drop_path": 0.1},
            "normalisation": normalisation,
            "augmentation": VARIED,
            "optimisation": {"epochs": 1, "batch_size": 16, "precision": "bfloat16"},
        },
        "of this test",
    )
    stamps = small_stamps(tmp_path, train_pairs=45, size=32, ring=0.05).stamps
    training = load_catalogue(stamps, "train", settings.metadata_columns, measure=True)
    batches, _ = checked_batches(training, load_catalogue(stamps, "val", settings.metadata_columns), settings)
    start = starting_point(tmp_path, settings, training, Origin("", "", "", None, 32), device)
    learner = learner_of(start, device)
    here = [batch.copy().each(lambda tensor: tensor.to(device)) for batch in batches.passing(0)]
    assert len(here) > 4
    watch = StepWatch(learner.optimiser, device)
    for number, batch in enumerate(here):
        torch.cuda.set_sync_debug_mode("error" if number > 1 else "default")  # the first steps lay out what is kept
        list(watch.take(prepared_step(learner, batch, 0, batch.counted)))
