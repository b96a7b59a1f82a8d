"""A network as a judge says what its scores say, alone and in a committee, and what it makes of pixels before it decides."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

import trainer.judge
from schemas.array_codec import decode_stamp
from schemas.contract_files import read_table
from schemas.locations import location
from schemas.stamps import STAMPS
from tests.synthetic_stamps import StampsDirectory
from tests.trainer.scoring_runs import logits, run
from tests.trainer.tiny_training import CPU
from trainer.committee import RULES
from trainer.judge import NetworkJudge
from trainer.model_gates.judged_stamps import judge_stamps
from trainer.score import load_members


def judge(checkpoints: Sequence[Path], rule: str = "median-logit") -> NetworkJudge:
    return NetworkJudge(load_members(checkpoints, CPU), rule, CPU)


def stamps(directory: StampsDirectory, columns: Sequence[str]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names, pixels and conditions of the test split."""
    paths = sorted((directory.stamps / "split=test").glob("*.parquet"))
    rows = [row for path in paths for row in read_table(path, STAMPS).to_pylist() if not row["reasons"]]
    told = np.array([[row[name] for name in columns] for row in rows], np.float64)
    return [row["task_id"] for row in rows], np.stack([decode_stamp(row["stamp_npz"]) for row in rows]), told


def test_its_logits_are_the_scores_of_the_same_stamps(rings: StampsDirectory, trained: Path, tmp_path: Path) -> None:
    checkpoint = trained / "best.pt"
    run(tmp_path / "scores", [checkpoint], "--stamps", rings.stamps)
    scored, network = logits(tmp_path / "scores"), judge([checkpoint])
    names, images, told = stamps(rings, network.columns)
    said = network.logits(images, told)
    assert said.shape == (118,) and said.dtype == np.float64
    np.testing.assert_allclose(said, [scored[name] for name in names], atol=1e-5)
    judged = judge_stamps(location(str(rings.stamps)), "test", 10**6, 1, network)
    np.testing.assert_allclose(judged.logits, said, atol=1e-5)


@pytest.mark.parametrize("rule", RULES)
def test_a_committee_says_what_its_rule_makes_of_members_that_are_told_different_things(
    several: StampsDirectory, networks: list[Path], tmp_path: Path, rule: str
) -> None:
    run(tmp_path / "scores", networks, "--stamps", several.stamps, "--combine", rule)
    scored, committee = logits(tmp_path / "scores"), judge(networks, rule)
    assert {"psf_fwhm_z_arcsec", "psf_fwhm_r_arcsec"} < set(committee.columns)
    names, images, told = stamps(several, committee.columns)
    np.testing.assert_allclose(committee.logits(images, told), [scored[name] for name in names], atol=1e-5)


def test_each_member_takes_its_own_conditions_by_name(several: StampsDirectory, networks: list[Path]) -> None:
    committee = judge(networks)
    _, images, told = stamps(several, committee.columns)
    z = committee.columns.index("psf_fwhm_z_arcsec")
    changed = told.copy()
    changed[:, z] += 0.5
    for member in committee.members:
        columns = member.checkpoint.preprocessing.metadata.columns
        alone = NetworkJudge([member], "median-logit", CPU)
        moved = not np.allclose(alone.logits(images, told), alone.logits(images, changed), atol=1e-6)
        assert moved == ("psf_fwhm_z_arcsec" in columns)


def test_more_images_than_are_asked_about_at_a_time_keep_their_order(
    rings: StampsDirectory, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = judge([trained / "best.pt"])
    _, images, told = stamps(rings, network.columns)
    images, told = images[:20], told[:20]
    logits_at_once, features_at_once = network.logits(images, told), network.features(images, told)
    monkeypatch.setattr(trainer.judge, "_AT_A_TIME", 7)
    np.testing.assert_allclose(network.logits(images, told), logits_at_once, atol=1e-5)
    np.testing.assert_allclose(network.features(images, told), features_at_once, atol=1e-5)


def test_features_are_what_the_head_decides_by_side_by_side_for_a_committee(
    several: StampsDirectory, networks: list[Path]
) -> None:
    committee = judge(networks)
    _, images, told = stamps(several, committee.columns)
    features = committee.features(images, told)
    widths = [member.checkpoint.network.backbone.features for member in committee.members]
    assert features.shape == (len(images), sum(widths))
    start = 0
    for member, width in zip(committee.members, widths, strict=True):
        preparation = member.checkpoint.preprocessing
        mine = [committee.columns.index(name) for name in preparation.metadata.columns]
        _, conditions = preparation.prepare(torch.from_numpy(images), torch.from_numpy(told[:, mine]), CPU)
        own = torch.from_numpy(features[:, start : start + width]).float()
        with torch.inference_mode():
            decided = member.checkpoint.network.head(own, conditions).numpy()
        alone = NetworkJudge([member], "median-logit", CPU).logits(images, told)
        np.testing.assert_allclose(decided, alone, atol=1e-5)
        start += width


def test_asking_twice_or_after_training_mode_changes_nothing(rings: StampsDirectory, trained: Path) -> None:
    network = judge([trained / "best.pt"])
    _, images, told = stamps(rings, network.columns)
    first = network.logits(images[:20], told[:20])
    network.members[0].checkpoint.network.train()
    np.testing.assert_array_equal(network.logits(images[:20], told[:20]), first)


def test_no_image_is_no_answer(trained: Path) -> None:
    network = judge([trained / "best.pt"])
    nothing = np.empty((0, 3, 32, 32), np.float32), np.empty((0, len(network.columns)))
    assert network.logits(*nothing).shape == (0,)
    assert len(network.features(*nothing)) == 0
