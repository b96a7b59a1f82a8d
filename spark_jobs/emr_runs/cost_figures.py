"""What a prediction rests on: figures with unit, date and source, and prices; from ``deploy/emr/costs.yaml``."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.job_entry import InputError
from spark_jobs.emr_runs.deployment_files import Frozen

Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Figure(Frozen):
    """One figure. ``measured`` says whether somebody measured it with this code; null is a figure that nobody has."""

    value: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
    unit: str = ""
    measured: bool
    measured_on: date | None = Field(default=None, alias="date")
    source: Annotated[str, Field(min_length=10)]

    @model_validator(mode="after")
    def _measured_ones_have_a_day(self) -> Self:
        if self.measured and (self.value is None or self.measured_on is None):
            raise ValueError("a measured figure needs a value and a date")
        return self

    def known(self, name: str) -> float:
        """The value; InputError where there is none."""
        if self.value is None:
            raise InputError(f"there is no figure {name} ({self.source}), so nothing that needs it can be predicted")
        return self.value


class Figures(Frozen):
    """Each entry is explained by its unit and source in ``costs.yaml``."""

    plan_tasks_per_core_second: Figure
    inject_tasks_per_core_second: Figure
    plane_core_seconds: Figure
    tile_core_seconds: Figure
    select_megabytes_per_core_second: Figure
    compact_megabytes_per_core_second: Figure
    kernel_core_seconds: Figure
    hash_gigabytes_per_core_second: Figure
    stamp_bytes: Figure
    quantised_stamp_bytes: Figure
    cutout_bytes: Figure
    plan_row_bytes: Figure
    host_row_bytes: Figure
    brick_megabytes: Figure
    vcpu_share_of_core: Figure
    slowest_over_mean: Figure
    cluster_start_minutes: Figure
    serverless_start_minutes: Figure
    spark_start_seconds: Figure
    objects_per_brick: Figure
    rows_per_get: Figure
    upload_part_megabytes: Figure
    s3_answer_seconds: Figure
    keys_per_listing: Figure
    gets_per_second_and_prefix: Figure
    puts_per_second_and_prefix: Figure

    def of(self, name: str) -> float:
        """A figure's value by name; InputError where nobody has it."""
        figure: Figure = getattr(self, name)
        return figure.known(name)

    def unmeasured(self) -> list[str]:
        """Names of the figures that are published limits or assumptions; those that nobody has at all are left out."""
        figures: dict[str, Figure] = {name: getattr(self, name) for name in type(self).model_fields}
        return [name for name, figure in figures.items() if figure.value is not None and not figure.measured]


class InstancePrice(Frozen):
    """USD an hour of one instance; EMR's fee comes on top of either."""

    on_demand: Price
    spot: Price
    emr: Price


class Prices(Frozen):
    """Prices of one region on one day, USD."""

    region: str
    quoted_on: date = Field(alias="date")
    source: str
    instance_hour: dict[str, InstancePrice]
    serverless_vcpu_hour: Price
    serverless_gb_hour: Price
    serverless_disk_gb_hour: Price
    disk_gb_month: Price
    s3_thousand_puts: Price
    s3_thousand_gets: Price
    s3_gb_month: Price

    def of_instance(self, name: str) -> InstancePrice:
        """Price of an instance type; InputError where the file has none."""
        if name not in self.instance_hour:
            raise InputError(f"costs have no price of {name} (they have {', '.join(self.instance_hour)}); wanted it in --costs")
        return self.instance_hour[name]


class Costs(Frozen):
    """All of ``costs.yaml``."""

    figures: Figures
    prices: Prices
