"""Grouped cross-validation: what a classifier can and cannot tell, and that it never judges a host that it was fitted on."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from trainer.gates.class_scores import _TREES, Chance, ClassScores, _boosted, class_scores
from trainer.gates.gated_stamps import host_hashes

HOW = Chance(draws=60, seed=1)
N = 1200


def hashes(hosts: np.ndarray) -> np.ndarray:
    return host_hashes([str(host) for host in hosts.tolist()], 1)


def scored(features: np.ndarray, lens: np.ndarray, hosts: np.ndarray, *, trees: bool = True) -> ClassScores:
    found = class_scores(features, lens, hashes(hosts), hosts // 10, HOW, trees=trees)
    assert found is not None
    return found


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_of_noise_the_auc_is_chance(rng: np.random.Generator) -> None:
    lens = np.arange(N) % 2 == 0
    auc = scored(rng.normal(size=(N, 10)), lens, np.arange(N)).auc
    assert auc.low < 0.5 < auc.high + 0.02
    assert auc.high < 0.6


def test_features_that_name_the_host_tell_nothing_since_a_host_is_never_on_both_sides(rng: np.random.Generator) -> None:
    hosts = np.arange(N) // 6
    lens = rng.permutation(N // 6)[hosts] % 2 == 0
    names = rng.normal(size=(N // 6, 8))[hosts]
    assert scored(names, lens, hosts).auc.value < 0.6
    apart = class_scores(names, lens, hashes(np.arange(N)), hosts, HOW)  # as if each stamp had a host of its own
    assert apart is not None
    assert apart.auc.value > 0.8


def test_a_shift_of_one_feature_is_found_with_the_auc_that_it_has(rng: np.random.Generator) -> None:
    lens = np.arange(N) % 2 == 0
    features = rng.normal(size=(N, 5))
    features[:, 3] += lens
    assert scored(features, lens, np.arange(N)).auc.value == pytest.approx(0.76, abs=0.03)  # Φ(1/√2)


def test_trees_see_what_a_regression_is_blind_to(rng: np.random.Generator) -> None:
    features = rng.normal(size=(N, 2))
    lens = (features[:, 0] > 0) == (features[:, 1] > 0)
    assert scored(features, lens, np.arange(N), trees=False).auc.value < 0.6
    assert scored(features, lens, np.arange(N)).auc.value > 0.75


def test_nan_is_a_value_and_columns_that_never_vary_do_no_harm(rng: np.random.Generator) -> None:
    lens = np.arange(N) % 2 == 0
    features = np.column_stack([np.full(N, np.nan), np.ones(N), rng.normal(size=N) + lens])
    features[::7, 2] = np.nan
    assert 0.65 < scored(features, lens, np.arange(N)).auc.value < 0.8
    assert class_scores(features[:, :2], lens, hashes(np.arange(N)), np.arange(N), HOW) is None


def test_classes_that_are_twenty_times_as_many_change_nothing(rng: np.random.Generator) -> None:
    lens = np.arange(6000) % 20 == 0
    features = rng.normal(size=(6000, 1)) + lens[:, None]
    assert scored(features, lens, np.arange(6000)).auc.value == pytest.approx(0.76, abs=0.04)


def test_the_trees_judge_as_those_of_the_learner_alone_where_the_classes_are_as_many(rng: np.random.Generator) -> None:
    features = np.column_stack([rng.normal(size=(N, 3)), rng.integers(0, 9, N), rng.lognormal(size=N)])
    features[::7, 0], features[::5, 3] = np.nan, np.nan
    features[:, 2] = np.round(features[:, 2], 1)  # values that many share
    lens = np.arange(N) % 2 == 0
    features[lens, 4] *= 1.5
    judged = np.concatenate([features + np.array([0, 0.01, 0, 0, 0]), [[9, -9, 9, 99, 1e9], [-9, 9, np.nan, -1, 0]]])
    alone = HistGradientBoostingClassifier(**_TREES, early_stopping=False, class_weight="balanced", random_state=1)
    assert np.array_equal(_boosted(features, lens, judged, 1), alone.fit(features, lens).decision_function(judged))


def test_a_rare_flag_of_lenses_is_seen_by_the_trees(rng: np.random.Generator) -> None:
    lens = np.arange(3000) % 3 == 0
    flag = np.where(lens & (rng.uniform(size=3000) < 0.05), 1.0, 0.0)
    scores = _boosted(np.column_stack([flag, rng.normal(size=3000)]), lens, np.array([[0.0, 0.0], [1.0, 0.0]]), 1)
    assert scores[1] - scores[0] > 2


def test_a_fold_without_one_of_the_classes_is_no_figure(rng: np.random.Generator) -> None:
    lens = np.arange(40) < 2
    assert class_scores(rng.normal(size=(40, 2)), lens, hashes(np.arange(40)), np.arange(40), HOW) is None


def test_the_same_samples_give_the_same_ranks(rng: np.random.Generator) -> None:
    lens, features = np.arange(N) % 2 == 0, rng.normal(size=(N, 4))
    once, again = scored(features, lens, np.arange(N)), scored(features, lens, np.arange(N))
    assert np.array_equal(once.ranks, again.ranks)
    assert once.auc == again.auc
