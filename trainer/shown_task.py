"""One stamp for a person: what is known of it as text, and it beside its pair as a picture.

Images are float32 (band g r z, y, x), nMgy per pixel; north is up and east is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.array_codec import decode_stamp
from schemas.contract import Column
from schemas.file_commit import unfinished_file
from schemas.locations import Location
from schemas.refusal_reasons import MEANINGS, names_of
from schemas.stamps import OBSERVABLES, STAMPS
from schemas.tasks import ACCEPTANCE, IDENTITY, LENS, NEGATIVE, PSF_USED, SOURCE

Row = Mapping[str, Any]
Image = npt.NDArray[np.float32]

_GROUPS: dict[str, tuple[Column, ...]] = {
    "identity": IDENTITY,
    "host": tuple(c for c in STAMPS if not c.injected and c not in IDENTITY and c.name not in ("reasons", "stamp_npz")),
    "lens": LENS,
    "source": SOURCE,
    "what was added instead of an arc": NEGATIVE,
    "how it was drawn": ACCEPTANCE,
    "what is seen": (*OBSERVABLES, *PSF_USED, *(c for c in STAMPS if c.name.startswith("gain_"))),
}


def described(row: Row, pair: Sequence[Row]) -> str:
    """Every column that has a value, group by group, with its unit; reasons in words; the other members of its pair."""
    lines = []
    for title, columns in _GROUPS.items():
        known = [(column, row[column.name]) for column in columns if row[column.name] is not None]
        lines += (
            [title, *(f"  {column.name:<28} {_value(value)} {column.unit}".rstrip() for column, value in known)]
            if known
            else []
        )
    lines += (
        ["state", *(f"  refused: {words}" for words in refusals(row["reasons"]))] if row["reasons"] else ["state", "  made"]
    )
    lines += ["pair", *(f"  {other['task_id']}  {other['kind']}, {_state(other)}" for other in pair)] if pair else []
    return "\n".join(lines) + "\n"


def refusals(reasons: int) -> list[str]:
    """The reasons of a row in words."""
    meanings = {reason.name: meaning for reason, meaning in MEANINGS.items()}
    return [f"{name}, {meanings.get(name, 'no published meaning')}" for name in names_of(reasons)]


def draw_task(row: Row, partner: Row | None, out: Location) -> None:
    """The stamp; beside it its partner and, where one of the two has an arc, what was added, stretched. Written whole.

    Both rows must have pixels.
    """
    from matplotlib.figure import Figure

    from trainer.gallery import colour_picture, difference_picture

    image = decode_stamp(row["stamp_npz"])
    panels = [(f"{row['kind']}, {row['split']}", colour_picture(image))]
    if partner is not None:
        other = decode_stamp(partner["stamp_npz"])
        added = difference_picture(image, other) if row["label"] else difference_picture(other, image)
        panels += [(f"its pair: {partner['kind']}", colour_picture(other)), ("what was added, stretched", added)]
    figure = Figure(figsize=(0.4 + 3.1 * len(panels), 3.9), layout="constrained", facecolor="white")
    for axes, (title, picture) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        axes.imshow(picture, origin="lower", interpolation="nearest")
        axes.set_title(title, fontsize=9)
        axes.set_axis_off()
    figure.suptitle(_headline(row), fontsize=8.5, color="#2b3138")
    with unfinished_file(out) as unfinished:
        figure.savefig(unfinished, format="png", dpi=120, metadata={"Software": None})


def _headline(row: Row) -> str:
    facts = (
        ("θE", "theta_e_arcsec", "″"),
        ("arc S/N", "arc_snr", ""),
        ("host r", "mag_raw_r", ""),
        ("arc r", "injected_mag_r", ""),
    )
    known = ", ".join(f"{name} {row[column]:.2f}{unit}" for name, column, unit in facts if row[column] is not None)
    return f"{row['task_id']}\n{known}"


def _state(row: Row) -> str:
    return f"refused: {', '.join(names_of(row['reasons']))}" if row["reasons"] else "made"


def _value(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
