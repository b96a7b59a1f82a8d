"""A stored zip: byte for byte what the standard library writes, whatever the members."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.stored_zip import read_stored_zip, stored_zip

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="/"), min_size=1, max_size=20)


@given(st.dictionaries(NAMES, st.binary(max_size=300), max_size=5))
def test_the_bytes_are_those_of_the_standard_librarys_zipfile(members: dict[str, bytes]) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0)), content)
    assert stored_zip(members) == buffer.getvalue()


def test_every_member_is_read_back_and_its_checksum_holds() -> None:
    members = {"image_g.npy": bytes(range(256)) * 64, "empty": b""}
    with zipfile.ZipFile(io.BytesIO(stored_zip(members))) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == members


MEMBERS = {"low.npy": bytes(range(256)) * 8, "high.npy": bytes(4000), "quantisation.npy": b"forty bytes or so of numbers"}
DEFLATED = {"low.npy": zlib.Z_HUFFMAN_ONLY, "high.npy": zlib.Z_RLE}


def test_a_deflated_member_is_smaller_and_the_standard_library_reads_it() -> None:
    packed = stored_zip(MEMBERS, DEFLATED)
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS
        assert archive.getinfo("high.npy").compress_size < 100
        assert archive.getinfo("quantisation.npy").compress_type == zipfile.ZIP_STORED


@given(st.dictionaries(NAMES, st.binary(max_size=300), min_size=1, max_size=5), st.booleans())
def test_what_is_written_is_read_back(members: dict[str, bytes], deflate: bool) -> None:
    strategies = dict.fromkeys(members, zlib.Z_HUFFMAN_ONLY) if deflate else None
    assert read_stored_zip(stored_zip(members, strategies), 300) == members


@pytest.mark.parametrize("strategies", [None, DEFLATED])
def test_no_byte_can_be_changed_nor_left_out_nor_added_without_being_noticed(strategies: dict[str, int] | None) -> None:
    whole = stored_zip(MEMBERS, strategies)
    for place in range(0, len(whole), 1 if strategies else 5):
        for flip in (1, 0x80):
            damaged = whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]
            assert read_stored_zip(damaged, 10_000) in (None, MEMBERS)
        assert read_stored_zip(whole[:place], 10_000) is None
    assert read_stored_zip(whole + b"\0", 10_000) is None


def test_an_archive_of_another_writer_is_not_ours() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("low.npy", MEMBERS["low.npy"])
    assert read_stored_zip(buffer.getvalue(), 10_000) is None
    assert read_stored_zip(b"", 10_000) is None
    assert read_stored_zip(b"PK\x03\x04", 10_000) is None


def test_a_member_that_would_unfold_to_more_than_asked_for_is_not_unfolded() -> None:
    bomb = stored_zip({"high.npy": bytes(50_000_000)}, {"high.npy": zlib.Z_RLE})
    assert len(bomb) < 100_000
    tracemalloc.start()
    assert read_stored_zip(bomb, 4000) is None
    assert tracemalloc.get_traced_memory()[1] < 300_000
    tracemalloc.stop()
    lying = bomb.replace((50_000_000).to_bytes(4, "little"), (3999).to_bytes(4, "little"))
    tracemalloc.start()
    assert read_stored_zip(lying, 4000) is None
    assert tracemalloc.get_traced_memory()[1] < 300_000
    tracemalloc.stop()
