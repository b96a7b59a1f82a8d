"""One function over many names: Spark carries what to do, never pixels; results come back as small records."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from schemas.job_entry import BAD_INPUT, room_on_disk
from schemas.locations import StoreUnreachableError
from spark_jobs.progress_log import Counting, ProgressLog, Tally

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Item = TypeVar("Item")
Result = TypeVar("Result")
_POLL_SECONDS = 0.5
_WAITS_SECONDS = (2.0, 10.0)
"""Before a worker tries an item again whose store did not answer; each request was tried again by then."""


def map_names(
    spark: SparkSession,
    items: Sequence[Item],
    function: Callable[[Item], Result],
    *,
    what: str,
    partitions: int | None = None,
    log: ProgressLog | None = None,
    counting: Counting | None = None,
    sizes: Sequence[int] | None = None,
) -> list[Result]:
    """``[function(item) for item in items]`` on the executors, in order; a progress bar is named ``what``, lines go to ``log``.

    Each item is a task of its own unless ``partitions`` says otherwise: which items share a partition must never matter.
    With ``sizes``, one an item, and a task an item, the largest are begun first, to a factor of two so that neighbours stay
    neighbours: one begun last would run on when all others are done.
    The first failing task's error is raised; bad input comes back as the error that it was on the executor. What the workers
    count arrives as each partition ends, once, however often Spark attempts it.
    """
    if not items:
        return []
    context = spark.sparkContext
    slices = min(partitions or len(items), len(items))
    tally = context.accumulator(Tally(), _TallySum())
    first = [-size.bit_length() for size in sizes] if sizes and slices == len(items) else [0] * len(items)
    order = sorted(range(len(items)), key=lambda place: first[place])
    rdd = context.parallelize([items[place] for place in order], slices).map(partial(_counted, function, counting, tally))
    outcome: dict[str, Any] = {}

    def collect() -> None:
        try:
            context.setJobGroup(f"dhs-{what}-{id(rdd)}", what)
            outcome["results"] = rdd.collect()
        except BaseException as error:  # noqa: BLE001 - handed to the thread of the caller, which raises it
            outcome["error"] = error

    if log:
        log.begin(what, len(items))
    thread = threading.Thread(target=collect, daemon=True)
    thread.start()
    with tqdm(total=len(items), desc=what, unit="part", disable=None) as bar:
        while thread.is_alive():
            thread.join(_POLL_SECONDS)
            seen = tally.value
            if log:
                log.see(seen)
                bar.set_postfix_str(f"{log.rows_per_second() or 0:.0f} rows/s", refresh=False)
            bar.update(seen.shards - bar.n)
    if log:
        failed = "error" in outcome or any(isinstance(result, BAD_INPUT) for result in outcome["results"])
        log.end("failed" if failed else "done")
    if "error" in outcome:
        raise outcome["error"]
    answers = dict(zip(order, outcome["results"], strict=True))
    results: list[Result] = []
    for place in range(len(items)):
        if isinstance(answers[place], BAD_INPUT):
            raise answers[place]
        results.append(answers[place])
    return results


class _TallySum:
    """How Spark adds up what the workers counted."""

    def zero(self, _: Tally) -> Tally:
        return Tally()

    def addInPlace(self, one: Tally, other: Tally) -> Tally:  # noqa: N802 - Spark's name
        return one + other


def _counted(function: Callable[[Item], Result], counting: Counting | None, tally: Any, item: Item) -> Result | Exception:
    """What the function answers, the item counted; where a store does not answer the counting, the item was not made."""

    def made(item: Item) -> tuple[Result, Tally]:
        return function(item), counting.tally(item) if counting else Tally(shards=1)

    answer = _answer(made, item)
    result, counted = (answer, Tally(shards=1)) if isinstance(answer, Exception) else answer
    tally.add(counted)
    return result


def _answer(function: Callable[[Item], Result], item: Item) -> Result | Exception:
    """What the function answers, or the bad input that it met: a second attempt would meet it again, and Spark's own way of
    handing an error on buries it in two tracebacks. Where a store does not answer, a second and a third one may do better."""
    waits = iter(_WAITS_SECONDS)
    try:
        while True:
            try:
                with room_on_disk():
                    return function(item)
            except StoreUnreachableError as error:
                wait = next(waits, None)
                if wait is None:
                    return error
                time.sleep(wait)
    except BAD_INPUT as error:
        return error
    finally:
        _freeze_imports()


@cache
def _freeze_imports() -> None:
    """Keep what a worker's first item imported out of its garbage collections: Spark has one after every task, 0.2 s each."""
    gc.collect()
    gc.freeze()
