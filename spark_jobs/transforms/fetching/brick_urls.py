"""The files of bricks: which there are, where the survey's server keeps them, and where ``cut_hosts`` looks for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow.compute as pc

from schemas.contract_files import read_table
from schemas.hosts import HOSTS
from schemas.job_entry import InputError
from schemas.locations import Location
from spark_jobs.transforms.fetching.wanted_file import WantedFile
from spark_jobs.transforms.survey.brick_files import is_brick_name, plane_path
from spark_jobs.transforms.survey.host_files import finished_host_files

KINDS = ("image", "invvar", "psfsize")
"""Planes of a brick that it has in each band; its maskbits plane is one for all."""


def files_of_bricks(coadd_url: str, bricks: Iterable[str], bands: tuple[str, ...]) -> Iterator[WantedFile]:
    """The files of each brick below ``coadd/``."""
    for brick in bricks:
        for kind, band in [*((kind, band) for band in bands for kind in KINDS), ("maskbits", "")]:
            path = plane_path(brick, kind, band)
            yield WantedFile(f"coadd/{path}", f"{coadd_url}/{path}")


def count_files(bricks: int, bands: tuple[str, ...]) -> int:
    """How many files those are."""
    return bricks * (len(KINDS) * len(bands) + 1)


def read_brick_names(path: Location) -> list[str]:
    """Bricks of a text file, one a line, each once; empty lines and what stands behind # are passed over.

    Raises InputError for a file that is not there or names none, and for a name that is not a brick's.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"list of bricks {path} cannot be read: {error}") from error
    names = [(number, line.partition("#")[0].strip()) for number, line in enumerate(lines, 1)]
    for number, name in names:
        if name and not is_brick_name(name):
            raise InputError(f"{path} line {number}: {name[:80]!r} is not a brick's name; wanted one such as 0591m305")
    found = list(dict.fromkeys(name for _, name in names if name))
    if not found:
        raise InputError(f"{path} names no brick; wanted one a line, such as 0591m305")
    return found


def bricks_of_hosts(directory: Location) -> list[str]:
    """Bricks that hold a host which would be cut, in order of name; ``directory`` is a plan's or that of select-hosts."""
    bricks: set[str] = set()
    for path in finished_host_files(directory):
        table = read_table(path, HOSTS, ["brickname", "reasons"])
        bricks.update(pc.unique(table.filter(pc.equal(table["reasons"], 0))["brickname"]).to_pylist())
    unfit = sorted(name for name in bricks if not is_brick_name(name))
    if unfit:
        raise InputError(f"{directory} has hosts in brick {unfit[0][:80]!r}; wanted a name such as 0591m305")
    if not bricks:
        raise InputError(f"{directory} holds no host to be cut, so no brick is wanted")
    return sorted(bricks)
