"""Completeness: nothing is lost between bins, a perfect and a blind network, errors, and a page that asks nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from schemas.code_version import code_version
from schemas.completeness import COMPLETENESS
from schemas.contract_files import Provenance, read_table, write_table
from schemas.job_entry import InputError
from schemas.refusal_reasons import Reason
from schemas.run_record import RunIdentity, finish_run
from schemas.scores import SCORES
from schemas.stamps import STAMP_INDEX
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory
from tests.trainer.tiny_training import rewrite_stamps
from trainer import completeness
from trainer.completeness_maps import share_columns

COUNTS = ("n_drawn_rows", "n_offered", "n_rendered", "n_found")


def stamps_of(root: Path, faint: int = 0) -> StampsDirectory:
    """Forty pairs, two refused for masked pixels; ``faint`` refused lenses are too faint instead."""
    made = write_stamps_directory(root, {"test": 40}, size=8, refused_pairs=2)
    left = [faint]

    def change(row: dict[str, object]) -> dict[str, object]:
        if row["reasons"] and row["label"] == 1 and left[0]:
            left[0] -= 1
            row["reasons"] = int(Reason.ARC_TOO_FAINT)
        return row

    rewrite_stamps(made, "test", change)
    return made


def scores_of(stamps: Path, out: Path, how: str = "perfect") -> Path:
    index = read_table(stamps / "index" / "split-test.parquet", STAMP_INDEX)
    index = index.filter(pc.equal(index["reasons"], 0))
    labels = index["label"].to_numpy()
    noise = np.random.default_rng(2).normal(size=len(labels))
    table = index.select([name for name in SCORES.names if name in index.column_names])
    table = table.append_column("logit", pa.array(noise + (100.0 * labels if how == "perfect" else 0), pa.float32()))
    table = table.append_column("checkpoint_hash", pa.array(["c"] * len(labels)))
    write_table(out / "split-test.parquet", table, SCORES, Provenance(code_version()))
    finish_run(out, RunIdentity("score", code_version()), [out / "split-test.parquet"], {}, {})
    return out


def measure(scores: Path, stamps: Path, out: Path, *flags: str) -> pa.Table:
    assert completeness.main(["--scores", str(scores), "--stamps", str(stamps), "--out", str(out), *flags]) == 0
    return read_table(out / "completeness.parquet", COMPLETENESS)


def test_every_lens_row_is_in_a_bin_or_counted_as_unbinned(tmp_path: Path) -> None:
    made = stamps_of(tmp_path, faint=1)
    rows = measure(scores_of(made.stamps, tmp_path / "s"), made.stamps, tmp_path / "c").to_pylist()
    totals: dict[tuple[str, str], np.ndarray] = {}
    for row in rows:
        assert row["n_found"] <= row["n_rendered"] <= row["n_offered"] <= row["n_drawn_rows"]
        key = (row["x_axis"], row["y_axis"])
        totals[key] = totals.get(key, np.zeros(4, int)) + [row[name] for name in COUNTS]
    assert len(totals) == 7 + 21
    assert {tuple(total) for total in totals.values()} == {(40, 39, 38, 38)}  # one faint is offered, one masked is not


def test_a_perfect_network_finds_all_and_a_blind_one_about_the_false_positive_rate(tmp_path: Path) -> None:
    made = stamps_of(tmp_path)
    perfect = measure(scores_of(made.stamps, tmp_path / "p"), made.stamps, tmp_path / "cp", "--fpr", "0.1")
    assert set(pc.drop_null(perfect["completeness_rendered"]).to_pylist()) == {1.0}
    blind = measure(scores_of(made.stamps, tmp_path / "b", "blind"), made.stamps, tmp_path / "cb", "--fpr", "0.5").to_pylist()
    depth = [row for row in blind if row["x_axis"] == "psf_depth_r_mag" and row["y_axis"] is None]
    assert 0.25 < sum(row["n_found"] for row in depth) / 38 < 0.75


def test_a_bin_of_fewer_than_ten_has_no_share_and_wilson_is_the_published_one() -> None:
    assert set(share_columns("c", 9, 9).values()) == {None}
    few = share_columns("c", 81, 263)  # Newcombe 1998, table I, method 3
    assert (few["c_low"], few["c_high"]) == (pytest.approx(0.2553, abs=5e-5), pytest.approx(0.3662, abs=5e-5))


def test_what_the_plan_refused_and_an_unsupported_threshold_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = stamps_of(tmp_path)
    measure(scores_of(made.stamps, tmp_path / "s"), made.stamps, tmp_path / "c")
    page, line = (tmp_path / "c" / "completeness.html").read_text(), capsys.readouterr().out
    for text in (page, line):
        assert "UNSUPPORTED" in text and "refused 80 of them (snr 80)" in text and "accept: none" in text
    assert "default-src 'none'" in page and "http" not in page.replace("http-equiv", "")


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    made = stamps_of(tmp_path)
    scores = scores_of(made.stamps, tmp_path / "s")
    for name in ("a", "b"):
        measure(scores, made.stamps, tmp_path / name)
    for file in ("completeness.parquet", "completeness.html"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_bad_input_is_told(tmp_path: Path) -> None:
    made = stamps_of(tmp_path / "one")
    scores = scores_of(made.stamps, tmp_path / "s")
    with pytest.raises(InputError, match="no scores of the val split"):
        measure(scores, made.stamps, tmp_path / "c1", "--split", "val")
    other = write_stamps_directory(tmp_path / "two", {"train": 2, "test": 3}, size=8)
    with pytest.raises(InputError, match="not in the index"):
        measure(scores, other.stamps, tmp_path / "c2")
    with pytest.raises(SystemExit):
        measure(scores, made.stamps, tmp_path / "c3", "--fpr", "0.1", "--threshold", "1")
    with pytest.raises(InputError, match="wanted above 0"):
        measure(scores, made.stamps, tmp_path / "c4", "--fpr", "0")
