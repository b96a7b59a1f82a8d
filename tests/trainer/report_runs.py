"""What a report reads beside the stamps: scores, metrics.json and a training log, made for a synthetic stamps directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa

from schemas.contract_files import Provenance, read_table, write_table
from schemas.run_record import FINISHED_NAME, RunIdentity, begin_run, finish_run, read_run
from schemas.scores import SCORES
from schemas.stamps import STAMP_INDEX
from tests.synthetic_stamps import RECIPE_HASH, SEED, StampsDirectory

CHECKPOINT = "c0ffee00c0ffee00"


def write_scores(
    run: StampsDirectory, directory: Path, *, change: Callable[[list[dict[str, Any]]], Any] = lambda _: None
) -> Path:
    """Scores of the made test stamps: lens n gets n + 1, control n gets -n - 1; ``change`` may alter the rows."""
    index = read_table(run.stamps / "index" / "split-test.parquet", STAMP_INDEX)
    rows = []
    for row in index.to_pylist():
        if row["reasons"] == 0:
            n = int(row["task_id"][4:12])
            logit = float(n + 1 if row["label"] else -n - 1)
            rows.append({name: row.get(name) for name in SCORES.names} | {"logit": logit, "checkpoint_hash": CHECKPOINT})
    change(rows)
    identity = RunIdentity("score", "x", RECIPE_HASH, SEED)
    begin_run(directory, identity)
    path = directory / "split-test.parquet"
    write_table(path, pa.Table.from_pylist(rows, SCORES.arrow_schema()), SCORES, Provenance("x", RECIPE_HASH, SEED))
    finish_run(directory, identity, [path], {}, {})
    return directory


def metrics(n_negative: int = 22, **changes: Any) -> dict[str, Any]:
    """metrics.json in the layout of dhs evaluate, for one split."""
    rates = [
        {"fpr": fpr, "tpr": 0.75, "low": 0.6, "high": 0.85, "n_negative": n_negative}
        | {"expected_false_positives": fpr * n_negative, "supported": fpr * n_negative >= 10}
        for fpr in (0.01, 0.001)
    ]
    split = {"n_positive": 22, "n_negative": n_negative, "auc": {"value": 0.91234, "low": 0.88, "high": 0.94}, "why": None}
    split |= {"tpr_at_fpr": rates, "roc": {"fpr": [0.0, 0.0, 0.1, 1.0], "tpr": [0.0, 0.5, 0.9, 1.0]}}
    return {"checkpoint_hash": CHECKPOINT, "splits": {"test": split | changes}}


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content))
    return path


def write_log(path: Path) -> Path:
    lines = [
        {"epoch": n, "train_loss": 1 / n, "val_loss": 1.1 / n, "val_auc": None if n == 1 else 1 - 0.5 / n} for n in (1, 2, 3)
    ]
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return path


def set_record(directory: Path, **changes: Any) -> None:
    write_json(directory / FINISHED_NAME, read_run(directory) | changes)


class Page(HTMLParser):
    """What a browser would ask for and show: tags with attributes, text by section, open tags at the end."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.section_text: dict[str, str] = {}
        self._open: list[tuple[str, str]] = []
        self.unbalanced: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img", "br", "link", "hr"):
            self._open.append((tag, dict(attrs).get("id") or ""))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop()[0] != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        for tag, name in self._open:
            if tag in ("section", "header", "title", "style"):
                self.section_text[name or tag] = self.section_text.get(name or tag, "") + " ".join(data.split()) + " "

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
