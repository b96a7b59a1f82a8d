"""What is no lens: prevalence as stated, brightness that tells nothing, and the form that gives each kind its name."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from standin_contaminants import Scene, kind_of, scene_of
from standin_galaxies import Host, draw_host
from standin_identity import generator
from standin_light import Frame, Pattern, Sersic
from standin_settings import Prevalence, Settings

SETTINGS = Settings()
KINDS = ("control", "companion", "spiral", "edge_on", "merger", "ring")


def host(number: int = 0) -> Host:
    return draw_host(generator(6, number), SETTINGS.parent)


def scenes(kind: str, number: int = 30) -> list[tuple[Host, Scene]]:
    return [(host(n), scene_of(kind, generator(7, kind, n), host(n))) for n in range(number)]


def test_every_kind_has_its_stated_share() -> None:
    counts = Counter(kind_of((n + 0.5) / 10000, Prevalence()) for n in range(10000))
    assert counts == {"companion": 180, "spiral": 120, "edge_on": 60, "merger": 60, "ring": 30, "control": 9550}


def test_a_drawn_sample_has_the_stated_shares() -> None:
    rng = np.random.default_rng(1)
    counts = Counter(kind_of(rng.uniform(), Prevalence()) for _ in range(40000))
    for kind, share in vars(Prevalence()).items():
        assert counts[kind] == pytest.approx(40000 * share, abs=4 * math.sqrt(40000 * share))
    assert 0.03 < 1 - counts["control"] / 40000 < 0.06


@pytest.mark.parametrize("kind", KINDS)
def test_the_galaxy_is_as_bright_as_the_host_that_was_drawn(kind: str) -> None:
    for drawn, scene in scenes(kind, 10):
        assert sum(light.flux[1] for light in scene.galaxy) == pytest.approx(drawn.fluxes[1])
        assert all(flux > 0 for light in (*scene.galaxy, *scene.beside) for flux in light.flux)


def test_companions_stand_where_arcs_do_and_half_are_bluer_than_the_host() -> None:
    found = [(drawn, light) for drawn, scene in scenes("companion", 60) for light in scene.beside]
    assert 60 < len(found) < 110
    distance = [math.hypot(light.x, light.y) for _, light in found if isinstance(light, Sersic)]
    assert min(distance) >= 1.0 and max(distance) <= 3.2
    bluer = [light.flux[0] / light.flux[1] > 1.3 * drawn.fluxes[0] / drawn.fluxes[1] for drawn, light in found]
    assert 0.3 < np.mean(bluer) < 0.7


def test_a_ring_is_bluer_than_its_galaxy_and_brightest_at_its_radius() -> None:
    frame = Frame(SETTINGS, 32.0, 32.0)
    for drawn, scene in scenes("ring", 8):
        (ring,) = (light for light in scene.galaxy if isinstance(light, Pattern))
        assert ring.flux[0] / ring.flux[1] > 1.5 * drawn.fluxes[0] / drawn.fluxes[1]
        assert 0.06 <= ring.flux[1] / drawn.fluxes[1] <= 0.25
        form = ring.form(frame.x[None, :], frame.y[:, None])
        radius = np.hypot(frame.x[None, :], frame.y[:, None])
        assert form[radius < 0.4].max() < 0.15 * form.max()
        assert 0.6 * 1.4 < (form * radius).sum() / form.sum() < 4.9


def test_the_arms_of_a_spiral_are_bluer_than_its_bulge_and_wind() -> None:
    frame = Frame(SETTINGS, 32.0, 32.0)
    x, y = frame.x[None, :], frame.y[:, None]
    angle, radius = np.arctan2(y, x), np.hypot(x, y)
    for _, scene in scenes("spiral", 8):
        bulge, _, arms = scene.galaxy
        assert isinstance(arms, Pattern)
        assert arms.flux[0] / arms.flux[1] > 1.15 * bulge.flux[0] / bulge.flux[1]
        form = arms.form(x, y)
        # The m-fold phase of thin annuli turns with radius: a logarithmic spiral, not a ring or a bar.
        number = arms.form.number  # type: ignore[attr-defined]
        annuli = [(radius > low) & (radius < low + 0.15) for low in (1.0, 1.5)]
        phases = [np.angle((form[ring] * np.exp(1j * number * angle[ring])).sum()) for ring in annuli]
        assert abs(np.angle(np.exp(1j * (phases[1] - phases[0])))) > 0.1


def test_an_edge_on_disc_is_thin_and_a_merger_has_a_second_body_and_tails() -> None:
    for _, scene in scenes("edge_on", 8):
        assert min(light.axis_ratio for light in scene.galaxy if isinstance(light, Sersic)) <= 0.22
    for _, scene in scenes("merger", 8):
        bodies = [light for light in scene.galaxy if isinstance(light, Sersic)]
        assert 1.2 <= math.hypot(bodies[2].x, bodies[2].y) <= 3.5
        tail = bodies[3:]
        assert len(tail) in (12, 24)
        steps = [math.hypot(a.x - b.x, a.y - b.y) for a, b in pairwise(tail[:12])]
        assert max(steps) < 0.9  # no wider than the blobs: a tail, not a string of pearls
