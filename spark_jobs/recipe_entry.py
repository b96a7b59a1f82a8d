"""What every entry of a recipe keeps to: frozen, checked, no unknown key; and where its numbers come from."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]


class Entry(BaseModel):
    """An entry of a recipe: frozen, unknown keys refused, numbers finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Prior(Entry):
    """An entry whose numbers come from somewhere."""

    reference: str = Field(min_length=3, description="Paper, table or document that the numbers come from.")

    @model_validator(mode="after")
    def _minima_below_maxima(self) -> Self:
        for name in type(self).model_fields:
            low, high = getattr(self, name), getattr(self, name.replace("minimum", "maximum"), None)
            if name.startswith("minimum") and high is not None and low > high:
                raise ValueError(f"{name} is {low} and the maximum is {high}; wanted the minimum below the maximum")
        return self
