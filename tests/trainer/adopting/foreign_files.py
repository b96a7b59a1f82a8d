"""Files in the failed experiment's own layout: 57 columns below region_split=..., cubes of anchors, and its checkpoint.

Its network is written out here with torchvision alone: none of our rooms is asked.
"""

from __future__ import annotations

import argparse
import gzip
import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from astropy.io import fits
from torch import nn
from torchvision.models import convnext_tiny

from schemas.array_codec import encode_stamp
from schemas.survey import BANDS

SIGMA = {"g": 0.0016, "r": 0.0028, "z": 0.0072}
FILLER = tuple(f"manifest_{n:02d}" for n in range(57 - 21))
"""Columns of the layout that nothing here asks for; with the 20 below and the blob there are 57."""
SIZE = 64

Images = dict[str, npt.NDArray[np.float32]]
Row = dict[str, Any]


def images_of(seed: int, size: int = SIZE, ring: float = 0.0) -> Images:
    """A galaxy at size // 2 with noise, and a ring around it."""
    rng = np.random.default_rng(seed)
    radius = np.hypot(*(np.indices((size, size)) - size // 2))
    light = rng.uniform(0.02, 0.2) * np.exp(-((radius / 3) ** 2)) + ring * np.exp(-((radius - size / 8) ** 2) / 4)
    return {band: (light + rng.normal(0, SIGMA[band], (size, size))).astype(np.float32) for band in BANDS}


def blob_of(images: Mapping[str, npt.NDArray[Any]], how: str = "savez") -> bytes:
    """The bytes of an npz: as numpy writes it (savez, deflated), wrapped in gzip, or as our codec does."""
    if how == "ours":
        return encode_stamp(images)
    stream = io.BytesIO()
    save: Callable[..., None] = np.savez_compressed if how == "deflated" else np.savez
    save(stream, **{f"image_{band}": image for band, image in images.items()})
    return gzip.compress(stream.getvalue(), 1) if how == "gzip" else stream.getvalue()


def stamp_row(n: int, split: str, size: int = SIZE, **other: Any) -> Row:
    """Row ``n`` of a split: every second one a control, every fourth blob in gzip; a galaxy recurs after seven rows."""
    control = n % 2
    galaxy = n % 7
    row: Row = {"task_id": f"{split}-{n:06d}", "brickname": f"{galaxy:04d}m005", "ra": 10 + 0.3 * galaxy, "dec": -0.5 + galaxy}
    row |= {"theta_e_arcsec": 0.0 if control else 1.25, "src_dmag": 0.0 if control else 1.5, "is_control": control}
    row |= {"psfsize_r": 1.2 + 0.01 * galaxy, "psfdepth_r": 23.8, "psfsize_g": 1.4, "psfdepth_g": 24.5, "psfsize_z": 1.1}
    row |= {"psfdepth_z": 22.9, "arc_snr": None if control else 4.5, "bad_pixel_frac": 0.01, "cutout_ok": 1}
    row |= {f"psf_fwhm_used_{band}": None if control else 1.3 for band in BANDS}
    row |= {"region_id": galaxy} | dict.fromkeys(FILLER, 0.5)
    how = ("gzip", "savez", "deflated", "ours")[n % 4]
    return row | {"stamp_npz": blob_of(images_of(n // 2, size, 0.0 if control else 0.04), how)} | other


def write_file(path: Path, rows: list[Row], row_group_size: int = 8) -> Path:
    """One Parquet file as pandas or Spark would write it."""
    kinds = {"is_control": pa.int64(), "cutout_ok": pa.int64(), "stamp_npz": pa.binary(), "region_id": pa.int64()}
    texts = ("task_id", "brickname", "region_split")
    fields = [(name, kinds.get(name, pa.string() if name in texts else pa.float64())) for name in rows[0]]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, pa.schema(fields)), path, row_group_size=row_group_size)
    return path


def write_foreign(root: Path, rows: Mapping[str, int], size: int = SIZE, files: int = 1) -> Path:
    """A directory of so many rows a split."""
    for split, count in rows.items():
        for file in range(files):
            some = [stamp_row(n, split, size) for n in range(count * file // files, count * (file + 1) // files)]
            write_file(root / f"region_split={split}" / f"part-{file:05d}.parquet", some)
    (root / "_SUCCESS").touch()
    return root


def write_cube(path: Path, images: npt.NDArray[Any], header: Mapping[str, Any] | None = None) -> Path:
    """One FITS file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hdu = fits.PrimaryHDU(images)
    for key, value in (header or {}).items():
        hdu.header[key] = value
    hdu.writeto(path, overwrite=True)
    return path


def sky_header(ra: float, dec: float, size: int = SIZE) -> dict[str, Any]:
    """The WCS of a cutout service: north up, the position in the middle."""
    step = 0.262 / 3600
    middle = size / 2 + 0.5
    return {
        **{"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec, "CRPIX1": middle, "CRPIX2": middle},
        **{"CD1_1": -step, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": step},
    }


class ForeignHead(nn.Module):
    """MetaFusionHead of the failed experiment."""

    def __init__(self, bend: type[nn.Module], *, metadata_activated: bool, metadata_first: bool) -> None:
        super().__init__()
        last = [bend()] if metadata_activated else []
        self.meta_mlp = nn.Sequential(nn.Linear(2, 256), bend(), nn.Dropout(0.1), nn.Linear(256, 256), *last)
        self.classifier = nn.Sequential(nn.Linear(768 + 256, 256), bend(), nn.Dropout(0.1), nn.Linear(256, 1))
        self.metadata_first = metadata_first

    def forward(self, features: torch.Tensor, meta: torch.Tensor) -> torch.Tensor:
        parts = [features, self.meta_mlp(meta)]
        joined: torch.Tensor = self.classifier(torch.cat(parts[::-1] if self.metadata_first else parts, dim=1))
        return joined.squeeze(1)


class ForeignNetwork(nn.Module):
    """ConvNeXt-Tiny whose classifier is an identity, and the head."""

    def __init__(
        self, bend: type[nn.Module] = nn.ReLU, *, metadata_activated: bool = True, metadata_first: bool = False
    ) -> None:
        super().__init__()
        self.backbone = convnext_tiny(weights=None)
        self.backbone.classifier = nn.Identity()
        self.head = ForeignHead(bend, metadata_activated=metadata_activated, metadata_first=metadata_first)

    def forward(self, images: torch.Tensor, meta: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.backbone(images).flatten(1), meta)
        return logits


def foreign_normalised(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(band, y, x) by FACTS 1: median and MAD farther than a quarter of the stamp from the centre, clipped to ±10."""
    size = images.shape[-1]
    y, x = np.indices((size, size))
    outer = (x - size // 2) ** 2 + (y - size // 2) ** 2 > (size / 4) ** 2
    found = []
    for image in images:
        median = np.median(image[outer])
        mad = np.median(np.abs(image[outer] - median))
        found.append(np.clip((image - median) / (1.4826 * mad + 1e-6), -10, 10))
    return np.stack(found).astype(np.float32)


def write_checkpoint(path: Path, network: nn.Module, prefix: str = "", **other: Any) -> Path:
    """Its file: model, opt, args."""
    model = {prefix + name: tensor for name, tensor in network.state_dict().items()}
    args = argparse.Namespace(arch="convnext_tiny", lr=3e-4, norm="raw_robust", use_psf=True)
    optimiser = torch.optim.AdamW([nn.Parameter(torch.zeros(1))])
    torch.save({"model": model, "opt": optimiser.state_dict(), "args": args, "epoch": 6, **other}, path)
    return path


def awake(network: ForeignNetwork, seed: int = 5) -> ForeignNetwork:
    """The network with weights that matter: torchvision scales every block by 1e-6 at first."""
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if name.endswith("layer_scale"):
                tensor.copy_(0.3 * torch.randn(tensor.shape, generator=rng))
    return network.eval()


def asked(network: ForeignNetwork, images: npt.NDArray[np.float32], meta: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Its logits as its own code got them: normalised images, PSF width and depth as they are."""
    prepared = torch.from_numpy(np.stack([foreign_normalised(image) for image in images]))
    with torch.inference_mode():
        return network(prepared, torch.from_numpy(meta).float()).numpy()
