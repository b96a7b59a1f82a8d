"""Scores of real lenses and of what looks like them: how many are found, stratum by stratum, in a set that was accepted.

Legend: a score is a logit, the sigmoid of which is p; intervals are 95 %, exact binomial (Clopper & Pearson 1934), at
thresholds frozen before. An anchor counts where ``dhs check-anchors`` found a galaxy at its place and the network scored it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from schemas.anchors import ANCHOR_INTEGRITY, CONTAMINANT_CLASSES, DISCOVERIES
from schemas.contract_files import read_table
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.run_record import read_run, run_files
from schemas.scores import SCORES
from trainer.anchor_integrity import TABLE, require_accepted
from trainer.anchor_rows import read_anchors
from trainer.intervals import Interval, exact_interval
from trainer.matching_runs import file_digests, record_hash, require_same

CAMERA_EDGE_DEG = 32.375
"""North of it the Legacy Surveys are of other cameras (BASS, MzLS): other seeing, depth and noise."""
CAMERAS = ("DECam", "north of +32.375°")
THETA_E_GROUPS = ("θE below 1″", "θE 1 to 1.5″", "θE 1.5 to 2″", "θE 2″ and more", "θE not known")
_THETA_E_EDGES_ARCSEC = (1.0, 1.5, 2.0)
_FIXED_P = (0.3, 0.5)


@dataclass(frozen=True)
class AnchorPaths:
    """Finished directories that belong together; ``random_sky_scores`` may be absent."""

    anchors: Location
    cutouts: Location
    scores: Location
    integrity: Location
    random_sky_scores: Location | None = None


@dataclass(frozen=True)
class Cut:
    """The logit from which on an object counts as found, and its name for people."""

    name: str
    logit: float


@dataclass(frozen=True)
class ScoredAnchor:
    """An anchor that holds, with its score; ``logit`` is finite. None where the list says nothing."""

    name: str
    object_class: str
    label: int
    discovery: str
    dec_deg: float
    theta_e_arcsec: float | None
    logit: float

    @property
    def p(self) -> float:
        """Sigmoid of the logit."""
        return 1 / (1 + math.exp(-self.logit)) if self.logit > -700 else 0.0  # exp of 710 overflows

    @property
    def camera(self) -> str:
        """Which cameras saw it."""
        return CAMERAS[self.dec_deg > CAMERA_EDGE_DEG]

    @property
    def theta_e_group(self) -> str:
        """Which part of the Einstein radii it is in."""
        if self.theta_e_arcsec is None:
            return THETA_E_GROUPS[-1]
        return THETA_E_GROUPS[sum(self.theta_e_arcsec >= edge for edge in _THETA_E_EDGES_ARCSEC)]


@dataclass(frozen=True)
class AnchorScores:
    """Anchors that hold, highest score first; names of those that hold without a score; logits of random sky, if asked."""

    anchors: tuple[ScoredAnchor, ...]
    unscored: tuple[str, ...]
    random_sky: tuple[float, ...] | None
    checkpoint_hash: str

    @property
    def lenses(self) -> tuple[ScoredAnchor, ...]:
        """Those labelled as lens."""
        return tuple(anchor for anchor in self.anchors if anchor.label == 1)

    @property
    def contaminants(self) -> tuple[ScoredAnchor, ...]:
        """Those labelled as none."""
        return tuple(anchor for anchor in self.anchors if anchor.label == 0)


@dataclass(frozen=True)
class Finding:
    """What is wrong with an anchor, in words; ``judged`` is false where there were no pixels to judge by."""

    name: str
    finding: str
    judged: bool


@dataclass(frozen=True)
class Standing:
    """Whether a figure may be given for a set of anchors, why not (empty where it may), and what is wrong in it."""

    accepted: bool
    why: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Recall:
    """``found`` of the ``n`` objects of a group reach a cut. ``by`` says what the groups are, ``pooled_over`` what they mix."""

    by: str
    group: str
    pooled_over: str
    cut: Cut
    found: int
    n: int

    @property
    def share(self) -> Interval:
        """The share found; NaN where there is nobody."""
        return exact_interval(self.found, self.n)


def fixed_cuts() -> list[Cut]:
    """Thresholds in p that the failed experiment quoted: 0.3 and 0.5."""
    return [Cut(f"p ≥ {p:g}", math.log(p / (1 - p))) for p in _FIXED_P]


def anchors_standing(paths: AnchorPaths) -> Standing:
    """The verdict on the set; raises InputError where the integrity is of another anchors table or of other cutouts."""
    judged = read_run(paths.integrity).get("settings", {})
    for name, place in (("anchors", paths.anchors), ("cutouts", paths.cutouts)):
        wanted = f"the integrity of these {name}: run dhs check-anchors on them"
        digests = file_digests(place)
        require_same(f"{name} with hash", f"integrity {paths.integrity}", judged.get(name), place, digests, wanted)
    tables = [read_table(path, ANCHOR_INTEGRITY) for path in run_files(paths.integrity, ANCHOR_INTEGRITY, TABLE)]
    rows = [row for table in tables for row in table.to_pylist() if not row["control"]]
    findings = tuple(Finding(row["name"], row["finding"], row["judged"]) for row in rows if not row["holds"])
    try:
        require_accepted(paths.integrity)
    except InputError as error:
        return Standing(False, str(error), findings)
    return Standing(True, "", findings)


def read_anchor_scores(paths: AnchorPaths) -> AnchorScores:
    """Scores of the anchors that hold.

    Raises InputError where the set was not accepted, where integrity, cutouts and scores do not belong together, or where the
    scores are of several checkpoints, of other cutouts, or hold an object that is no anchor of the table.
    """
    standing = anchors_standing(paths)
    if not standing.accepted:
        raise InputError(standing.why)
    rows = read_anchors(paths.anchors)
    names, listed = {row["name"] for row in rows}, {row["name"]: row for row in rows if not row["reasons"]}
    source = record_hash(paths.cutouts)
    of = f"scores of these cutouts: dhs score --cutouts {paths.cutouts}"
    require_same("source", f"anchor scores {paths.scores}", _source(paths.scores), paths.cutouts, source, of)
    logits, checkpoint = _logits(paths.scores, names)
    holding = [row["name"] for row in require_accepted(paths.integrity)]
    return score_anchors(listed, holding, logits, _random_sky(paths, names, source, checkpoint), checkpoint)


def score_anchors(
    listed: Mapping[str, Mapping[str, Any]],
    holding: Iterable[str],
    logits: Mapping[str, float],
    random_sky: tuple[float, ...] | None,
    checkpoint: str,
) -> AnchorScores:
    """Those of ``holding`` that have a finite logit, as ``listed`` (rows of the anchors table by name) describes them."""
    known = {name for name in holding if math.isfinite(logits.get(name, math.nan))}
    anchors = sorted((_scored(listed[name], logits[name]) for name in known), key=lambda one: (-one.logit, one.name))
    unscored = tuple(sorted(set(holding) - known))
    return AnchorScores(tuple(anchors), unscored, random_sky, checkpoint)


def recall_by_stratum(scores: AnchorScores, cuts: Sequence[Cut]) -> list[Recall]:
    """Lenses found, by how they were discovered and which camera saw them: nothing is pooled over these two."""

    def stratum(one: ScoredAnchor) -> str:
        return f"{one.discovery}, {one.camera}"

    order = [f"{discovery}, {camera}" for discovery in DISCOVERIES for camera in CAMERAS]
    return _recalls("discovery and camera", "", scores.lenses, stratum, order, cuts)


def recall_by_part(scores: AnchorScores, cuts: Sequence[Cut]) -> list[Recall]:
    """Lenses found by discovery, by Einstein radius, by camera, and all; each record says what it is pooled over."""
    lenses = scores.lenses
    return [
        *_recalls("discovery", "cameras", lenses, lambda one: one.discovery, DISCOVERIES, cuts),
        *_recalls("Einstein radius", "discoveries and cameras", lenses, lambda one: one.theta_e_group, THETA_E_GROUPS, cuts),
        *_recalls("camera", "discoveries", lenses, lambda one: one.camera, CAMERAS, cuts),
        *_recalls("all", "every stratum", lenses, lambda _: "all lenses", ("all lenses",), cuts),
    ]


def contaminants_called(scores: AnchorScores, cuts: Sequence[Cut]) -> list[Recall]:
    """Contaminants that are called a lens, by class."""
    return _recalls("class", "", scores.contaminants, lambda one: one.object_class, CONTAMINANT_CLASSES, cuts)


def recall_by_chance(scores: AnchorScores, cuts: Sequence[Cut]) -> list[Recall]:
    """What wrong positions would give: random-sky cutouts that reach each cut; empty where none were scored."""
    logits = scores.random_sky or ()
    found = [(cut, sum(logit >= cut.logit for logit in logits)) for cut in cuts]
    return [Recall("chance", "random sky", "", cut, n, len(logits)) for cut, n in found if logits]


def _recalls(
    by: str,
    pooled_over: str,
    anchors: Sequence[ScoredAnchor],
    group_of: Callable[[ScoredAnchor], str],
    order: Iterable[str],
    cuts: Sequence[Cut],
) -> list[Recall]:
    """Groups in their order, those without an object left out; a class that no order names comes last."""
    present = {group_of(one) for one in anchors}
    ordered = [group for group in order if group in present]
    records = []
    for group in [*ordered, *sorted(present - set(ordered))]:
        logits = [one.logit for one in anchors if group_of(one) == group]
        found = ((cut, sum(logit >= cut.logit for logit in logits)) for cut in cuts)
        records += [Recall(by, group, pooled_over, cut, n, len(logits)) for cut, n in found]
    return records


def _scored(row: Mapping[str, Any], logit: float) -> ScoredAnchor:
    names = ("name", "object_class", "label", "discovery", "dec_deg", "theta_e_arcsec")
    return ScoredAnchor(**{name: row[name] for name in names}, logit=logit)


def _source(scores: Location) -> str | None:
    """The record that the scores were made from."""
    found: str | None = read_run(scores).get("settings", {}).get("source_record")
    return found


def _logits(directory: Location, names: set[str]) -> tuple[dict[str, float], str]:
    """Logit by host_id, and the checkpoint."""
    files = run_files(directory, SCORES, "split")
    tables = [read_table(path, SCORES, ("host_id", "logit", "checkpoint_hash")) for path in files]
    rows = pa.concat_tables(tables).to_pylist() if tables else []
    checkpoints = sorted({row["checkpoint_hash"] for row in rows})
    if len(checkpoints) != 1:
        seen = f"scores of {len(checkpoints)} checkpoints" if rows else "no scores"
        raise InputError(f"{directory} holds {seen}; wanted the scores of one, by dhs score --cutouts")
    logits = {row["host_id"]: float(row["logit"]) for row in rows}
    strangers = sorted(logits.keys() - names)
    if strangers or len(logits) < len(rows):
        seen = f"{strangers[0]!r}, which the anchors table does not" if strangers else "an anchor twice"
        raise InputError(f"{directory} holds {seen}; wanted one score an anchor, under its name")
    return logits, checkpoints[0]


def _random_sky(paths: AnchorPaths, names: set[str], anchors_source: str, checkpoint: str) -> tuple[float, ...] | None:
    directory = paths.random_sky_scores
    if directory is None:
        return None
    if _source(directory) == anchors_source:
        raise InputError(f"{directory} holds scores of the anchors {paths.cutouts} themselves; wanted those of random sky")
    logits, theirs = _logits(directory, names)
    require_same("checkpoint", directory, theirs, paths.scores, checkpoint, "random sky and anchors scored by one checkpoint")
    return tuple(logit for logit in logits.values() if math.isfinite(logit))
