"""Seconds and bytes of every question of deploy/queries over a million rows, and of the same rows by DuckDB's own reader.

    python tests/benchmarks/bench_audit.py [--rows 1000000] [--threads 2] [--repeats 3]

The index is drawn: as many lenses as controls, values spread as in a realistic run, five in a hundred refused; with a plan of
the same tasks. Medians of the repeats, files in the system's cache.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY))

from schemas.contract import Column, Contract  # noqa: E402
from schemas.contract_files import Provenance, write_table  # noqa: E402
from schemas.refusal_reasons import Reason  # noqa: E402
from schemas.run_record import RunIdentity, begin_run, finish_run  # noqa: E402
from schemas.runs_there import runs_there  # noqa: E402
from schemas.stamps import STAMP_INDEX  # noqa: E402
from schemas.tasks import TASKS  # noqa: E402
from spark_jobs.transforms.audits.query_answer import ask  # noqa: E402
from spark_jobs.transforms.audits.query_texts import all_queries  # noqa: E402

RECIPE, SEED = "5ca1ab1e5ca1ab1e", 7
SPLITS = {"train": 0.7, "val": 0.15, "test": 0.15}
STAMPS_PER_HOST = 12
ROWS_PER_SHARD = 5000
SPREAD = {  # low and high of even draws, or of their logarithm to ten
    "mag_raw_r": (16.5, 20.5),
    "source_mag_r": (22.5, 26.0),
    "injected_mag_r": (20.0, 24.0),
    "theta_e_arcsec": (0.5, 3.0),
    "theta_e_over_fwhm": (0.4, 2.4),
    "arc_snr": (5.0, 200.0),
    "arc_to_host_flux": (0.003, 0.3),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the index")
    parser.add_argument("--threads", type=int, default=2, help="threads of DuckDB and pyarrow")
    parser.add_argument("--repeats", type=int, default=3, help="repeats of which the median is taken")
    arguments = parser.parse_args()
    pa.set_cpu_count(arguments.threads)
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        draw_runs(Path(folder), arguments.rows)
        size = sum(path.stat().st_size for path in Path(folder).rglob("*.parquet"))
        print(f"{arguments.rows} rows drawn in {time.perf_counter() - begun:.0f} s, {size / 1e6:.0f} MB\n")
        print("| question | s | of the processor, s | MB read | rows of the answer |\n|---|---|---|---|---|")
        for name in all_queries():
            seconds, busy, read, rows = measured(Path(folder), name, arguments)
            print(f"| `{name}` | {seconds:.2f} | {busy:.2f} | {read / 1e6:.1f} | {rows} |")
        for name in ("counts_against_plan", "shared_between_splits"):
            print(f"\n{name} by DuckDB's own reader: {native(Path(folder), name, arguments):.2f} s")


def draw_runs(root: Path, rows: int) -> None:
    """A finished plan and a finished stamps directory that holds its index only."""
    rng = np.random.default_rng(11)
    provenance = Provenance("bench", RECIPE, SEED, "drawn")
    plan, stamps = RunIdentity("plan", "bench", RECIPE, SEED), RunIdentity("inject", "bench", RECIPE, SEED)
    begin_run(root / "plan", plan)
    begin_run(root / "stamps", stamps)
    tasks: list[Path] = []
    index: list[Path] = []
    first = 0
    for split, share in SPLITS.items():
        count = int(rows * share)
        table = drawn(rng, STAMP_INDEX, split, first, count)
        index.append(root / "stamps" / "index" / f"split-{split}.parquet")
        write_table(index[-1], table, STAMP_INDEX, provenance)
        planned = table.select(TASKS.names)
        for start in range(0, count, ROWS_PER_SHARD):
            tasks.append(root / "plan" / "tasks" / f"shard-{len(tasks):05d}.parquet")
            write_table(tasks[-1], planned.slice(start, ROWS_PER_SHARD), TASKS, provenance)
        first += count
    finish_run(root / "plan", plan, tasks, {}, {"split_key": "host_cell"})
    finish_run(root / "stamps", stamps, index, {}, {"split_key": "host_cell"})


def drawn(rng: np.random.Generator, contract: Contract, split: str, first: int, count: int) -> pa.Table:
    """Rows of one split; what a control may not have is null in every second row."""
    number = np.arange(first, first + count)
    host = number // STAMPS_PER_HOST
    control = number % 2 == 1
    digits = rng.integers(0, 2**63, (count, 2))
    known = {
        "task_id": pa.array([f"{a:016x}{b:016x}" for a, b in digits.tolist()]),
        "pair_id": pa.array([f"{a:032x}" for a in (number // 2 * 2654435761).tolist()]),
        "host_id": pa.array([f"9010-{h // 40}-{h % 40 * 37}" for h in host.tolist()]),
        "cell": pa.array(host // 60),
        "split": pa.array([split]).take(pa.array(np.zeros(count, int))),
        "kind": pa.array(["lens", "control"]).take(pa.array(control.astype(int))),
        "label": pa.array(1 - control),
        "brickname": pa.array([f"{h // 75:04d}m305" for h in host.tolist()]),
        "template_id": pa.array([f"cosmos-{t}" for t in rng.integers(0, 80_000, count).tolist()], mask=control),
        "reasons": pa.array(np.where(rng.random(count) < 0.05, int(Reason.ARC_TOO_FAINT), 0)),
        "recipe_hash": pa.array([RECIPE]).take(pa.array(np.zeros(count, int))),
        "run_seed": pa.array(np.full(count, SEED)),
        "row": pa.array((number - first) % ROWS_PER_SHARD),
        "file": pa.array([f"split={split}/shard-{n:05d}-5ca1ab1e.parquet" for n in (number // ROWS_PER_SHARD).tolist()]),
    }
    arrays = [known[c.name] if c.name in known else filled(rng, c, host, control) for c in contract]
    return pa.Table.from_arrays(arrays, names=contract.names).cast(contract.arrow_schema())


def filled(rng: np.random.Generator, column: Column, host: np.ndarray, control: np.ndarray) -> pa.Array:
    """A column of which only the spread matters: a host's property is the same in its rows."""
    low, high = SPREAD.get(column.name, (0.0, 1.0))
    mask = control if column.injected else None
    if column.type == "string":
        return pa.array(["word"]).take(pa.array(np.zeros(len(host), int)))
    if column.type.startswith("int"):
        return pa.array(rng.integers(0, 20, len(host)), mask=mask)
    if not column.injected:
        return pa.array(rng.uniform(low, high, host.max() - host.min() + 1)[host - host.min()])
    logarithmic = column.name in ("arc_snr", "arc_to_host_flux")
    values = 10 ** rng.uniform(np.log10(low), np.log10(high), len(host)) if logarithmic else rng.uniform(low, high, len(host))
    return pa.array(values, mask=mask)


def measured(root: Path, name: str, arguments: argparse.Namespace) -> tuple[float, float, int, int]:
    """Median seconds of a question from the directories to the answer, on the wall and of all cores; bytes read, rows."""
    query = all_queries()[name]
    given = "0" * 32 if query.asks else ""
    taken, busy = [], []
    for _ in range(arguments.repeats):
        begun, worked = time.perf_counter(), time.process_time()
        answer = ask(query, runs_there([root]), given, threads=arguments.threads)
        taken.append(time.perf_counter() - begun)
        busy.append(time.process_time() - worked)
    return statistics.median(taken), statistics.median(busy), answer.bytes_read, len(answer.rows)


def native(root: Path, name: str, arguments: argparse.Namespace) -> float:
    """Median seconds of the same text over DuckDB's own reader of Parquet."""
    taken = []
    for _ in range(arguments.repeats):
        begun = time.perf_counter()
        connection = duckdb.connect(":memory:")
        connection.execute(f"SET threads = {arguments.threads}")
        for table, path in (("stamp_index", "stamps/index"), ("tasks", "plan/tasks")):
            source = f"read_parquet('{root}/{path}/*.parquet', hive_partitioning = false)"
            connection.execute(f"CREATE VIEW {table} AS SELECT 'r' AS run, * FROM {source}")
        record = json.loads((root / "stamps" / "_run.json").read_text())
        connection.execute(f"CREATE VIEW runs AS SELECT 'r' AS run, '{record['split_key']}' AS split_key")
        connection.execute(all_queries()[name].sql).fetchall()
        connection.close()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken)


if __name__ == "__main__":
    main()
