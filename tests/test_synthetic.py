from schemas.run_record import run_files
from schemas.stamps import STAMP_INDEX, STAMPS


def test_x(stamps_directory):
    assert len(run_files(stamps_directory.stamps, STAMPS, "split=")) == 3
    assert len(run_files(stamps_directory.stamps, STAMP_INDEX, "index/")) == 3
