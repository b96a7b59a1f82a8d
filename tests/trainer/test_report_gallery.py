"""The report's pictures: the right rows, read from the right row groups only, in colours that show host and arc."""

from __future__ import annotations

import base64
import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.image import imread

from schemas.array_codec import decode_stamp
from schemas.contract import ContractError
from schemas.contract_files import read_table
from schemas.stamps import STAMP_INDEX, STAMPS
from tests.synthetic_stamps import StampsDirectory, write_stamps_directory
from tests.trainer.report_runs import write_scores
from trainer.gallery import colour_picture, difference_picture, png_uri, read_images
from trainer.report_examples import gallery_examples, hard_rows, lens_facts, partner_rows, probability, spread_rows
from trainer.report_inputs import ReportInputs, ReportPaths, read_inputs


@pytest.fixture(scope="module")
def inputs(stamps_directory: StampsDirectory, tmp_path_factory: pytest.TempPathFactory) -> ReportInputs:
    scores = write_scores(stamps_directory, tmp_path_factory.mktemp("gallery") / "scores")
    return read_inputs(ReportPaths(stamps_directory.stamps, scores=scores))


def place(run: StampsDirectory, split: str, row: int) -> tuple[str, int, str]:
    index = read_table(run.stamps / "index" / f"split-{split}.parquet", STAMP_INDEX).to_pylist()[row]
    return index["file"], index["row"], index["task_id"]


def blank(size: int = 21) -> np.ndarray:
    return np.zeros((3, size, size), np.float32)


# ---- reading


def test_an_image_is_the_one_that_the_index_points_at(stamps_directory: StampsDirectory) -> None:
    file, row, task = place(stamps_directory, "val", 5)
    wanted = read_table(stamps_directory.stamps / file, STAMPS)["stamp_npz"][row].as_py()
    images = read_images(stamps_directory.stamps, [(file, row, task)])
    np.testing.assert_array_equal(images[task], decode_stamp(wanted))


def test_only_the_row_groups_of_the_wanted_rows_are_read(tmp_path: Path) -> None:
    """Every other blob of the file is destroyed: its row groups would fail their checksums if they were read."""
    run = write_stamps_directory(tmp_path, {"test": 300}, size=8, refused_pairs=0)
    file, row, task = place(run, "test", 500)
    path = run.stamps / file
    assert pq.ParquetFile(path).num_row_groups == 3
    blobs = read_table(path, STAMPS, ["stamp_npz"])["stamp_npz"].to_pylist()
    content = bytearray(path.read_bytes())
    for n, blob in enumerate(blobs):
        if not 256 <= n < 512:
            start = content.find(blob)
            content[start : start + len(blob)] = b"\xff" * len(blob)
    path.write_bytes(content)
    assert read_images(run.stamps, [(file, row, task)])[task].shape == (3, 8, 8)
    with pytest.raises(ContractError, match="row group 0"):
        read_images(run.stamps, [place(run, "test", 3)])


def test_an_index_that_points_wrong_is_an_error(stamps_directory: StampsDirectory) -> None:
    file, row, task = place(stamps_directory, "val", 5)
    with pytest.raises(ContractError, match=f"row {row + 1} holds task .*; the index says {task}"):
        read_images(stamps_directory.stamps, [(file, row + 1, task)])
    with pytest.raises(ContractError, match="has no row for task"):
        read_images(stamps_directory.stamps, [(file, 10_000, task)])
    with pytest.raises(ContractError, match="not a stamps file of the run"):
        read_images(stamps_directory.stamps, [("../plan/tasks/shard-00000.parquet", row, task)])


# ---- colour


def test_a_red_host_is_red_and_a_blue_arc_is_blue() -> None:
    image = blank()
    image[:, 10, 10] = (0.02, 0.1, 0.3)
    image[:, 3, 3] = (0.03, 0.02, 0.02)
    picture = colour_picture(image).astype(int)
    red, green, blue = picture[10, 10]
    assert red > green > blue and red > 150
    red, green, blue = picture[3, 3]
    assert blue > red and blue > 100


def test_host_and_arc_are_both_seen_on_one_stretch() -> None:
    """An r = 23 arc of 40 pixels stands out from the sky, and an r = 18 host's core from its halo."""
    image = blank()
    image[:, 2, 2] = 10 ** (0.4 * (22.5 - 23.0)) / 40
    image[:, 10, 10], image[:, 10, 12] = 1.0, 0.3
    grey = colour_picture(image).astype(int).mean(axis=-1)
    assert grey[2, 2] > grey[0, 0] + 40
    assert grey[0, 0] < 30
    assert grey[10, 10] > grey[2, 2] + 40


def test_the_arc_alone_holds_no_host_and_is_bright_whatever_its_flux() -> None:
    control = blank()
    control[:, 8:13, 8:13] = 0.5
    for flux in (1e-3, 1e-1):
        arc = blank()
        arc[:, 4, 4:12] = flux
        picture = difference_picture(control + arc, control).astype(int)
        assert picture[4, 8].mean() > 100
        assert abs(picture[10, 10].mean() - picture[0, 0].mean()) < 3


def test_a_lens_that_equals_its_control_gives_a_blank_picture() -> None:
    assert np.ptp(difference_picture(blank(), blank())) == 0


def test_a_picture_survives_as_png_with_north_up() -> None:
    image = blank()
    image[:, 20, 0] = 1.0
    uri = png_uri(colour_picture(image))
    pixels = imread(io.BytesIO(base64.b64decode(uri.removeprefix("data:image/png;base64,"))))
    assert pixels.shape[:2] == (21, 21)
    assert pixels[0, 0, 2] > 0.9  # largest y, which is north, in the first row
    assert pixels[20, 0, 2] < 0.2


def test_real_survey_pixels_keep_their_colours(shared_data: Path) -> None:
    """A blue spiral of the Legacy Surveys is brighter in blue than in red, and the sky is dark."""
    from astropy.io import fits

    with fits.open(shared_data / "legacy_dr9_cutout" / "cutout_59.1067_-30.4848.fits") as cube:
        image = np.stack([np.nan_to_num(cube[plane].data.astype(np.float32)) for plane in (1, 3, 5)])
    peak = np.unravel_index(np.argmax(image[1]), image[1].shape)
    picture = colour_picture(image).astype(int)
    assert picture[peak].mean() > 150
    assert np.median(picture) < 60


# ---- choice


def test_lenses_are_chosen_at_equal_steps_of_arc_signal_to_noise(inputs: ReportInputs) -> None:
    rows = spread_rows(inputs, 4)
    chosen = [inputs.number("arc_snr", row) for row in rows]
    assert chosen == [20.0, 27.0, 34.0, 41.0]
    assert {inputs.value("split", row) for row in rows} == {"test"}
    assert len(spread_rows(inputs, 500)) == 22


def test_a_lens_stands_beside_the_control_of_its_pair(inputs: ReportInputs) -> None:
    rows = spread_rows(inputs, 6)
    partners = partner_rows(inputs, rows)
    assert sorted(partners) == sorted(rows)
    for lens, control in partners.items():
        assert inputs.value("pair_id", lens) == inputs.value("pair_id", control)
        assert inputs.value("kind", control) == "control"
    pictures = gallery_examples(inputs, 2)[0].pictures
    assert [picture.label for picture in pictures] == ["lens", "its control", "arc alone, stretched"]


def test_lenses_without_pairs_are_shown_alone(inputs: ReportInputs) -> None:
    position = inputs.index.schema.get_field_index("pair_id")
    nothing = pa.nulls(inputs.index.num_rows, pa.string())
    unpaired = replace(inputs, index=inputs.index.set_column(position, "pair_id", nothing))
    assert [len(example.pictures) for example in gallery_examples(unpaired, 3)] == [1, 1, 1]


def test_the_most_surprising_come_first(inputs: ReportInputs) -> None:
    negatives, positives = hard_rows(inputs, "test", 3)
    assert inputs.logits is not None
    assert [inputs.logits[row] for row in negatives] == [-1.0, -2.0, -3.0]
    assert [inputs.logits[row] for row in positives] == [1.0, 2.0, 3.0]
    assert not inputs.lens[negatives].any() and inputs.lens[positives].all()


def test_a_host_stands_once_among_the_most_surprising(inputs: ReportInputs) -> None:
    place = inputs.index.schema.get_field_index("host_id")
    one_host = pa.array(["9010-1-1"] * inputs.index.num_rows)
    negatives, positives = hard_rows(replace(inputs, index=inputs.index.set_column(place, "host_id", one_host)), "test", 3)
    assert (len(negatives), len(positives)) == (1, 1)
    assert inputs.logits is not None and inputs.logits[negatives[0]] == -1.0


def test_facts_leave_out_what_is_not_known(inputs: ReportInputs) -> None:
    negatives, positives = hard_rows(inputs, "test", 1)
    assert [name for name, _ in lens_facts(inputs, negatives[0])] == ["p", "host r"]
    facts = dict(lens_facts(inputs, positives[0]))
    assert facts["p"] == "0.731" and facts["arc S/N"] == "20" and facts["source r"] == "23.00"


def test_a_small_probability_keeps_its_digits(inputs: ReportInputs) -> None:
    negatives, _ = hard_rows(inputs, "test", 22)
    assert probability(inputs, negatives[-1]) == "2.8e-10"
    unscored = int(np.flatnonzero(inputs.equal("split", "train"))[0])
    assert probability(inputs, unscored) == ""


def test_a_broken_blob_of_a_shown_stamp_is_an_error_with_its_place(stamps_directory: StampsDirectory, tmp_path: Path) -> None:
    shutil.copytree(stamps_directory.stamps, tmp_path / "stamps")
    file, row, task = place(stamps_directory, "test", 0)
    path = tmp_path / "stamps" / file
    blob = read_table(path, STAMPS, ["stamp_npz"])["stamp_npz"][row].as_py()
    content = bytearray(path.read_bytes())
    content[content.index(blob) + 500] ^= 4
    path.write_bytes(content)
    with pytest.raises(ContractError, match="row group 0"):
        read_images(tmp_path / "stamps", [(file, row, task)])
