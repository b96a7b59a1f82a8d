"""How a person names bands on a command line: ``grz``, ``g``; in the survey's order whatever the order given."""

from __future__ import annotations

from schemas.job_entry import InputError
from schemas.survey import BANDS


def parse_bands(text: str) -> tuple[str, ...]:
    """The bands of a string such as ``grz``; raises InputError for none, an unknown or a repeated one."""
    if not text or len(set(text)) != len(text) or not set(text) <= set(BANDS):
        raise InputError(f"bands {text!r}; wanted some of {''.join(BANDS)}, each once, for example grz or g")
    return tuple(band for band in BANDS if band in text)
