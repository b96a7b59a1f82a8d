"""One hash over what a stamps directory holds, whatever its files, their order and the bytes around the arrays.

Two runs made the same stamps if and only if these agree: same tasks, same reasons, same pixels to the last bit. That holds on
one family of processors; across families the last bits of exponentials differ.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from schemas.array_codec import decode_arrays
from schemas.contract_files import row_batches
from schemas.stamps import STAMPS


def stamp_digest(task_id: str, reasons: int, blob: bytes | None) -> bytes:
    """SHA-256 over identity, reasons and the decoded arrays of one row."""
    digest = hashlib.sha256(f"{task_id}|{reasons}".encode())
    for name, array in sorted(decode_arrays(blob).items()) if blob is not None else ():
        digest.update(f"|{name}|{array.dtype.str}|{array.shape}|".encode() + array.tobytes())
    return digest.digest()


def content_hash(files: Iterable[Path]) -> str:
    """SHA-256 over the sorted digests of all rows of stamps files, as hex digits."""
    digests: list[bytes] = []
    for path in files:
        for batch in row_batches(path, STAMPS, ["task_id", "reasons", "stamp_npz"]):
            digests += [stamp_digest(row["task_id"], row["reasons"], row["stamp_npz"]) for row in batch.to_pylist()]
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()
