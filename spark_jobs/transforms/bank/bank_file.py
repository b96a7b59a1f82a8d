"""The source bank's file: unit-flux galaxy templates in HDF5, written whole or not at all, and how they are read back.

Dataset ``templates`` (n, size, size) holds flux per pixel, each template summing to one: surface brightness is the value
divided by the pixel's area. One entry a template in every other dataset; NaN stands for what is not known.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from schemas.code_version import code_version
from schemas.file_commit import unfinished_file
from schemas.job_entry import InputError
from schemas.locations import Location
from schemas.split_rule import SPLITS, split_of
from spark_jobs.transforms.bank.bank_template import BANK_BAND, Census, Template

BANK_VERSION = "1.0"
_UNIT_FLUX_TOLERANCE = 1e-4
_TEMPLATES_KEPT = 500  # 33 MB of 128 x 128 templates a worker; a task in a few hundred draws one of them again

TEXTS: Mapping[str, str] = {
    "template_id": "Identity of the galaxy; its published hash decides the split.",
    "provenance": "Catalogue, row and treatment that the template comes from.",
}
NUMBERS: Mapping[str, str] = {
    "pixel_scale_arcsec": "Side of a template pixel.",
    "mag_f814w": "AB magnitude of the galaxy in F814W.",
    "redshift": "Redshift, photometric where not said otherwise.",
    "half_light_radius_arcsec": "Measured: radius of the circle about the centroid that holds half of the template's flux.",
    "half_light_catalogue_arcsec": "The catalogue's half-light radius, circularised, with the template's blur in it.",
    "snr": "Signal to noise of the galaxy's segment for white noise; infinite for drawn galaxies.",
    "psf_fwhm_arcsec": "Width of the blur that is still in the template; 0 where only the pixel is.",
    "colour_gr": "AB colour g - r of the galaxy.",
    "colour_rz": "AB colour r - z of the galaxy.",
}
CONTRACT = "Unit-flux source galaxies: templates (n, size, size) float32, flux per pixel, each summing to one."


@dataclass(frozen=True)
class SourceBank:
    """An opened bank: its numbers as arrays of shape (n,), its images read when asked for."""

    path: Path
    template_id: npt.NDArray[np.str_]
    provenance: npt.NDArray[np.str_]
    pixel_scale_arcsec: npt.NDArray[np.float64]
    mag_f814w: npt.NDArray[np.float64]
    redshift: npt.NDArray[np.float64]
    half_light_radius_arcsec: npt.NDArray[np.float64]
    half_light_catalogue_arcsec: npt.NDArray[np.float64]
    snr: npt.NDArray[np.float64]
    psf_fwhm_arcsec: npt.NDArray[np.float64]
    colour_gr: npt.NDArray[np.float64]
    colour_rz: npt.NDArray[np.float64]
    attributes: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.template_id)

    @property
    def size_pix(self) -> int:
        """Side of the templates."""
        return int(self.attributes["size_pix"])

    @cached_property
    def _row(self) -> Mapping[str, int]:
        return {str(name): row for row, name in enumerate(self.template_id)}

    def index(self, template_id: str) -> int:
        """Row of a template; raises InputError where the bank does not hold it."""
        row = self._row.get(template_id)
        if row is None:
            raise InputError(f"template {template_id!r} is not among the {len(self)} of {self.path}")
        return row

    def template(self, template_id: str) -> npt.NDArray[np.float32]:
        """One image (size, size), flux per pixel, summing to one; read-only, since the last few hundred are kept."""
        return self._kept(self.index(template_id))

    @cached_property
    def _kept(self) -> Callable[[int], npt.NDArray[np.float32]]:
        def read(row: int) -> npt.NDArray[np.float32]:
            image: npt.NDArray[np.float32] = self.images([row])[0]
            image.setflags(write=False)
            return image

        return lru_cache(maxsize=_TEMPLATES_KEPT)(read)

    def images(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        """Images of some rows, in the order asked, shape (len(rows), size, size)."""
        with _opened(self.path) as file:
            images: npt.NDArray[np.float32] = np.stack([np.asarray(file["templates"][int(row)], np.float32) for row in rows])
        return images

    def rows_of_split(self, split: str, fractions: Mapping[str, float]) -> npt.NDArray[np.int64]:
        """Rows whose template belongs to a split, by the published hash of the template's identity."""
        if split not in SPLITS:
            raise InputError(f"split {split!r}; wanted one of {', '.join(SPLITS)}")
        return np.flatnonzero([template_split(str(name), fractions) == split for name in self.template_id])


def template_split(template_id: str, fractions: Mapping[str, float]) -> str:
    """The split that a template belongs to: a task may draw from its own split only."""
    return split_of(template_id, fractions)


def write_bank(
    path: Location, templates: Iterable[Template], size_pix: int, settings: Mapping[str, Any], census: Census
) -> None:
    """Write a bank one template at a time; ``census`` is read once the templates are through.

    Raises InputError, and leaves nothing, where there is no template, two share an identity, or one is not a unit-flux image
    of shape (size_pix, size_pix).
    """
    with unfinished_file(path) as unfinished, h5py.File(unfinished, "w") as file:
        kept = _write_images(file, templates, size_pix)
        if not kept:
            raise InputError(f"no template is left for {path}: {census.text()}")
        _write_columns(file, kept)
        _write_attributes(file, size_pix, settings, census)


def open_bank(path: Path) -> SourceBank:
    """Open a bank; raises InputError where it is absent, truncated, no bank, or of another major version."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"source bank {path} is not there; make one with dhs source-bank")
    with _opened(path) as file:
        attributes = dict(file.attrs.items())
        _check_version(path, attributes)
        lacking = [name for name in ("templates", *TEXTS, *NUMBERS) if name not in file]
        lacking += [name for name in ("settings", "code_version", "size_pix") if name not in attributes]
        if lacking:
            raise InputError(f"{path} lacks the datasets or attributes {', '.join(lacking)} of a source bank {BANK_VERSION}")
        columns: dict[str, Any] = {name: np.array([value.decode() for value in file[name][:]]) for name in TEXTS}
        columns |= {name: file[name][:] for name in NUMBERS}
    return SourceBank(path=path, attributes=attributes, **columns)


@contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """The file open for reading; whatever h5py makes of damage becomes one InputError."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except InputError:
        raise
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"{path} is damaged, truncated or not an HDF5 file: {error}") from error


def _check_version(path: Path, attributes: Mapping[str, Any]) -> None:
    seen = attributes.get("bank_version")
    major = BANK_VERSION.partition(".")[0]
    if seen is None:
        raise InputError(f"{path} carries no bank_version: it is not a source bank")
    if str(seen).partition(".")[0] != major:
        raise InputError(f"{path} is a source bank of version {seen}; this code reads {major}.x")


def _write_images(file: h5py.File, templates: Iterable[Template], size: int) -> list[Template]:
    """Append every image to ``templates``; what is returned has lost its image, so that a large bank fits in memory."""
    images = file.create_dataset(
        "templates",
        (0, size, size),
        "f4",
        maxshape=(None, size, size),
        chunks=(1, size, size),
        compression="gzip",
        shuffle=True,
    )
    images.attrs["doc"] = "Flux per pixel, each template sums to one."
    kept: dict[str, Template] = {}
    for template in templates:
        total = float(template.image.sum(dtype=np.float64))
        if template.image.shape != (size, size) or not abs(total - 1) <= _UNIT_FLUX_TOLERANCE:
            shape = template.image.shape
            raise InputError(
                f"template {template.template_id} of shape {shape} sums to {total:.6g}; wanted ({size}, {size}) and 1"
            )
        if template.template_id in kept:
            raise InputError(f"two templates are called {template.template_id}; wanted each galaxy once")
        images.resize(len(kept) + 1, axis=0)
        images[len(kept)] = template.image
        kept[template.template_id] = replace(template, image=template.image[:0])
    return list(kept.values())


def _write_columns(file: h5py.File, templates: Sequence[Template]) -> None:
    for name, doc in TEXTS.items():
        file.create_dataset(name, data=[getattr(template, name) for template in templates], dtype=h5py.string_dtype())
        file[name].attrs["doc"] = doc
    for name, doc in NUMBERS.items():
        file.create_dataset(
            name, data=np.array([getattr(template, name) for template in templates], np.float64), fletcher32=True
        )
        file[name].attrs["doc"] = doc


def _write_attributes(file: h5py.File, size_pix: int, settings: Mapping[str, Any], census: Census) -> None:
    rejected = {reason.value: count for reason, count in sorted(census.rejected.items())}
    counts = {"seen": census.seen, "kept": census.kept, "rejected": rejected}
    attributes = {
        "bank_version": BANK_VERSION,
        "band": BANK_BAND,
        "contract": CONTRACT,
        "code_version": code_version(),
        "settings": json.dumps(settings, sort_keys=True),
        "counts": json.dumps(counts, sort_keys=True),
        "size_pix": size_pix,
    }
    for name, value in attributes.items():
        file.attrs[name] = value
