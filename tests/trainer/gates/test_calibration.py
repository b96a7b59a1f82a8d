"""Every gate on a clean set, on a null, on the fault that it looks for and on others, and where it can say nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trainer.gate_stamps import Fault, by_name, gated, names, write_pairs
from trainer.gates.arc_gates import arc_gates
from trainer.gates.arc_width_gates import star_width_gate
from trainer.gates.class_gates import class_gates, metadata_gate
from trainer.gates.class_scores import Chance
from trainer.gates.column_gates import missing_gate, population_gate
from trainer.gates.data_gates import GatedData
from trainer.gates.gate import Gate, Verdict
from trainer.gates.gated_stamps import GatedStamps
from trainer.gates.host_gates import centring_gate, host_gates
from trainer.gates.split_gates import labels_gate, split_gate

pytestmark = pytest.mark.slow
PAIRS = {"train": 300, "val": 30, "test": 30}
FAULTY = {"train": 300, "val": 11}  # two splits, so that the gate on leaks between them has its say
FEW_DRAWS = Chance(draws=60, seed=1)
LEAKS = {
    "metadata_only",
    "missing_values",
    "host_population",
    "core_of_pairs",
    "outer_annulus",
    "radial_profile",
    "normalisation_statistics",
    "central_brightness",
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> GatedData:
    return gated(write_pairs(tmp_path_factory.mktemp("clean"), PAIRS))


def with_columns(data: GatedData, change: Callable[[GatedStamps], dict[str, np.ndarray]]) -> GatedData:
    """The same with some columns of the index changed, and what is missing after them."""
    columns = {**data.stamps.columns, **change(data.stamps)}
    missing = {**data.stamps.missing, **{name: ~np.isfinite(columns[name]) for name in columns if name in data.stamps.missing}}
    return replace(data, stamps=replace(data.stamps, columns=columns, missing=missing))


def only(data: GatedData, keep: np.ndarray) -> GatedData:
    """Some of the samples, pairs forgotten."""
    stamps, measured = data.stamps, data.measured
    catalogue = replace(stamps.catalogue, labels=stamps.catalogue.labels[keep], kind=stamps.catalogue.kind[keep], partner=None)
    few = replace(
        stamps,
        catalogue=catalogue,
        hosts=stamps.hosts[keep],
        host_hash=stamps.host_hash[keep],
        cells=stamps.cells[keep],
        columns={name: values[keep] for name, values in stamps.columns.items()},
        missing={name: values[keep] for name, values in stamps.missing.items()},
    )
    features = {name: values[keep] for name, values in measured.features.items()}
    arcs = {name: values[keep] for name, values in measured.arcs.items()}
    seen = replace(measured, features=features, arcs=arcs, hashes=measured.hashes[keep], readable=measured.readable[keep])
    return replace(data, stamps=few, measured=seen)


def test_a_clean_paired_set_passes_every_gate_and_its_own_control_shows_the_failed_experiments_core_to_be_confounded(
    clean: GatedData,
) -> None:
    gates = by_name(clean, FEW_DRAWS)
    assert names(gates, Verdict.CONFOUNDED) == {"failed_core_10_pix"}
    assert names(gates, Verdict.PASS) == set(gates) - {"failed_core_10_pix", "bank_sizes", "bank_noise"}
    assert gates["bank_noise"].why == "no bank was given; wanted --bank"
    failed_core = gates["failed_core_10_pix"]
    assert failed_core.interval is not None
    assert failed_core.interval.low > 0.8  # though the hosts of both classes are the same galaxies
    assert "of its light there" in failed_core.why


def test_with_labels_shuffled_within_pairs_every_gate_on_leaks_passes(tmp_path: Path) -> None:
    gates = by_name(gated(write_pairs(tmp_path, FAULTY, Fault(shuffled=True))), FEW_DRAWS)
    assert names(gates, Verdict.PASS) >= LEAKS
    profile = gates["radial_profile"].interval
    assert profile is not None
    assert profile.low < 0.5 < profile.high
    assert gates["arc_flux_on_pixels"].verdict is not Verdict.PASS  # half the lenses have no arc


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        (
            Fault(brighter_host_mag=0.2),
            {"metadata_only", "host_population", "core_of_pairs", "central_brightness", "arc_flux_on_pixels"},
        ),
        (
            Fault(brighter_sky_sigma=0.1),
            {"outer_annulus", "normalisation_statistics", "radial_profile", "arc_flux_on_pixels"},
        ),
        (Fault(noisier=0.3), {"outer_annulus", "normalisation_statistics"}),
        (
            Fault(arc_as_bright_as_host=True),
            {"arc_magnitude", "arc_to_host_flux", "central_brightness", "radial_profile"},
        ),
        (Fault(arc_shift_pix=0.5), {"arc_centring"}),
        (Fault(arc_blur=0.5), {"arc_width"}),
        (Fault(arc_blur=1.5), {"arc_width"}),
        (Fault(star_blur=1.25), {"psf_against_stars"}),
        (Fault(no_arc=0.3), {"both_labels"}),
        (Fault(pixels_times=2.5), {"units", "arc_flux_on_pixels"}),
    ],
    ids=[
        "hosts of lenses brighter",
        "sky",
        "noise",
        "arcs as bright as hosts",
        "arcs half a pixel off",
        "arcs too sharp",
        "arcs too wide",
        "stars wider than stated",
        "no arc",
        "units",
    ],
)
def test_a_fault_in_the_pixels_fails_the_gates_that_look_for_it_and_no_other(
    tmp_path: Path, fault: Fault, failing: set[str]
) -> None:
    assert names(by_name(gated(write_pairs(tmp_path, FAULTY, fault)), FEW_DRAWS), Verdict.FAIL) == failing


def test_a_stated_centre_half_a_pixel_off_fails_the_gate_on_centring(clean: GatedData) -> None:
    offset = {**clean.measured.features, "centroid": clean.measured.features["centroid"] - [0.0, 0.5]}
    gate = centring_gate(clean.stamps, replace(clean.measured, features=offset), FEW_DRAWS)
    assert (gate.verdict, gate.why[:2]) == (Verdict.FAIL, "y:")


def test_arcs_that_are_a_third_brighter_than_stated_fail_the_gate_on_their_flux_alone(clean: GatedData) -> None:
    wrong = with_columns(clean, lambda stamps: {"injected_mag_r": stamps.columns["injected_mag_r"] + 0.3})
    gates = {gate.asked.name: gate for gate in arc_gates(wrong.stamps, wrong.measured, FEW_DRAWS)}
    assert names(gates, Verdict.FAIL) == {"arc_flux_on_pixels"}


def test_a_column_that_is_nan_for_lenses_fails_the_gates_on_missing_values_and_on_metadata(clean: GatedData) -> None:
    column = "psf_depth_r_mag"
    wrong = with_columns(clean, lambda stamps: {column: np.where(stamps.lens, np.nan, stamps.columns[column])})
    missing = missing_gate(wrong.stamps, wrong.measured.readable)
    assert missing.verdict is Verdict.FAIL
    assert missing.why.startswith(f"{column}: ")
    assert metadata_gate(wrong.stamps, FEW_DRAWS).verdict is Verdict.FAIL


def test_stamps_that_cannot_be_read_count_as_missing_values(clean: GatedData) -> None:
    rng = np.random.default_rng(0)
    readable = ~(clean.stamps.lens & (rng.uniform(size=len(clean.stamps.lens)) < 0.2))
    gate = missing_gate(clean.stamps, readable)
    assert (gate.verdict, gate.why[:19]) == (Verdict.FAIL, "pixels (unreadable)")


def test_unpaired_hosts_of_one_population_pass_and_larger_hosts_of_lenses_fail_where_a_plan_tells_their_size(
    clean: GatedData,
) -> None:
    rng = np.random.default_rng(1)
    n = 8000
    few = clean.stamps
    lens = np.arange(n) % 2 == 0
    columns = {name: rng.normal(20, 1, n) for name in few.columns}
    hosts = np.array([f"host {number}" for number in range(n)])
    catalogue = replace(few.catalogue, labels=lens.astype(np.int8))
    many = replace(few, catalogue=catalogue, hosts=hosts, cells=np.arange(n) // 20, columns=columns)
    sizes = dict(zip(hosts.tolist(), np.exp(rng.normal(0, 0.5, n)).tolist(), strict=True))
    assert population_gate(many, sizes, FEW_DRAWS).verdict is Verdict.PASS
    larger = {host: size * (1.3 if part else 1.0) for (host, size), part in zip(sizes.items(), lens, strict=True)}
    gate = population_gate(many, larger, FEW_DRAWS)
    assert (gate.verdict, gate.why[:17]) == (Verdict.FAIL, "half-light radius")


@pytest.mark.parametrize("kept", ["lenses", "controls"])
def test_of_one_class_nothing_that_compares_classes_is_said(clean: GatedData, kept: str) -> None:
    one = only(clean, clean.stamps.lens == (kept == "lenses"))
    gates = [
        *class_gates(one.stamps, one.measured, FEW_DRAWS),
        missing_gate(one.stamps, one.measured.readable),
        population_gate(one.stamps, None, FEW_DRAWS),
        host_gates(one.stamps, one.measured, FEW_DRAWS)[0],
        labels_gate(one.stamps, one.measured),
    ]
    for gate in gates:
        assert (gate.verdict, gate.interval) == (Verdict.NOT_SUPPORTED, None), gate.asked.name
    whys = {gate.why.partition(":")[0] for gate in gates}
    assert whys == {"one class only", "no pairs"}
    as_seen = [*host_gates(one.stamps, one.measured, FEW_DRAWS)[1:], star_width_gate(one.stamps, one.measured, FEW_DRAWS)]
    if kept == "lenses":
        assert {(gate.verdict, gate.interval) for gate in as_seen} == {(Verdict.NOT_SUPPORTED, None)}
        assert {gate.why.partition(":")[0] for gate in as_seen} == {
            "too few stamps without added light",
            "too few stars beside hosts",
        }
    else:
        assert {gate.verdict for gate in as_seen} == {Verdict.PASS}


def test_of_twenty_pairs_no_figure_is_given(tmp_path: Path) -> None:
    gates = by_name(gated(write_pairs(tmp_path, {"train": 21})), FEW_DRAWS)
    assert names(gates, Verdict.NOT_SUPPORTED) == set(gates)
    assert {gate.interval for gate in gates.values()} == {None}
    assert gates["split_leaks"].why == "1 split with stamps; wanted two or more to compare"
    assert gates["metadata_only"].why == "too few objects: 20 lenses, 20 others; wanted 100 of each"


def test_a_host_a_cell_or_an_image_in_two_splits_fails_the_gate_on_leaks(clean: GatedData) -> None:
    train, val = clean.splits["train"], clean.splits["val"]

    def leaking(**change: np.ndarray) -> Gate:
        return split_gate({"train": train, "val": replace(val, **change)})

    assert split_gate({"train": train, "val": val}).verdict is Verdict.PASS
    for what in ("hosts", "cells", "images"):
        own, other = getattr(val, what), getattr(train, what)
        gate = leaking(**{what: np.union1d(own, other[:1])})
        assert (gate.verdict, gate.why.partition(":")[0]) == (Verdict.FAIL, f"{what} of train and val")


def test_where_images_are_compared_by_sample_a_few_that_differ_exclude_nothing(clean: GatedData) -> None:
    sampled = {name: replace(part, whole=False) for name, part in clean.splits.items()}
    gate = split_gate(sampled)
    assert gate.verdict is Verdict.NOT_SUPPORTED
    assert "images of" in gate.why
    assert "interval too wide: 0 to" in gate.why
