"""Pairs for the gates on a network: drawn ones, read once, and a few made by hand whose every figure is known."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.locations import location
from tests.trainer.drawn_judges import DrawnJudge, arc
from tests.trainer.gate_stamps import write_pairs
from trainer.model_gates.judged_stamps import JudgedStamps, Pairs, judge_stamps


@pytest.fixture(scope="session")
def clean(tmp_path_factory: pytest.TempPathFactory) -> JudgedStamps:
    """Pairs without a fault; read only."""
    directory = write_pairs(tmp_path_factory.mktemp("model gates"), {"test": 251})
    return judge_stamps(location(str(directory.stamps)), "test", 10**6, 1, DrawnJudge(arc))


@pytest.fixture
def by_hand() -> Pairs:
    """Four pairs of 16 pixels, alike but for their noise: an arc of 8 pixels, 0.1, 0.2 and 0.4 nMgy each in g, r and z."""
    rng = np.random.default_rng(4)
    sigma = np.tile([0.01, 0.02, 0.04], (4, 1))
    control = (rng.normal(0, 1, (4, 3, 16, 16)) * sigma[:, :, None, None]).astype(np.float32)
    lens = control.copy()
    lens[:, :, 3, 4:12] += np.array([0.1, 0.2, 0.4], np.float32)[:, None]
    control_logits = np.array([-2.0, -1.0, 0.0, 1.0])
    return Pairs(
        rows=np.arange(0, 8, 2),
        lens=lens,
        control=control,
        metadata=np.arange(8.0).reshape(4, 2),
        lens_logits=control_logits + np.array([1.0, 2.0, 3.0, 4.0]),
        control_logits=control_logits,
        theta_e_arcsec=np.array([1.0, 1.5, 2.0, 2.5]),
        arc_snr=np.array([10.0, 20.0, 30.0, 40.0]),
        fwhm_arcsec=np.tile([1.3, 1.2, 1.1], (4, 1)),
        sky_sigma=sigma,
        x_pix=np.full(4, 8.0),
        y_pix=np.full(4, 7.5),
        hosts=np.array(["a", "b", "c", "c"]),
        units=np.array([5, 6, 6, 7]),
        unit="cell",
    )
