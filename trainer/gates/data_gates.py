"""Every gate on a stamps directory, in the order in which a fault would cost most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.contract_files import read_table
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import run_files
from trainer.gates.arc_gates import arc_gates
from trainer.gates.arc_width_gates import arc_width_gates
from trainer.gates.bank_gates import MOST_TEMPLATES, bank_gates
from trainer.gates.bank_templates import BankSample, read_bank
from trainer.gates.class_gates import class_gates
from trainer.gates.class_scores import Chance
from trainer.gates.column_gates import missing_gate, population_gate
from trainer.gates.gate import Gate
from trainer.gates.gated_stamps import GatedStamps, gather_stamps
from trainer.gates.host_gates import host_gates
from trainer.gates.split_gates import SplitContent, labels_gate, split_content, split_gate
from trainer.gates.stamp_pass import Measured, measure


@dataclass(frozen=True)
class GatedData:
    """What the gates look at: samples, what was measured of them, splits; sizes by host (arcsec) and a bank where given."""

    stamps: GatedStamps
    measured: Measured
    sizes: Mapping[str, float] | None
    splits: Mapping[str, SplitContent]
    bank: BankSample | None = None


def gather_data(
    directory: Location, split: str, plan: Location | None, most: int, seed: int, bank: Location | None = None
) -> GatedData:
    """Read and measure; raises InputError where the split has no usable stamps, or the bank is none."""
    templates = read_bank(bank, MOST_TEMPLATES) if bank else None
    stamps = gather_stamps(directory, split, most, seed)
    sizes = host_sizes(plan) if plan else None
    measured = measure(stamps)
    return GatedData(stamps, measured, sizes, split_content(directory, stamps, measured, most, seed), templates)


def data_gates(data: GatedData, how: Chance) -> list[Gate]:
    """The verdicts."""
    stamps, measured = data.stamps, data.measured
    metadata, *pixels = class_gates(stamps, measured, how)
    return [
        metadata,
        missing_gate(stamps, measured.readable),
        population_gate(stamps, data.sizes, how),
        *pixels,
        *arc_gates(stamps, measured, how),
        *arc_width_gates(stamps, measured, how),
        *host_gates(stamps, measured, how),
        *bank_gates(data.bank, how),
        split_gate(data.splits),
        labels_gate(stamps, measured),
    ]


def host_sizes(plan: Location) -> dict[str, float]:
    """Half-light radius of the catalogue's model by host, from a finished plan."""
    files = run_files(plan, HOSTS, under="hosts/")
    if not files:
        raise InputError(f"{plan} is a finished run without hosts; wanted the plan that dhs plan wrote")
    sizes: dict[str, float] = {}
    for path in files:
        table = read_table(path, HOSTS, ("host_id", "shape_r_arcsec"))
        sizes |= dict(zip(table["host_id"].to_pylist(), table["shape_r_arcsec"].to_pylist(), strict=True))
    return sizes
