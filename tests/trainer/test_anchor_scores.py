"""Recall on real lenses: only of an accepted set, by stratum, with exact intervals; whatever does not belong is refused."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from scipy.stats import binomtest

from schemas.job_entry import InputError
from tests.trainer.real_lens_runs import LOGITS, NAMES, NORTH, PLACES, SOUTH, rescored, write_anchor_scores, write_set
from tests.trainer.report_runs import CHECKPOINT
from trainer.anchor_scores import (
    CAMERAS,
    AnchorPaths,
    AnchorScores,
    Cut,
    Recall,
    ScoredAnchor,
    anchors_standing,
    contaminants_called,
    fixed_cuts,
    read_anchor_scores,
    recall_by_chance,
    recall_by_part,
    recall_by_stratum,
)

ZERO = [Cut("zero", 0.0)]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> AnchorPaths:
    return write_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def scores(paths: AnchorPaths) -> AnchorScores:
    return read_anchor_scores(paths)


def counts(records: Sequence[Recall], by: str | None = None) -> dict[str, tuple[int, int]]:
    return {one.group: (one.found, one.n) for one in records if by in (None, one.by)}


def test_every_anchor_that_holds_has_its_own_score_highest_first(scores: AnchorScores) -> None:
    holding = {name: logit for name, logit in LOGITS.items() if name != "x0"}
    assert {one.name: one.logit for one in scores.anchors} == holding
    assert [one.logit for one in scores.anchors] == sorted(holding.values(), reverse=True)
    assert {one.name for one in scores.lenses} == {*NORTH, *SOUTH} and len(scores.contaminants) == 4
    assert scores.checkpoint_hash == CHECKPOINT and scores.unscored == ()


def test_strata_are_discovery_by_camera_and_nothing_is_pooled(scores: AnchorScores) -> None:
    records = recall_by_stratum(scores, ZERO)
    assert counts(records) == {
        f"spectroscopy, {CAMERAS[1]}": (5, 10),  # 2, 1.5, 1, 0.5 and 0 itself
        f"ground_imaging, {CAMERAS[0]}": (9, 9),
        f"space_imaging, {CAMERAS[0]}": (0, 1),
    }
    assert all(one.pooled_over == "" for one in records)


def test_parts_say_what_they_are_pooled_over(scores: AnchorScores) -> None:
    records = recall_by_part(scores, ZERO)
    assert counts(records, "camera") == {CAMERAS[0]: (9, 10), CAMERAS[1]: (5, 10)}
    assert counts(records, "all") == {"all lenses": (14, 20)}
    assert counts(records, "discovery") == {"spectroscopy": (5, 10), "ground_imaging": (9, 9), "space_imaging": (0, 1)}
    assert all(one.pooled_over for one in records)


def test_einstein_radii_fall_into_their_group_and_an_unknown_one_is_told(scores: AnchorScores) -> None:
    found = counts(recall_by_part(scores, ZERO), "Einstein radius")
    assert {group: n for group, (_, n) in found.items()} == {
        "θE below 1″": 1,
        "θE 1 to 1.5″": 3,  # 1.0, 1.49, 1.2
        "θE 1.5 to 2″": 1,
        "θE 2″ and more": 1,
        "θE not known": 14,
    }


def test_the_edge_between_cameras_is_where_the_surveys_meet() -> None:
    def camera(dec: float) -> str:
        return ScoredAnchor("x", "lens", 1, "unknown", dec, None, 0.0).camera

    assert [camera(dec) for dec in (-20.0, 32.37, 32.38, 60.0)] == [CAMERAS[0]] * 2 + [CAMERAS[1]] * 2


def test_intervals_are_exact_binomial(scores: AnchorScores) -> None:
    for record in recall_by_stratum(scores, ZERO):
        known = binomtest(record.found, record.n).proportion_ci(0.95, "exact")
        assert (record.share.low, record.share.high) == pytest.approx((known.low, known.high))


def test_the_cuts_in_p_are_those_of_the_failed_experiment(scores: AnchorScores) -> None:
    low, half = fixed_cuts()
    assert (low.name, half.name, half.logit) == ("p ≥ 0.3", "p ≥ 0.5", 0.0)
    assert 1 / (1 + math.exp(-low.logit)) == pytest.approx(0.3)
    found = [record.found for record in recall_by_part(scores, [low, half]) if record.by == "all"]
    assert found == [16, 14]  # -0.5 twice lies between the two


def test_contaminants_are_counted_by_class(scores: AnchorScores) -> None:
    assert counts(contaminants_called(scores, ZERO)) == {"ring": (1, 2), "spiral": (0, 1), "merger": (0, 1)}


def test_chance_is_what_random_sky_gives(scores: AnchorScores) -> None:
    assert counts(recall_by_chance(scores, ZERO)) == {"random sky": (1, 25)}
    assert recall_by_chance(replace(scores, random_sky=None), ZERO) == []


def test_a_probability_does_not_overflow() -> None:
    far = [ScoredAnchor("x", "lens", 1, "unknown", 0.0, None, logit).p for logit in (-1e4, -2.0, 0.0, 1e4)]
    assert far == [0.0, pytest.approx(0.1192029), 0.5, 1.0]


def test_an_anchor_without_a_score_is_named_and_in_no_figure(paths: AnchorPaths, tmp_path: Path) -> None:
    some = {name: logit for name, logit in LOGITS.items() if name != "s9"} | {"s8": math.nan}
    found = read_anchor_scores(rescored(paths, tmp_path / "s", some))
    assert found.unscored == ("s8", "s9")
    assert counts(recall_by_part(found, ZERO), "all") == {"all lenses": (13, 18)}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> AnchorPaths:
    """Three of twelve places hold nothing."""
    return write_set(tmp_path_factory.mktemp("refused"), {name: PLACES[name] for name in NAMES[:12]}, ("n1", "n4", "s0"))


def test_a_refused_set_gives_no_recall_and_says_what_is_wrong(refused: AnchorPaths) -> None:
    with pytest.raises(InputError, match=r"the anchors are refused, 3 of 12 anchors fail.*wanted a set that is accepted"):
        read_anchor_scores(refused)
    standing = anchors_standing(refused)
    assert not standing.accepted and "3 of 12 anchors fail" in standing.why
    assert [one.name for one in standing.findings] == ["n1", "n4", "s0"]
    assert all(one.judged and one.finding for one in standing.findings)


def test_an_anchor_that_fails_is_in_no_figure_of_an_accepted_set(paths: AnchorPaths, scores: AnchorScores) -> None:
    standing = anchors_standing(paths)
    assert standing.accepted and [one.name for one in standing.findings] == ["x0"]
    assert "x0" not in {one.name for one in scores.anchors} and "x0" not in scores.unscored


def test_the_integrity_of_another_table_is_refused(paths: AnchorPaths, refused: AnchorPaths) -> None:
    wanted = r"integrity .* has anchors with hash \w{16} \(1 files\), .* has \w{16} .*; wanted the integrity of these anchors"
    with pytest.raises(InputError, match=wanted):
        read_anchor_scores(replace(paths, integrity=refused.integrity))
    with pytest.raises(InputError, match="wanted the integrity of these cutouts"):
        read_anchor_scores(replace(paths, cutouts=refused.cutouts))


def test_scores_of_another_run_are_refused(paths: AnchorPaths, refused: AnchorPaths) -> None:
    with pytest.raises(
        InputError, match=r"anchor scores .* has source \w{16}, .*cutouts has \w{16}; wanted scores of these cut"
    ):
        read_anchor_scores(replace(paths, scores=refused.scores))


def test_scores_of_an_object_that_is_no_anchor_are_refused(paths: AnchorPaths, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds 'stranger', which the anchors table does not"):
        read_anchor_scores(rescored(paths, tmp_path / "s", LOGITS | {"stranger": 1.0}))


def test_no_scores_at_all_are_refused(paths: AnchorPaths, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no scores; wanted the scores of one"):
        read_anchor_scores(rescored(paths, tmp_path / "s", {}))


def test_random_sky_must_be_random_and_scored_by_the_same_network(paths: AnchorPaths, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds scores of the anchors .* themselves; wanted those of random sky"):
        read_anchor_scores(replace(paths, random_sky_scores=paths.scores))
    sky = paths.cutouts.parent / "sky_cutouts"
    other = write_anchor_scores(tmp_path / "s", sky, {"s0": 1.0}, "0" * 16)
    with pytest.raises(InputError, match=rf"has checkpoint {'0' * 16}, .* has {CHECKPOINT}; wanted random sky and anchors"):
        read_anchor_scores(replace(paths, random_sky_scores=other))
