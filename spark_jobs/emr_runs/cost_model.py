"""What a job costs on given workers: hours, money, and what it waits for; a pure function of work, figures and prices.

A worker reads, computes and writes a shard in turn, so the parts of a run add up, and so do the two directions of the network.
All of it is a prediction, and says which of its figures nobody has measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from spark_jobs.emr_runs.cluster_settings import ClusterSettings
from spark_jobs.emr_runs.cost_figures import Costs, Figures
from spark_jobs.emr_runs.workload import GB, Workload

HOUR, MINUTE, MONTH_HOURS = 3600.0, 60.0, 730.0
FREE_SERVERLESS_DISK_GB = 20
FIXED = ("S3 GET limit", "S3 PUT limit", "driver")
"""Parts that more workers do not shorten."""


@dataclass(frozen=True)
class Workers:
    """Those that compute, and what is paid for an hour of the whole, by kind, USD."""

    count: int
    vcpus: int
    gigabytes_per_second: float
    hourly_usd: dict[str, float]
    instances: int
    start_minutes: float
    kind: str


@dataclass(frozen=True)
class Prediction:
    """``seconds`` by part in the order of the run; ``usd`` by kind."""

    work: Workload
    workers: Workers
    seconds: dict[str, float]
    usd: dict[str, float]
    stored_usd_month: float

    @property
    def hours(self) -> float:
        """From the request to the end."""
        return sum(self.seconds.values()) / HOUR

    @property
    def instance_hours(self) -> float:
        """Hours that are paid for, over all instances."""
        return self.hours * self.workers.instances

    @property
    def total_usd(self) -> float:
        """Money for the run, storage left out."""
        return sum(self.usd.values())

    @property
    def longest_part(self) -> str:
        """What the run waits for most, starting left out."""
        parts = {name: seconds for name, seconds in self.seconds.items() if not name.startswith("start")}
        return max(parts, key=lambda name: parts[name])


def cluster_workers(settings: ClusterSettings, costs: Costs) -> Workers:
    """Workers of a cluster, and the instance that leads it; of several types the dearest is counted."""
    fleet = settings.fleet
    prices = [costs.prices.of_instance(name) for name in fleet.worker_types]
    leader = costs.prices.of_instance(fleet.primary_type)
    task_price = max(price.spot if fleet.task_market == "spot" else price.on_demand for price in prices)
    on_demand = max(price.on_demand for price in prices)
    instances = fleet.workers + 1
    hourly = {
        "on demand": leader.on_demand + fleet.core_workers * on_demand,
        fleet.task_market.replace("_", " ") + " task workers": fleet.task_workers * task_price,
        "EMR": leader.emr + fleet.workers * max(price.emr for price in prices),
        "disks": instances * fleet.disk_gib * costs.prices.disk_gb_month / MONTH_HOURS,
    }
    rate = fleet.network_gbit_per_second / 8
    start = costs.figures.of("cluster_start_minutes")
    return Workers(fleet.workers, fleet.vcpus, rate, hourly, instances, start, " or ".join(fleet.worker_types))


def serverless_workers(settings: ClusterSettings, costs: Costs) -> Workers:
    """Workers of a serverless application, and its driver; starting is not paid for, but counted."""
    pool, prices = settings.serverless, costs.prices
    count = pool.workers + 1
    disk = max(0, pool.worker_disk_gb - FREE_SERVERLESS_DISK_GB)
    hourly = {
        "vCPU": count * pool.worker_vcpus * prices.serverless_vcpu_hour,
        "memory": count * pool.worker_memory_gb * prices.serverless_gb_hour,
        "disk": count * disk * prices.serverless_disk_gb_hour,
    }
    start = costs.figures.of("serverless_start_minutes")
    kind = f"serverless workers of {pool.worker_vcpus} vCPU"
    return Workers(pool.workers, pool.worker_vcpus, pool.network_gbit_per_second / 8, hourly, count, start, kind)


def predict(work: Workload, workers: Workers, costs: Costs) -> Prediction:
    """Hours and money of one job on workers that are started for it."""
    seconds = {"start of the workers": workers.start_minutes * MINUTE}
    seconds["start of Spark and kernels"] = _warming(work, costs.figures)
    busy = busy_seconds(work, workers, costs.figures)
    seconds |= {name: busy[name] for name in ("computing", "network")}
    # Requests are spread over the run: they only hold it up where the limit asks for more time than the work itself takes.
    working = sum(busy[name] for name in ("computing", "network"))
    seconds["S3 request limits"] = max(0.0, busy["S3 GET limit"] - working, busy["S3 PUT limit"] - working)
    seconds["driver"] = busy["driver"]
    hours = sum(seconds.values()) / HOUR
    usd = {kind: price * hours for kind, price in workers.hourly_usd.items()}
    usd["S3 requests"] = (
        (work.puts + work.lists + work.brick_lists) * costs.prices.s3_thousand_puts + work.gets * costs.prices.s3_thousand_gets
    ) / 1000
    return Prediction(work, workers, seconds, usd, work.bytes_written / GB * costs.prices.s3_gb_month)


def busy_seconds(work: Workload, workers: Workers, figures: Figures) -> dict[str, float]:
    """How long each resource alone would take for a job's work."""
    slots = min(workers.count * workers.vcpus, max(work.shards, 1))
    hashing = work.bytes_written / (figures.of("hash_gigabytes_per_core_second") * GB)  # where the files are written
    computing = (work.core_seconds + hashing) / (slots * figures.of("vcpu_share_of_core")) * figures.of("slowest_over_mean")
    machines = min(workers.count, math.ceil(slots / workers.vcpus))
    network = (work.bytes_read + work.bytes_written) / (machines * workers.gigabytes_per_second * GB)
    return {
        "computing": computing,
        "network": network,
        "S3 GET limit": work.gets / figures.of("gets_per_second_and_prefix"),
        "S3 PUT limit": work.puts / figures.of("puts_per_second_and_prefix"),
        "driver": listing_seconds(work, figures),
    }


def listing_seconds(work: Workload, figures: Figures) -> float:
    """Listing the output once, page after page."""
    return work.lists * figures.of("s3_answer_seconds")


def workers_until(work: Workload, workers: Workers, figures: Figures) -> tuple[str, int]:
    """What saturates first as workers are added, and at how many: from there on, more of them wait for it."""
    busy = busy_seconds(work, workers, figures)
    shared = (busy["computing"] + busy["network"]) * workers.count
    first = max(FIXED, key=lambda name: busy[name])
    return first, max(1, math.floor(shared / busy[first])) if busy[first] else workers.count


def _warming(work: Workload, figures: Figures) -> float:
    kernels = figures.of("kernel_core_seconds") / figures.of("vcpu_share_of_core") if work.starts_kernels else 0.0
    return figures.of("spark_start_seconds") + kernels
