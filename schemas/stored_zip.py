"""The bytes of a zip archive whose members are stored as they are: what ``zipfile`` writes, ten times sooner, and reads, too.

A member of integers may be deflated without a search for repetitions, which noise has none of. Layout: APPNOTE.TXT 6.3 of
PKWARE, sections 4.3.7, 4.3.12 and 4.3.16. Every date is 1 January 1980: the same members give the same bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s4B4H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_LOCAL_MARK = b"PK\x03\x04"
_VERSION, _UNIX = 20, 3
_DATE_1980 = (0, 1 << 5 | 1)
_READABLE_BY_OWNER = 0o600 << 16
_STORED, _DEFLATED = 0, 8
_RAW_DEFLATE, _MOST_MEMORY = -15, 9


class _Entry(NamedTuple):
    """What the directory says of a member."""

    name: bytes
    method: int
    checksum: int
    packed: int
    size: int
    offset: int


def stored_zip(members: Mapping[str, bytes], strategies: Mapping[str, int] | None = None) -> bytes:
    """The archive of named members, in their order; names in ASCII, at most 65 535 of them and 4 GiB in all.

    ``strategies`` names the members to deflate, each with zlib's strategy (``zlib.Z_HUFFMAN_ONLY``, ``zlib.Z_RLE``).
    """
    parts: list[bytes] = []
    entries: list[_Entry] = []
    offset = 0
    for name, content in members.items():
        encoded, strategy = name.encode("ascii"), strategies.get(name) if strategies else None
        method, packed = (_STORED, content) if strategy is None else (_DEFLATED, _deflated(content, strategy))
        entry = _Entry(encoded, method, zlib.crc32(content), len(packed), len(content), offset)
        parts += (_local(entry), encoded, packed)
        entries.append(entry)
        offset += _LOCAL.size + len(encoded) + len(packed)
    return b"".join((*parts, _directory(entries, offset)))


def read_stored_zip(blob: bytes, most_bytes: int) -> dict[str, bytes] | None:
    """The members of an archive that ``stored_zip`` wrote, checksums verified; None for any other bytes.

    Whatever a byte is changed to, the answer is None or the members as written. No member unpacks to more than ``most_bytes``.
    """
    members: dict[str, bytes] = {}
    entries: list[_Entry] = []
    offset = 0
    while blob[offset : offset + 4] == _LOCAL_MARK and offset + _LOCAL.size <= len(blob):
        _, _, _, method, _, _, checksum, packed, size, name_size, _ = _LOCAL.unpack_from(blob, offset)
        start = offset + _LOCAL.size + name_size
        entry = _Entry(blob[offset + _LOCAL.size : start], method, checksum, packed, size, offset)
        content = _content(blob[start : start + packed], entry, most_bytes)
        if content is None or not entry.name.isascii() or blob[offset : offset + _LOCAL.size] != _local(entry):
            return None
        members[entry.name.decode("ascii")] = content
        entries.append(entry)
        offset = start + packed
    if not entries or len(members) != len(entries) or blob[offset:] != _directory(entries, offset):
        return None
    return members


def _deflated(content: bytes, strategy: int) -> bytes:
    deflate = zlib.compressobj(1, zlib.DEFLATED, _RAW_DEFLATE, _MOST_MEMORY, strategy)
    return deflate.compress(content) + deflate.flush()


def _content(packed: bytes, entry: _Entry, most_bytes: int) -> bytes | None:
    """A member's bytes as its entry says they are, or None."""
    if entry.size > most_bytes or len(packed) != entry.packed or entry.method not in (_STORED, _DEFLATED):
        return None
    content = packed
    if entry.method == _DEFLATED:
        inflate = zlib.decompressobj(_RAW_DEFLATE)
        try:
            content = inflate.decompress(packed, entry.size + 1)
        except zlib.error:
            return None
        if not inflate.eof or inflate.unused_data:
            return None
    return content if len(content) == entry.size and zlib.crc32(content) == entry.checksum else None


def _local(entry: _Entry) -> bytes:
    return _LOCAL.pack(
        _LOCAL_MARK, _VERSION, 0, entry.method, *_DATE_1980, entry.checksum, entry.packed, entry.size, len(entry.name), 0
    )


def _directory(entries: Sequence[_Entry], offset: int) -> bytes:
    """The central directory, which lies at ``offset``, and the end record."""
    listed = b"".join(
        _CENTRAL.pack(
            b"PK\x01\x02", _VERSION, _UNIX, _VERSION, 0, 0, entry.method, *_DATE_1980, entry.checksum, entry.packed, entry.size,
            len(entry.name), 0, 0, 0, 0, _READABLE_BY_OWNER, entry.offset,
        ) + entry.name
        for entry in entries
    )  # fmt: skip
    return listed + _END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), len(listed), offset, 0)
