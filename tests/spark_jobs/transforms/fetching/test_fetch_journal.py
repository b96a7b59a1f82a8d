"""What a directory knows of its files survives a kill, and belongs to one fetch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from schemas.run_record import RunError
from spark_jobs.transforms.fetching.fetch_journal import JOURNAL_NAME, FetchJournal, JournalEntry, sole_fetch

ASKED = {"what": "bricks", "url": "https://survey.test/coadd"}
STANDING = JournalEntry("coadd/a.fits.fz", "https://survey.test/a", 2880, vouched=True)
ABSENT = JournalEntry("coadd/b.fits.fz", "https://survey.test/b", None)


def filled(folder: Path) -> Path:
    journal = FetchJournal(folder, ASKED)
    journal.add(STANDING)
    journal.add(ABSENT)
    return folder / JOURNAL_NAME


def test_what_was_noted_is_known_again(tmp_path: Path) -> None:
    filled(tmp_path)
    assert FetchJournal(tmp_path, ASKED).entries == {STANDING.path: STANDING, ABSENT.path: ABSENT}


def test_the_last_word_on_a_file_holds(tmp_path: Path) -> None:
    filled(tmp_path)
    later = JournalEntry(ABSENT.path, ABSENT.url, 5760)
    FetchJournal(tmp_path, ASKED).add(later)
    assert FetchJournal(tmp_path, ASKED).entries[later.path] == later
    assert len((tmp_path / JOURNAL_NAME).read_text().splitlines()) == 3


def test_asking_again_forgets_what_is_absent_and_only_that(tmp_path: Path) -> None:
    filled(tmp_path)
    assert FetchJournal(tmp_path, ASKED, forget_absent=True).entries == {STANDING.path: STANDING}
    assert FetchJournal(tmp_path, ASKED).entries == {STANDING.path: STANDING}


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_line_that_a_kill_tore_is_left_out_and_the_next_is_whole(cut: int, tmp_path: Path) -> None:
    path = filled(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    journal = FetchJournal(tmp_path, ASKED)
    assert journal.entries[STANDING.path] == STANDING
    journal.add(ABSENT)
    assert json.loads(path.read_text().splitlines()[0]) == ASKED
    assert FetchJournal(tmp_path, ASKED).entries[ABSENT.path] == ABSENT


def test_a_directory_of_another_fetch_is_refused(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(RunError, match=r"holds another fetch: .*'url': 'https://survey.test/coadd'.*asked for is .*dr9"):
        FetchJournal(tmp_path, ASKED | {"url": "https://survey.test/dr9"})


def test_two_fetches_do_not_fill_one_directory_at_a_time(tmp_path: Path) -> None:
    with (
        sole_fetch(tmp_path / "sky"),
        pytest.raises(RunError, match="is being filled by another fetch"),
        sole_fetch(tmp_path / "sky"),
    ):
        pass
    with sole_fetch(tmp_path / "sky"):
        pass
