"""Twenty steps on a CPU end where they ended when the curve was drawn: no change of the trainer goes unseen.

``golden_losses.json`` says with what it was made; ``python -m tests.trainer.test_golden_curve`` draws it anew.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.trainer.tiny_training import CPU, small_stamps
from trainer.epoch_pass import prepared_step
from trainer.stamp_catalogue import load_catalogue
from trainer.step_watch import StepWatch
from trainer.train import checked_batches, starting_point
from trainer.train_settings import settings_from
from trainer.training_loop import learner_of

GOLDEN = Path(__file__).with_name("golden_losses.json")
SETTINGS = {
    "data": {"workers": 0, "lanes": 4},
    "network": {"backbone": "convnext_mini", "stem_stride": 2, "drop_path": 0.1},
    "augmentation": {"shift_pix": 0.5, "noise_sigma": 0.2},
    "loss": {"label_smoothing": 0.02},
    "optimisation": {"epochs": 4, "batch_size": 16, "learning_rate": 0.0007, "warmup_epochs": 0.5},
}


def losses(folder: Path, steps: int = 20) -> list[float]:
    """The mean loss of each of the first steps of a training on small stamps."""
    from trainer.checkpoint import Origin
    from trainer.epoch_pass import set_chance
    from trainer.optimisation import learning_rate

    stamps = small_stamps(folder, train_pairs=45, size=32, ring=0.05).stamps
    settings = settings_from(SETTINGS, "of the golden curve")
    training = load_catalogue(stamps, "train", settings.metadata_columns, measure=True)
    validation = load_catalogue(stamps, "val", settings.metadata_columns)
    batches, _ = checked_batches(training, validation, settings)
    learner = learner_of(starting_point(folder, settings, training, Origin("", "", "", None, 32), CPU), CPU)
    watch, found = StepWatch(learner.optimiser, CPU), []
    while len(found) < steps:
        epoch = len(found) // batches.plan.batches
        set_chance(learner, epoch, None)
        learner.checkpoint.network.train()
        for number, batch in enumerate(batches.passing(epoch), len(found)):
            for group in learner.optimiser.param_groups:
                group["lr"] = learning_rate(number, batches.plan.batches, settings.optimisation)
            found += [loss for loss, _ in watch.take(prepared_step(learner, batch, epoch, batch.counted))]
    return found[:steps]


def test_twenty_steps_follow_the_golden_curve(tmp_path: Path) -> None:
    golden = json.loads(GOLDEN.read_text())["losses"]
    seen = losses(tmp_path)
    # Kernels of other CPUs add up in another order; over these steps that grows to a few parts in a million.
    assert seen == pytest.approx(golden, rel=1e-3)
    assert seen[:3] == pytest.approx(golden[:3], rel=1e-5)
    assert np.mean(seen[-5:]) < 0.8 * np.mean(seen[:5])


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as directory:
        made = {
            "command": "python -m tests.trainer.test_golden_curve",
            "torch": torch.__version__,
            "machine": torch.backends.cpu.get_cpu_capability(),
            "losses": losses(Path(directory)),
        }
    GOLDEN.write_text(json.dumps(made, indent=1) + "\n")
    sys.stdout.write(f"{GOLDEN}\n")
