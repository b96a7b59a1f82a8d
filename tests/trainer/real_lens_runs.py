"""What a report and an autopsy read of real lenses: a small accepted set on a drawn sky, with cutouts, integrity and scores.

Lenses n0 to n9 are north of the camera edge, s0 to s9 south of it, c0 to c3 are contaminants; at the place of x0 there is
nothing. Each is scored ``LOGITS[name]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pyarrow as pa

from schemas.anchors import ANCHORS
from schemas.contract_files import Provenance, read_table, write_table
from schemas.run_record import RunIdentity, begin_run, finish_run
from schemas.scores import SCORES
from tests.trainer.drawn_anchors import DrawnSky, Positions, write_cutouts_run
from tests.trainer.report_runs import CHECKPOINT
from trainer import anchors, check_anchors
from trainer.anchor_scores import AnchorPaths
from trainer.matching_runs import record_hash

NORTH = tuple(f"n{n}" for n in range(10))
SOUTH = tuple(f"s{n}" for n in range(10))
CONTAMINANTS = {"c0": "ring", "c1": "ring", "c2": "spiral", "c3": "merger"}
NAMES = (*NORTH, *SOUTH, *CONTAMINANTS, "x0")
PLACES: Positions = {
    name: (150.0 + 0.1 * number, 40.0 + 0.1 * number if name in NORTH else 10.0 + 0.1 * number)
    for number, name in enumerate(NAMES)
}
THETA_E = {"n0": 0.8, "n1": 1.0, "n2": 1.49, "n3": 1.5, "n4": 2.0, "s0": 1.2}
DISCOVERY = dict.fromkeys(NORTH, "spectroscopy") | dict.fromkeys(SOUTH, "ground_imaging") | {"s9": "space_imaging"}
LOGITS = {name: 4.0 - 0.5 * int(name[1:]) - (2.0 if name in NORTH else 0.0) for name in (*NORTH, *SOUTH)}
LOGITS |= {"c0": 3.0, "c1": -5.0, "c2": -1.0, "c3": -9.0, "x0": 9.0}
"""South from 4 down to -0.5, north from 2 down to -2.5, in steps of one half."""


def write_set(root: Path, places: Positions = PLACES, moved: tuple[str, ...] = ("x0",)) -> AnchorPaths:
    """The whole set below ``root``; there is no galaxy at the places of ``moved``."""
    root.mkdir(parents=True, exist_ok=True)
    lines = ["name,ra_deg,dec_deg,discovery,theta_e_arcsec,object_class"]
    for name, (ra, dec) in places.items():
        known = f"{DISCOVERY.get(name, 'unknown')},{THETA_E.get(name, '')},{CONTAMINANTS.get(name, 'lens')}"
        lines.append(f"{name},{ra!r},{dec!r},{known}")
    (root / "list.csv").write_text("\n".join(lines))
    assert anchors.main(["--table", str(root / "list.csv"), "--out", str(root / "anchors")]) == 0
    assert anchors.main(["--random-sky", str(root / "anchors"), "--out", str(root / "sky")]) == 0
    sky = DrawnSky({name: place for name, place in places.items() if name not in moved})
    random = {
        row["name"]: (row["ra_deg"], row["dec_deg"]) for row in read_table(root / "sky/anchors.parquet", ANCHORS).to_pylist()
    }
    write_cutouts_run(root / "cutouts", sky, places)
    write_cutouts_run(root / "sky_cutouts", sky, random)
    given = {"--anchors": "anchors", "--cutouts": "cutouts", "--random-sky": "sky_cutouts", "--out": "integrity"}
    check_anchors.main([word for option, name in given.items() for word in (option, str(root / name))])
    scores = write_anchor_scores(root / "scores", root / "cutouts", {name: LOGITS[name] for name in places})
    random_scores = write_anchor_scores(root / "sky_scores", root / "sky_cutouts", dict.fromkeys(random, -4.0) | {"s0": 1.0})
    return AnchorPaths(root / "anchors", root / "cutouts", scores, root / "integrity", random_scores)


def write_anchor_scores(out: Path, cutouts: Path, logits: Mapping[str, float], checkpoint: str = CHECKPOINT) -> Path:
    """Scores as ``dhs score --cutouts`` leaves them."""
    identity = RunIdentity("score", "x", settings={"source_record": record_hash(cutouts), "splits": ["parent"]})
    begin_run(out, identity)
    fixed = {"cell": 0, "split": "parent", "kind": "cutout", "label": -1, "checkpoint_hash": checkpoint}
    rows = [fixed | {"task_id": name, "host_id": name, "logit": logit} for name, logit in logits.items()]
    path = out / "split=parent" / "anchors.parquet"
    write_table(path, pa.Table.from_pylist(rows, SCORES.arrow_schema()), SCORES, Provenance("x"))
    finish_run(out, identity, [path], {}, {"checkpoint_hash": checkpoint})
    return out


def rescored(paths: AnchorPaths, out: Path, logits: Mapping[str, float], checkpoint: str = CHECKPOINT) -> AnchorPaths:
    """The same set with other scores."""
    return replace(paths, scores=write_anchor_scores(out, paths.cutouts, logits, checkpoint))
