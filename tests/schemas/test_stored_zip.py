"""A stored zip: byte for byte what the standard library writes, whatever the members."""

from __future__ import annotations

import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from schemas.stored_zip import stored_zip

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
