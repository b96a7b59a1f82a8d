"""A prediction as a person reads it before paying."""

from __future__ import annotations

from collections.abc import Sequence

from spark_jobs.emr_runs.cost_figures import Costs
from spark_jobs.emr_runs.cost_model import MINUTE, Prediction
from spark_jobs.emr_runs.workload import GB


def prediction_lines(prediction: Prediction, costs: Costs, region: str | None) -> list[str]:
    """Counts, hours, money and bytes, and what they rest on."""
    work, workers = prediction.work, prediction.workers
    most = "at most " if work.at_most else ""
    money = ", ".join(f"{kind} {usd:.2f}" for kind, usd in prediction.usd.items())
    parts = ", ".join(f"{name} {seconds / MINUTE:.1f}" for name, seconds in prediction.seconds.items())
    return [
        f"work: {most}{work.items} {work.item} in {work.shards} shards; reads {most}{size(work.bytes_read)}, writes {most}"
        f"{size(work.bytes_written)}; S3 requests: {work.gets} GET, {work.puts} PUT, {work.lists} LIST",
        f"time: {prediction.hours:.2f} h on {workers.count} x {workers.kind}, {prediction.instance_hours:.1f} instance-hours "
        f"(minutes: {parts})",
        f"money: {prediction.total_usd:.2f} USD ({money}); keeping the output: {prediction.stored_usd_month:.2f} USD a month",
        *price_lines(costs, region),
    ]


def price_lines(costs: Costs, region: str | None) -> Sequence[str]:
    """Whose prices and figures these are."""
    prices = costs.prices
    other = f"; your region is {region}, whose prices differ" if region not in (None, prices.region) else ""
    return [
        f"prices: {prices.region}, {prices.quoted_on}{other}",
        f"not measured, but assumed or published: {', '.join(costs.figures.unmeasured())}",
    ]


def size(count: float) -> str:
    """Bytes in the unit that a person would say."""
    for unit, name in ((1e12, "TB"), (GB, "GB"), (1e6, "MB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count:.0f} bytes"
