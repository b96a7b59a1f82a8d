"""The gates on a source bank: pass on galaxies, fail on what the failed experiment's bank was made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from schemas.job_entry import InputError
from spark_jobs import build_source_bank
from trainer.gates.bank_gates import bank_gates
from trainer.gates.bank_templates import BankSample, floor_share, half_light_radius, read_bank
from trainer.gates.class_scores import Chance
from trainer.gates.gate import Gate, Verdict

HOW = Chance(draws=40, seed=1)
SIZE, SCALE, RADIUS = 96, 0.03, 10.0
"""The failed experiment's 2.88 arcsec square, and galaxies of 0.3 arcsec on it."""
SNR = 3.0
Draw = Callable[[np.random.Generator], np.ndarray]


def distances(size: int = SIZE) -> np.ndarray:
    offset = np.arange(size) - (size - 1) / 2
    return np.hypot(offset[:, None], offset[None, :])


def disc(rng: np.random.Generator) -> np.ndarray:
    """An exponential galaxy with half-light radius near 10 pixels."""
    return np.exp(-1.678 * distances() / (RADIUS * rng.uniform(0.9, 1.1)))


def square(rng: np.random.Generator) -> np.ndarray:
    return np.ones((SIZE, SIZE)) + 0 * rng.uniform()


def rectified(rng: np.random.Generator) -> np.ndarray:
    """A galaxy of S/N 3 within two half-light radii, with noise that was clipped at zero and kept."""
    galaxy = disc(rng)
    inside = distances() < 2 * RADIUS
    sigma = galaxy[inside].sum() / (SNR * np.sqrt(inside.sum()))
    return np.maximum(galaxy + rng.normal(0, sigma, galaxy.shape), 0)


def twice_subtracted(rng: np.random.Generator) -> np.ndarray:
    galaxy = disc(rng)
    return galaxy - 0.2 * galaxy.mean()


def write(path: Path, draw: Draw, n: int = 120, catalogue: float = RADIUS * SCALE) -> Path:
    """A bank of so many templates, with a catalogue that knows galaxies of 0.3 arcsec."""
    images = np.stack([draw(np.random.default_rng(number)) for number in range(n)])
    with h5py.File(path, "w") as file:
        file["templates"] = (images / images.sum((1, 2), keepdims=True)).astype(np.float32)
        file["pixel_scale_arcsec"] = np.full(n, SCALE)
        file["half_light_catalogue_arcsec"] = np.full(n, catalogue)
    return path


def gates(bank: BankSample | None) -> dict[str, Gate]:
    return {gate.asked.name: gate for gate in bank_gates(bank, HOW)}


def verdicts(path: Path) -> tuple[Verdict, Verdict]:
    found = gates(read_bank(path, 1000))
    return found["bank_sizes"].verdict, found["bank_noise"].verdict


@pytest.mark.slow
def test_the_procedural_bank_passes(tmp_path: Path) -> None:
    path = tmp_path / "bank.h5"
    assert build_source_bank.main(["--procedural", "150", "--out", str(path), "--seed", "1"]) == 0
    assert verdicts(path) == (Verdict.PASS, Verdict.PASS)


@pytest.mark.parametrize(
    ("draw", "sizes", "noise"),
    [
        (disc, Verdict.PASS, Verdict.PASS),
        (square, Verdict.FAIL, Verdict.FAIL),
        (rectified, Verdict.FAIL, Verdict.FAIL),
        (twice_subtracted, Verdict.PASS, Verdict.FAIL),
    ],
    ids=["galaxies", "even squares", "rectified noise", "sky taken off twice"],
)
def test_galaxies_pass_and_squares_noise_and_a_wrong_sky_fail(
    draw: Draw, sizes: Verdict, noise: Verdict, tmp_path: Path
) -> None:
    assert verdicts(write(tmp_path / "bank.h5", draw)) == (sizes, noise)


def test_galaxies_of_another_size_than_their_catalogues_fail_on_size_alone(tmp_path: Path) -> None:
    for catalogue in (0.2, 0.45):
        path = write(tmp_path / f"{catalogue}.h5", disc, catalogue=catalogue)
        assert verdicts(path) == (Verdict.FAIL, Verdict.PASS)


def test_the_rectified_bank_is_as_large_as_the_failed_experiments(tmp_path: Path) -> None:
    bank = read_bank(write(tmp_path / "bank.h5", rectified), 1000)
    assert 1.0 < np.median(bank.half_light_arcsec) < 1.15  # the failed experiment logged 1.08, an even square has 1.15
    assert np.median(bank.floor_share) > 0.9
    assert 0.9 < np.median(bank.of_even_square) < 1.02


def test_half_light_radii_are_those_of_the_textbook() -> None:
    assert half_light_radius(np.exp(-1.678 * distances() / RADIUS)) == pytest.approx(RADIUS, abs=0.5)
    sigma = 6.0
    assert half_light_radius(np.exp(-(distances() ** 2) / (2 * sigma**2))) == pytest.approx(1.1774 * sigma, abs=0.5)
    assert half_light_radius(np.ones((SIZE, SIZE))) == pytest.approx(SIZE / np.sqrt(2 * np.pi), abs=0.5)
    off_centre = np.roll(np.exp(-(distances() ** 2) / (2 * sigma**2)), (9, -12), (0, 1))
    assert half_light_radius(off_centre) == pytest.approx(1.1774 * sigma, abs=0.7)
    assert np.isnan(half_light_radius(-np.ones((4, 4))))


def test_the_floor_of_an_even_square_is_all_of_it_and_a_floor_under_a_galaxy_its_own_share() -> None:
    assert floor_share(np.ones((SIZE, SIZE))) == pytest.approx(1)
    galaxy = np.where(distances() < 20, 1.0, 0.0)
    assert floor_share(galaxy) == 0
    floor = np.full(galaxy.shape, galaxy.sum() / galaxy.size)  # as much light as the galaxy
    assert floor_share(galaxy + floor) == pytest.approx(0.5)


def test_without_a_bank_or_with_a_few_templates_or_no_catalogue_nothing_is_said(tmp_path: Path) -> None:
    assert {gate.why for gate in gates(None).values()} == {"no bank was given; wanted --bank"}
    few = gates(read_bank(write(tmp_path / "few.h5", disc, n=20), 1000))
    assert few["bank_noise"].why == "too few templates of which this is known: 20 of 20; wanted 100"
    unknown = gates(read_bank(write(tmp_path / "unknown.h5", disc, catalogue=float("nan")), 1000))
    assert unknown["bank_sizes"].why == "too few templates of which this is known: 0 of 120; wanted 100"
    for gate in (*gates(None).values(), *few.values(), unknown["bank_sizes"]):
        assert (gate.verdict, gate.interval) == (Verdict.NOT_SUPPORTED, None)


def test_the_failed_experiments_own_file_is_read_without_a_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "bank.h5"
    with h5py.File(path, "w") as file:
        file["images"] = np.stack([rectified(np.random.default_rng(number)) for number in range(120)]).astype(np.float32)
        file.attrs["src_pixscale_arcsec"] = SCALE
    assert verdicts(path) == (Verdict.NOT_SUPPORTED, Verdict.FAIL)
    assert np.median(read_bank(path, 1000).half_light_arcsec) > 1.0


def test_of_many_templates_some_are_looked_at_from_end_to_end(tmp_path: Path) -> None:
    def growing(rng: np.random.Generator) -> np.ndarray:
        number = rng.bit_generator.seed_seq.entropy  # type: ignore[attr-defined]
        return np.where(distances() < 5 + number / 5, 1.0, 0.0)

    path = write(tmp_path / "bank.h5", growing)
    few, every = read_bank(path, 12), read_bank(path, 1000)
    assert (len(few.floor_share), few.templates, len(every.floor_share)) == (12, 120, 120)
    assert few.half_light_arcsec[[0, -1]].tolist() == every.half_light_arcsec[[0, -1]].tolist()


def test_what_is_no_bank_is_one_clear_error(tmp_path: Path) -> None:
    text, empty, flat = (tmp_path / name for name in ("text.h5", "empty.h5", "flat.h5"))
    text.write_text("no bank")
    with h5py.File(empty, "w") as file:
        file["something"] = [1]
    with h5py.File(flat, "w") as file:
        file["templates"] = np.ones((4, 8))
    for path, told in ((text, "cannot be read as a source bank"), (empty, "cannot be read"), (flat, r"shape \(4, 8\)")):
        with pytest.raises(InputError, match=told):
            read_bank(path, 10)
