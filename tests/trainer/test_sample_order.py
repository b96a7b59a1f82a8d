"""The order of samples: complete, different each epoch, the same for any number of processes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.job_entry import InputError
from trainer.sample_order import OrderPlan, lane_order, lanes_of_rank, lanes_of_worker


def plan_of(sizes: list[int], *, lanes: int = 4, batch: int = 16, depth: int = 3, seed: int = 5) -> OrderPlan:
    return OrderPlan(np.array(sizes, np.int64), lanes, batch, depth, seed)


def whole_epoch(plan: OrderPlan, epoch: int) -> list[int]:
    return [int(sample) for lane in range(plan.lanes) for sample in lane_order(plan, epoch, lane)]


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=30),
    lanes=st.integers(1, 9),
    depth=st.integers(1, 5),
    epoch=st.integers(0, 3),
)
def test_every_sample_comes_exactly_once_whatever_the_lengths_of_the_row_groups(
    sizes: list[int], lanes: int, depth: int, epoch: int
) -> None:
    plan = plan_of(sizes, lanes=lanes, batch=4 * lanes, depth=depth)
    orders = [lane_order(plan, epoch, lane) for lane in range(lanes)]
    assert sorted(np.concatenate(orders).tolist()) == list(range(sum(sizes)))
    lengths = [len(order) for order in orders]
    assert max(lengths) - min(lengths) <= 1
    assert plan.batches == -(-max(lengths) // 4)


def test_epochs_and_seeds_differ_and_the_same_question_has_the_same_answer() -> None:
    plan = plan_of([50, 20, 70, 33])
    assert whole_epoch(plan, 0) == whole_epoch(plan, 0)
    assert whole_epoch(plan, 0) != whole_epoch(plan, 1)
    assert whole_epoch(plan, 0) != whole_epoch(plan_of([50, 20, 70, 33], seed=6), 0)


def test_a_lane_gets_other_row_groups_each_epoch_so_that_batches_meet_new_neighbours() -> None:
    plan = plan_of([10] * 64)
    lanes = [set((lane_order(plan, epoch, 0) // 10).tolist()) for epoch in (0, 1)]
    assert len(lanes[0] & lanes[1]) < 12  # 16 groups a lane; 4 of them by chance


def test_a_lane_mixes_its_row_groups_instead_of_reading_them_one_by_one() -> None:
    plan = plan_of([100] * 40, lanes=2, depth=4)
    groups = lane_order(plan, 0, 0) // 100
    assert np.mean(groups[1:] == groups[:-1]) < 0.35  # one by one would give 0.99, a perfect mix of four 0.25


def test_a_lane_holds_no_more_row_groups_at_a_time_than_it_was_allowed() -> None:
    plan = plan_of([10] * 64, lanes=4, depth=3)
    for lane in range(4):
        order = lane_order(plan, 2, lane) // 10
        first = {int(group): int(np.flatnonzero(order == group)[0]) for group in np.unique(order)}
        last = {int(group): int(np.flatnonzero(order == group)[-1]) for group in np.unique(order)}
        alive = [sum(first[g] <= at <= last[g] for g in first) for at in range(len(order))]
        assert max(alive) <= 3


def test_lanes_do_not_all_turn_to_new_row_groups_at_the_same_step() -> None:
    plan = plan_of([10] * 64, lanes=4, depth=4)
    first_windows = []
    for lane in range(4):
        groups = lane_order(plan, 0, lane) // 10
        runs = [len(set(groups[:n].tolist())) for n in range(1, len(groups) + 1)]
        mixed = next(n for n in range(10, len(groups) + 1, 10) if runs[n - 1] * 10 == n)
        first_windows.append(mixed)
    assert first_windows == [10, 20, 30, 40]


@pytest.mark.parametrize(("world", "workers"), [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (4, 1)])
def test_ranks_and_workers_only_divide_the_lanes_among_themselves(world: int, workers: int) -> None:
    shares = [lanes_of_worker(4, rank, world, worker, workers) for rank in range(world) for worker in range(workers)]
    assert sorted(lane for share in shares for lane in share) == [0, 1, 2, 3]
    assert len({len(share) for share in shares}) == 1


def test_lanes_that_cannot_be_shared_out_are_refused_with_both_numbers() -> None:
    with pytest.raises(InputError, match=r"data.lanes is 4 and there are 3 ranks"):
        lanes_of_rank(4, 0, 3)
    with pytest.raises(InputError, match=r"4 lanes a rank and 3 reading processes"):
        lanes_of_worker(4, 0, 1, 0, 3)
