"""What a recipe may say of weighting: which accepted draws become tasks, so that radii or lenses come as often as wanted.

A draw that the acceptance took is kept with a chance of its own, once: it is not drawn again, and counts as refused by weight.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from spark_jobs.recipe_entry import Prior, Share
from spark_jobs.recipe_units import Arcsec

PositiveArcsec = Annotated[Arcsec, Field(gt=0)]


class RadiusWeighting(Prior):
    """The chance ``keep`` at the Einstein radii ``theta_e``, straight between them, and that of the nearest one beyond.

    ``dhs population`` prints the chances that make a recipe's radii come equally often.
    """

    law: Literal["theta_e"]
    theta_e: list[PositiveArcsec] = Field(min_length=2)
    keep: list[Share] = Field(min_length=2)

    @model_validator(mode="after")
    def _one_chance_a_radius(self) -> Self:
        if len(self.theta_e) != len(self.keep) or sorted(set(self.theta_e)) != self.theta_e:
            raise ValueError(
                f"{len(self.theta_e)} radii and {len(self.keep)} chances; wanted rising radii, and one chance for each"
            )
        if not max(self.keep) > 0:
            raise ValueError("every chance is 0; wanted one above 0")
        return self


class CrossSectionWeighting(Prior):
    """A chance in proportion to the area of the source plane that the lens images more than once.

    Sources are as dense behind one lens as behind another, so this is how often lenses occur. ``whole_at`` is the Einstein
    radius of the round lens that is kept always, as larger ones are.
    """

    law: Literal["cross_section"]
    whole_at: PositiveArcsec


Weighting = Annotated[RadiusWeighting | CrossSectionWeighting, Field(discriminator="law")]
