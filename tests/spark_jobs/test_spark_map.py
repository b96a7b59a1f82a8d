"""One function over many names: the list comprehension's answer, whatever the partitions, and the first error."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from schemas.array_codec import BlobError
from schemas.contract import ContractError
from schemas.job_entry import InputError
from schemas.locations import LocationError, StoreUnreachableError
from schemas.run_record import RunError
from schemas.stamps import STAMPS
from spark_jobs import spark_map
from spark_jobs.progress_log import Counting, Tally
from spark_jobs.spark_map import map_names

pytestmark = pytest.mark.spark
NAMES = [f"brick-{n * 3 % 7}" for n in range(7)]


@pytest.mark.parametrize("partitions", [None, 1, 2, 7, 1000])
def test_the_answers_stand_in_the_order_of_the_names_however_they_are_bundled(spark: Any, partitions: int | None) -> None:
    answers = map_names(spark, NAMES, lambda name: (name, name.upper()), what="test", partitions=partitions)
    assert answers == [(name, name.upper()) for name in NAMES]


def test_the_function_may_answer_with_nothing_and_names_may_repeat(spark: Any) -> None:
    assert map_names(spark, ["a", "b", "a"], lambda name: None if name == "b" else 1, what="test") == [1, None, 1]


def test_no_names_need_no_spark() -> None:
    assert map_names(None, [], len, what="test") == []  # type: ignore[arg-type]


def test_each_name_is_a_part_of_its_own_unless_said_otherwise(spark: Any) -> None:
    def part(_: str) -> int:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        return context.partitionId()

    assert map_names(spark, NAMES, part, what="test") == list(range(len(NAMES)))
    assert sorted(set(map_names(spark, NAMES, part, what="test", partitions=4))) == [0, 1, 2, 3]


def test_the_largest_are_begun_first_neighbours_stay_neighbours_and_answers_stay_in_order(spark: Any) -> None:
    def part(name: str) -> tuple[str, int]:
        from pyspark import TaskContext

        context = TaskContext.get()
        assert context is not None
        return name, context.partitionId()

    sizes = [5, 7, 4, 900, 1, 6, 1001]
    found = map_names(spark, NAMES, part, what="test", sizes=sizes)
    assert [name for name, _ in found] == NAMES
    begun = sorted(range(len(sizes)), key=lambda place: found[place][1])
    assert [sizes[place] for place in begun] == [900, 1001, 5, 7, 4, 6, 1]  # of one size to a factor of two: as named
    bundled = map_names(spark, NAMES, part, what="test", sizes=sizes, partitions=2)
    assert [of for _, of in bundled] == [0, 0, 0, 1, 1, 1, 1]  # the largest are not bundled with each other


@pytest.mark.parametrize("kind", [InputError, ContractError, RunError, BlobError])
@pytest.mark.parametrize("partitions", [None, 1])
def test_bad_input_met_by_a_worker_is_raised_as_itself(spark: Any, kind: type[Exception], partitions: int | None) -> None:
    def refuse(name: str) -> str:
        if name == "c":
            raise kind(f"{name} holds 3 rows; wanted 4")
        return name

    with pytest.raises(kind, match=r"^c holds 3 rows; wanted 4$"):
        map_names(spark, ["a", "b", "c", "d"], refuse, what="test", partitions=partitions)


def test_a_fault_of_the_program_is_raised_with_the_workers_own_words(spark: Any) -> None:
    with pytest.raises(Exception, match="ZeroDivisionError: division by zero"):
        map_names(spark, [1, 0, 2], lambda number: 1 / number, what="test")
    assert map_names(spark, [1, 2], lambda number: 1 / number, what="test") == [1.0, 0.5]


def test_the_bar_counts_the_names_and_ends_full(spark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bars: list[Any] = []

    class Bar:
        def __init__(self, *, total: int, desc: str, **_: object) -> None:
            self.total, self.desc, self.n = total, desc, 0
            bars.append(self)

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, step: int) -> None:
            assert step >= 0
            self.n += step

    monkeypatch.setattr("spark_jobs.spark_map.tqdm", Bar)
    map_names(spark, NAMES, str.upper, what="shouting", partitions=5)
    assert [(bar.desc, bar.n, bar.total) for bar in bars] == [("shouting", 7, 7)]


def test_what_the_first_item_imported_is_kept_out_of_later_garbage_collections(spark: Any) -> None:
    def frozen(_: str) -> int:
        import gc

        return gc.get_freeze_count()

    assert map_names(spark, ["a", "b"], frozen, what="test", partitions=1)[1] > 0


@pytest.mark.parametrize(("failures", "answer"), [(0, "A"), (2, "A"), (3, None)])
def test_a_store_that_does_not_answer_is_asked_twice_more_and_then_it_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, failures: int, answer: str | None
) -> None:
    calls, waited = list[str](), list[float]()
    monkeypatch.setattr(spark_map, "time", SimpleNamespace(sleep=waited.append))

    def upper(name: str) -> str:
        calls.append(name)
        if len(calls) <= failures:
            raise StoreUnreachableError("s3://b/k: S3 cannot be reached for now")
        return name.upper()

    found = spark_map._answer(upper, "a")
    assert found == answer if answer else isinstance(found, StoreUnreachableError)
    assert len(calls) == min(failures + 1, 3)
    assert waited == [2.0, 10.0][:failures]


def counted(function: Callable[[str], str], counts: Callable[[str], Tally]) -> tuple[Any, list[Tally]]:
    """The answer to an item whose counting is ``counts``, and what was counted."""

    class Counts(Counting):
        def tally(self, item: str) -> Tally:
            return counts(item)

    seen: list[Tally] = []
    answer = spark_map._counted(
        function, Counts(lambda item: [], STAMPS, lambda item: False), SimpleNamespace(add=seen.append), "a"
    )
    return answer, seen


def test_an_item_counts_once_and_one_that_could_not_be_made_is_not_looked_for() -> None:
    def refuse(name: str) -> str:
        raise InputError(name)

    assert counted(str.upper, lambda item: Tally(1, 0, 7)) == ("A", [Tally(1, 0, 7)])
    answer, seen = counted(refuse, lambda item: pytest.fail("looked for"))
    assert isinstance(answer, InputError) and seen == [Tally(1)]


@pytest.mark.parametrize("failures", [2, 3])
def test_a_store_that_does_not_answer_the_counting_is_an_answer_too(monkeypatch: pytest.MonkeyPatch, failures: int) -> None:
    monkeypatch.setattr(spark_map, "time", SimpleNamespace(sleep=lambda seconds: None))
    left = iter([StoreUnreachableError("s3://b/k: S3 cannot be reached for now")] * failures)

    def counts(item: str) -> Tally:
        for error in left:
            raise error
        return Tally(1, 0, 7)

    answer, seen = counted(str.upper, counts)
    assert (answer, seen) == ("A", [Tally(1, 0, 7)]) if failures == 2 else isinstance(answer, StoreUnreachableError)
    assert len(seen) == 1


@pytest.mark.parametrize("error", [LocationError("s3://b/k: access denied"), InputError("3 rows; wanted 4")])
def test_what_a_store_refuses_for_good_is_not_asked_for_again(error: Exception) -> None:
    calls: list[str] = []

    def refuse(name: str) -> str:
        calls.append(name)
        raise error

    assert spark_map._answer(refuse, "a") is error
    assert calls == ["a"]
