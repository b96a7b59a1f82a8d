"""Real lenses beside injected ones: which are taken, how hosts are matched, and what the probe says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.trainer import drawn_judges as judges
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Gate, Verdict
from trainer.judge import Images, Numbers
from trainer.model_gates.judged_stamps import JudgedStamps, Pairs, Threshold, pairs_of
from trainer.model_gates.real_lenses import RealLenses
from trainer.model_gates.realism_probe import host_light, match_hosts, realism_gate

HOW = Chance(draws=60, seed=1)
THRESHOLD = Threshold(0.0, 0.01, 100)


class Features:
    """A judge whose features are how rough a stamp is, its arc, and its middle."""

    columns: tuple[str, ...] = ()

    def logits(self, images: Images, metadata: Numbers) -> Numbers:
        return judges.arc(images, metadata)

    def features(self, images: Images, metadata: Numbers) -> Numbers:
        reads = (judges.texture, judges.arc, judges.central_brightness)
        return np.stack([read(images, metadata) for read in reads], axis=1)


@pytest.fixture(scope="module")
def both(clean: JudgedStamps) -> tuple[Pairs, RealLenses]:
    """The same kind of lenses twice, under other names."""
    pairs = pairs_of(clean)
    injected, rest = pairs.of(np.arange(150)), pairs.of(np.arange(150, 250))
    names = np.array([f"J{n:04d}" for n in range(100)])
    return injected, RealLenses(names, rest.lens, rest.metadata, rest.x_pix, rest.y_pix)


def rougher(real: RealLenses) -> RealLenses:
    noise = np.random.default_rng(5).normal(0, 0.012, real.images.shape)
    return replace(real, images=(real.images + noise).astype(np.float32))


def value_of(gate: Gate) -> float:
    assert gate.interval is not None
    return gate.interval.value


def test_lenses_of_one_kind_are_not_told_apart_and_rougher_ones_are_and_neither_is_a_verdict(
    both: tuple[Pairs, RealLenses],
) -> None:
    pairs, real = both
    alike, other = (realism_gate(Features(), pairs, some, THRESHOLD, HOW) for some in (real, rougher(real)))
    assert alike.verdict is other.verdict is Verdict.CONFOUNDED
    assert alike.interval is not None and alike.interval.low < 0.5 < alike.interval.high
    assert value_of(other) > 0.95
    assert alike.behind.unit == "host"
    assert alike.why.startswith("not a verdict: the two differ by selection, seeing and depth too; two halves of the injected")
    table = other.evidence.table
    assert table is not None
    rows = {row[0].split(",")[0] if "share" in row[0] else row[0]: row[1] for row in table.rows}
    assert abs(float(rows["AUC, injected against injected"].split()[0]) - 0.5) < 0.2
    assert {"real: share called lenses", "injected: share called lenses"} <= set(rows)


def test_without_real_lenses_or_with_few_there_is_no_figure(both: tuple[Pairs, RealLenses]) -> None:
    pairs, real = both
    gate = realism_gate(Features(), pairs, None, THRESHOLD, HOW)
    assert (gate.verdict, gate.interval) == (Verdict.NOT_SUPPORTED, None)
    assert gate.why == "no real lenses were given: --integrity and --anchor-cutouts name them"
    few = replace(real, **{name: value[:39] for name, value in vars(real).items()})
    gate = realism_gate(Features(), pairs, few, THRESHOLD, HOW)
    assert gate.interval is None
    assert " real lenses of 39 and " in gate.why and gate.why.endswith("with hosts alike; wanted 40 of each")


def test_features_that_never_vary_give_no_figure(both: tuple[Pairs, RealLenses]) -> None:
    class Constant(Features):
        def features(self, images: Images, metadata: Numbers) -> Numbers:
            return np.ones((len(images), 2))

    gate = realism_gate(Constant(), *both, THRESHOLD, HOW)
    assert (gate.interval, gate.why) == (None, "a fold of hosts lacks real or injected lenses, or no feature varies")


def galaxy(mag: float, colour: float) -> Images:
    """A galaxy of 3 x 3 pixels in the middle of 40."""
    image = np.zeros((3, 40, 40), np.float32)
    for band, m in enumerate((mag + colour, mag, mag - 0.7)):
        image[band, 19:22, 19:22] = 10 ** (0.4 * (22.5 - m)) / 9
    return image


def sets(by_hand: Pairs, ours: list[tuple[float, float]], theirs: list[tuple[float, float]]) -> tuple[Pairs, RealLenses]:
    middle = 20.0
    pairs = by_hand.of(np.arange(len(ours)))
    place = np.full(len(ours), middle)
    pairs = replace(pairs, lens=np.stack([galaxy(*one) for one in ours]), x_pix=place, y_pix=place)
    there = np.full(len(theirs), middle)
    names = np.array([f"J{n}" for n in range(len(theirs))])
    return pairs, RealLenses(names, np.stack([galaxy(*one) for one in theirs]), np.empty((len(theirs), 0)), there, there)


def test_light_is_measured_about_the_galaxy_and_none_is_nan() -> None:
    images = np.stack([galaxy(18.0, 1.2), -galaxy(18.0, 1.2)])
    images[:, :, 0] = 5.0  # a neighbour beyond the aperture
    found = host_light(images, np.full(2, 20.0), np.full(2, 20.0))
    np.testing.assert_allclose(found[0], [18.0, 1.2], atol=1e-4)
    assert np.isnan(found[1]).all()


def test_each_real_lens_gets_the_nearest_and_none_is_taken_twice(by_hand: Pairs) -> None:
    ours = [(18.0, 1.2), (18.2, 1.2), (18.9, 1.2), (18.0, 2.0)]
    matched = match_hosts(*sets(by_hand, ours, [(18.19, 1.2), (18.01, 1.2), (21.0, 1.2)]))
    assert matched.real.tolist() == [0, 1]  # the third has none within half a magnitude
    assert matched.injected.tolist() == [1, 0]  # 18.9 is within none's half magnitude, 2.0 not of their colour
    np.testing.assert_allclose(matched.host_of_real[:, 0], [18.19, 18.01], atol=1e-4)


def test_a_real_lens_gets_up_to_two_after_each_has_had_its_first(by_hand: Pairs) -> None:
    ours = [(18.0, 1.2), (18.1, 1.2), (18.2, 1.2), (18.3, 1.2)]
    matched = match_hosts(*sets(by_hand, ours, [(18.0, 1.2)]))
    assert matched.injected.tolist() == [0, 1]
    matched = match_hosts(*sets(by_hand, ours[:3], [(18.0, 1.2), (18.0, 1.2)]))
    assert matched.injected.tolist() == [0, 1, 2]
    assert matched.real.tolist() == [0, 1]


def test_a_host_without_light_is_like_nothing(by_hand: Pairs) -> None:
    pairs, real = sets(by_hand, [(18.0, 1.2)] * 2, [(18.0, 1.2)])
    dark = replace(real, images=-real.images)
    matched = match_hosts(pairs, dark)
    assert len(matched.real) == len(matched.injected) == 0
    gate = realism_gate(Features(), pairs, dark, THRESHOLD, HOW)
    assert gate.why == "0 real lenses of 1 and 0 injected ones with hosts alike; wanted 40 of each"
