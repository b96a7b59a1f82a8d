"""Rings on galaxies: each is as bright, as wide and as coloured as it says, and who loves rings is found out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from tests.synthetic_stamps import SIGMA
from tests.trainer.drawn_judges import DrawnJudge
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Verdict
from trainer.judge import Images, Numbers
from trainer.model_gates import ring_family
from trainer.model_gates.judged_stamps import JudgedStamps, Threshold
from trainer.model_gates.ring_family import (
    IMPOSSIBLE_ARCSEC,
    MAGNITUDES,
    RADII_ARCSEC,
    Hosts,
    host_colours,
    impossible_ring_gate,
    plain_hosts,
    ring_profile,
    ring_surfaces,
    seed_ring_gate,
)
from trainer.model_gates.ring_figures import Surface, surface_drawing

HOW = Chance(draws=60, seed=1)
ZERO = Threshold(0.0, 0.01, 100)
NEVER = Threshold(math.inf, 0.01, 100)


def of_any_ring(added: Images, colours: Numbers) -> Numbers:
    """One that loves rings: the r flux that was added, a lens above r = 21.75."""
    return np.asarray(added[:, 1].sum((1, 2)) / 2 - 1, np.float64)


def of_blue_rings(added: Images, colours: Numbers) -> Numbers:
    """One that knows lensed galaxies: light that was added and is bluer than the host."""
    blue = added[:, 0] - colours[:, [0], None] * added[:, 1]
    return np.asarray(blue.sum((1, 2)) / 2 - 1, np.float64)


def of_added(
    read: Callable[[Images, Numbers], Numbers], hosts: Images, colours: Numbers, images: Images, metadata: Numbers
) -> Numbers:
    return read(images - hosts, colours)


class Recorder:
    """Remembers what it was asked."""

    columns: tuple[str, ...] = ()

    def __init__(self) -> None:
        self.asked: list[Images] = []

    def logits(self, images: Images, metadata: Numbers) -> Numbers:
        self.asked.append(images)
        return np.zeros(len(images))

    def features(self, images: Images, metadata: Numbers) -> Numbers:
        raise AssertionError("rings are judged by logits alone")


@pytest.fixture
def three() -> Hosts:
    """Three galaxies of other colours about the same place, without noise."""
    y, x = np.mgrid[:64, :64]
    galaxy = np.exp(-((x - 31.5) ** 2 + (y - 32.25) ** 2) / 8)
    bands = np.array([[0.2, 1.0, 2.0], [0.5, 1.0, 1.5], [0.1, 1.0, 4.0]])
    images = (bands[:, :, None, None] * galaxy).astype(np.float32)
    of_one = np.full(3, 1.0)
    noise = np.tile(list(SIGMA.values()), (3, 1))
    return Hosts(np.arange(3), images, np.zeros((3, 0)), np.zeros(3), 31.5 * of_one, 32.25 * of_one, 2.0 * of_one, noise)


def first(hosts: Hosts, count: int) -> Hosts:
    return replace(hosts, **{name: value[:count] for name, value in vars(hosts).items()})


def uncalled(hosts: Hosts) -> Hosts:
    return replace(hosts, logits=np.full(len(hosts.rows), -1.0))


def with_logits(stamps: JudgedStamps, of_lenses: Numbers) -> JudgedStamps:
    logits = np.full(len(stamps.logits), -1.0)
    logits[stamps.stamps.lens] = of_lenses
    return replace(stamps, logits=logits)


def test_one_that_knows_lensed_galaxies_passes_and_one_that_loves_rings_fails(clean: JudgedStamps) -> None:
    stamps, hosts = with_logits(clean, np.where(np.arange(250) % 5, 1.0, -1.0)), first(uncalled(plain_hosts(clean)), 30)
    gates = {}
    for read in (of_blue_rings, of_any_ring):
        judge = DrawnJudge(partial(of_added, read, hosts.images, host_colours(hosts)))
        gates[read] = impossible_ring_gate(judge, stamps, hosts, ZERO, HOW)
    good, bad = gates[of_blue_rings], gates[of_any_ring]
    assert (good.verdict, bad.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert bad.interval is not None and bad.interval.value == pytest.approx(2 / 3 / 0.8)  # r = 20 and 21, not 22
    assert len(good.evidence.drawings) == 4  # one a colour
    assert (good.behind.n_positive, good.behind.n_negative) == (250, 30)
    words = good.evidence.drawings[0].alt
    assert "rings in a lensed galaxy's colours" in words and "r = 19: 1.00" in words


def test_the_figure_is_the_share_of_impossible_rings_over_that_of_lenses(
    clean: JudgedStamps, monkeypatch: pytest.MonkeyPatch
) -> None:
    hosts = uncalled(plain_hosts(clean))
    called = np.zeros((len(RADII_ARCSEC), len(MAGNITUDES), len(hosts.rows)))
    called[RADII_ARCSEC.index(IMPOSSIBLE_ARCSEC), MAGNITUDES.index(21.0)] = 1  # one of the three magnitudes that count
    called[0] = called[:, MAGNITUDES.index(19.0)] = called[:, MAGNITUDES.index(23.0)] = 1
    other = Surface(np.ones_like(called), np.ones_like(called))
    surfaces = {"host's colours": Surface(called, called), "grey": other}
    monkeypatch.setattr(ring_family, "ring_surfaces", lambda *_: surfaces)
    stamps = with_logits(clean, np.where(np.arange(250) % 2, 1.0, -1.0))
    gate = impossible_ring_gate(Recorder(), stamps, hosts, ZERO, HOW)
    assert gate.interval is not None and gate.interval.value == pytest.approx(1 / 3 / 0.5)
    already = replace(hosts, logits=np.where(np.arange(len(hosts.rows)) % 6, -1.0, 1.0))  # galaxies that are called without it
    less = impossible_ring_gate(Recorder(), stamps, already, ZERO, HOW)
    assert less.interval is not None and less.interval.value == pytest.approx((1 / 3 - 1 / 6) / 0.5)


def test_where_no_lens_is_called_one_and_of_few_hosts_nothing_is_said(clean: JudgedStamps) -> None:
    hosts = plain_hosts(clean)
    gate = impossible_ring_gate(Recorder(), clean, hosts, NEVER, HOW)
    assert (gate.verdict, gate.interval) == (Verdict.NOT_SUPPORTED, None)
    assert gate.why == "no lens of the split is called one at this threshold"
    few = first(hosts, 29)
    for room in (impossible_ring_gate, seed_ring_gate):
        gate = room(Recorder(), clean, few, NEVER, HOW)
        assert gate.interval is None
        assert gate.why.startswith("too few objects: ") and "29 others; wanted 30 of each" in gate.why


def test_the_failed_experiments_ring_is_its_own_to_the_last_digit(clean: JudgedStamps) -> None:
    hosts, recorder = plain_hosts(clean), Recorder()
    gate = seed_ring_gate(recorder, clean, hosts, Threshold(-1.0, 0.01, 100), HOW)
    y, x = np.mgrid[:64, :64]
    ring = 0.01 * np.exp(-((np.hypot(x - 32, y - 32) - 15) ** 2) / 20)
    (asked,) = recorder.asked
    for band in range(3):
        np.testing.assert_array_equal(asked[:, band], (hosts.images[:, band] + ring).astype(np.float32))
    assert gate.verdict is Verdict.CONFOUNDED
    assert gate.interval is not None and gate.interval.value == 1.0  # the recorder says 0, above the threshold of -1
    assert gate.why == "not a verdict: the ring is as bright as an arc of r = 20.3, seen at 56 sigma"
    table = gate.evidence.table
    assert table is not None and "0.0001, 1.0000" in table.caption
    before = 1 / (1 + np.exp(-hosts.logits))
    assert [row[2] for row in table.rows] == [f"{np.median(before):.4f}", "0.5000"]
    assert float(table.rows[0][1].split()[0]) == pytest.approx(before.mean(), abs=6e-4)


def test_every_ring_has_its_magnitude_radius_width_and_colours(three: Hosts) -> None:
    recorder = Recorder()
    surfaces = ring_surfaces(recorder, three, NEVER)
    assert list(surfaces) == [
        "a lensed galaxy's colours",
        "host's colours",
        "grey",
        "grey, as wide as the failed experiment's",
    ]
    each = len(RADII_ARCSEC) * len(MAGNITUDES)
    assert len(recorder.asked) == 4 * each
    y, x = np.mgrid[:64, :64]
    r = np.hypot(x - 31.5, y - 32.25) * 0.262
    colours: dict[int, list[list[float]]] = {
        0: [[10**-0.12, 1, 10**0.08]] * 3,
        1: [[0.2, 1, 2], [0.5, 1, 1.5], [0.1, 1, 4]],
        2: [[1, 1, 1]] * 3,
    }
    colours[3] = colours[2]
    for family in range(4):
        for n, radius in enumerate(RADII_ARCSEC[:-1]):  # the largest runs off the stamp's edge
            added = recorder.asked[family * each + n * len(MAGNITUDES) + 1].astype(np.float64) - three.images
            flux = added.sum((2, 3))
            np.testing.assert_allclose(22.5 - 2.5 * np.log10(flux[:, 1]), MAGNITUDES[1], atol=1e-4)
            np.testing.assert_allclose(flux / flux[:, [1]], np.array(colours[family]), rtol=1e-3)
            if radius >= 3:
                # A ring of width w about R has its mean radius at R + w^2 / R, since it has more pixels outside.
                width = math.sqrt(10) if family == 3 else 2.0
                middle, apart = radius + (0.262 * width) ** 2 / radius, np.abs(r - radius) / 0.262
                np.testing.assert_allclose((added[:, 1] * r).sum((1, 2)) / flux[:, 1], middle, rtol=0.01)
                rms = np.sqrt((added[:, 1] * apart**2).sum((1, 2)) / flux[:, 1])
                np.testing.assert_allclose(rms, width, rtol=0.03)


def test_a_surface_holds_what_is_called_by_radius_magnitude_and_host(three: Hosts) -> None:
    biased = np.array([0.0, 0.0, 99.0])
    flux_r = DrawnJudge(lambda images, metadata: (images - three.images)[:, 1].sum((1, 2), dtype=np.float64) + biased)
    bright = 10 ** (0.4 * (22.5 - 20.5))
    grey = ring_surfaces(flux_r, three, Threshold(bright, 0.01, 100))["grey"]
    np.testing.assert_array_equal(grey.called[:, :, 0], np.tile([1, 1, 0, 0, 0], (6, 1)))
    assert grey.called[:, :, 2].all()
    expected = 1 / (1 + np.exp(-(10 ** (0.4 * (22.5 - np.array(MAGNITUDES))))))
    np.testing.assert_allclose(grey.probability[1, :, 0], expected, rtol=1e-4)


def test_a_rings_crest_is_one_at_its_radius() -> None:
    ring = ring_profile(33, np.array([16.0]), np.array([16.0]), 10.0, np.array([2.0]))
    assert ring[0, 16, 26] == ring[0, 6, 16] == 1.0
    assert ring[0, 16, 28] == pytest.approx(math.exp(-0.5))


def test_colours_are_those_of_the_middle_and_grey_where_it_has_no_light(three: Hosts) -> None:
    images = three.images.copy()
    images[:, 0, :, 50:] = 7.0  # a neighbour far out
    images[2, 2] = -1.0
    found = host_colours(replace(three, images=images))
    np.testing.assert_allclose(found, np.array([[0.2, 1, 2], [0.5, 1, 1.5], [1, 1, 1]]), rtol=1e-5)


def test_hosts_are_controls_one_stamp_each_that_could_be_read(clean: JudgedStamps, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(plain_hosts(clean).rows) == 60
    monkeypatch.setattr(ring_family, "MOST_HOSTS", 1000)
    logits, names = clean.logits.copy(), clean.stamps.hosts.copy()
    controls = np.flatnonzero(clean.stamps.control)
    logits[controls[0]] = np.nan
    names[controls[5]] = names[controls[6]]
    changed = replace(clean, logits=logits, stamps=replace(clean.stamps, hosts=names))
    rows = plain_hosts(changed).rows
    assert clean.stamps.control[rows].all()
    assert sorted(set(controls) - set(rows)) in ([controls[0], controls[5]], [controls[0], controls[6]])


def test_a_map_says_its_shares_in_words() -> None:
    called = np.zeros((2, 2, 4))
    called[1, 0, :3] = 1
    drawing = surface_drawing("grey", Surface(called, called), (1.0, 5.5), (20.0, 22.0))
    assert drawing.alt == (
        "Map of the share called lenses, rings in grey, radii 1, 5.5 arcsec. r = 20: 0.00, 0.75; r = 22: 0.00, 0.00."
    )
    assert drawing.caption == "Share of galaxies called lenses with a ring on them: grey. Upwards the ring is brighter."
