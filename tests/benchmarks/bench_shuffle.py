"""How well row groups are mixed, against a full shuffle of all stamps in the same run.

    python tests/benchmarks/bench_shuffle.py [--groups 4000] [--batch-size 512] [--stamps 8192] [--epochs 3] [--seeds 3]

Stamps files are sorted by sky position. First, without pixels: the scatter of the mean position of a batch, and the share of a
batch's stamps that have a neighbour from their own row group, both for the reader's order and for a full shuffle. Then what it
does to a training: drawn stamps whose noise and seeing drift along the file, the same network and steps, validation loss at the
end for each order; medians of several seeds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from trainer.lens_network import LensNetwork
from trainer.losses import losses_from_logits
from trainer.optimisation import learning_rate, make_optimiser
from trainer.sample_order import OrderPlan, lane_order
from trainer.train_settings import TrainSettings, settings_from

ROWS = 256
DEPTHS = ((8, 1), (8, 4), (8, 16), (32, 16))
Order = npt.NDArray[np.int64]


def main() -> None:
    """Print the figures."""
    arguments = parser().parse_args()
    groups, batch = arguments.groups, arguments.batch_size
    print(f"{groups * ROWS} stamps in {groups} row groups, batches of {batch}; MB are undecoded stamps of 64 pixels in memory")
    full = np.random.default_rng(1).permutation(groups * ROWS)
    print(
        f"full shuffle              scatter of a batch's position 1.00, stamps with a neighbour {neighbours(full, batch):.2f}"
    )
    for lanes, depth in DEPTHS:
        order = reader_order(groups, lanes, depth, batch, epoch=0)
        ratio = position_scatter(order, batch) / position_scatter(full, batch)
        memory = lanes * depth * ROWS * 0.0494
        print(f"{lanes:3d} lanes x {depth:2d} row groups  {ratio:.2f}, {neighbours(order, batch):.2f}; {memory:.0f} MB")
    torch.set_num_threads(2)
    losses: dict[str, list[float]] = {}
    for seed in range(arguments.seeds):
        images, labels = drifting_stamps(arguments.stamps, seed)
        for name in ("full shuffle", "8 x 1", "8 x 4", "as it lies"):
            losses.setdefault(name, []).append(trained(images, labels, name, arguments.epochs, seed))
    print(f"validation loss after {arguments.epochs} epochs of {arguments.stamps} stamps that drift:")
    for name, values in losses.items():
        spread = ", ".join(f"{value:.4f}" for value in values)
        print(f"  {name:12s} {statistics.median(values):.4f}  ({spread})")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parsed = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parsed.add_argument
    add("--groups", type=int, default=4000, help="row groups of the statistics")
    add("--batch-size", type=int, default=512, help="stamps a step")
    add("--stamps", type=int, default=8192, help="stamps of the training")
    add("--epochs", type=int, default=3, help="passes of the training")
    add("--seeds", type=int, default=3, help="trainings an order")
    return parsed


def reader_order(groups: int, lanes: int, depth: int, batch: int, epoch: int) -> Order:
    """The samples batch after batch, as the reader puts them together."""
    plan = OrderPlan(np.full(groups, ROWS), lanes, batch, depth, 1)
    orders = [lane_order(plan, epoch, lane) for lane in range(lanes)]
    size = plan.micro_batch
    whole = min(len(order) for order in orders) // size
    return np.stack([order[: whole * size].reshape(whole, size) for order in orders], axis=1).reshape(-1)


def position_scatter(order: Order, batch: int) -> float:
    """Standard deviation of the mean place in the files of a batch."""
    whole = len(order) // batch * batch
    return float(order[:whole].reshape(-1, batch).mean(axis=1).std())


def neighbours(order: Order, batch: int) -> float:
    """Share of the stamps of a batch that are not the first of their row group in it."""
    whole = len(order) // batch * batch
    group = np.sort(order[:whole].reshape(-1, batch) // ROWS, axis=1)
    return float((group[:, 1:] == group[:, :-1]).mean())


def drifting_stamps(count: int, seed: int, size: int = 32) -> tuple[torch.Tensor, torch.Tensor]:
    """Blobs with or without a faint ring, (stamp, 3, y, x); noise and width drift from the first to the last."""
    random = np.random.default_rng(seed)
    drift = np.linspace(0, 1, count)[:, None, None]
    y, x = np.mgrid[:size, :size] - size / 2
    r = np.hypot(x, y)[None]
    labels = random.integers(0, 2, count)
    width = 1.2 + 1.2 * drift
    ring = 0.9 * labels[:, None, None] * np.exp(-(((r - random.uniform(4, 9, (count, 1, 1))) / width) ** 2))
    image = 6 * np.exp(-((r / (2.5 + drift)) ** 2)) + ring
    noise = (0.6 + 1.2 * drift)[:, None] * random.normal(size=(count, 3, size, size))
    return torch.from_numpy((image[:, None] + noise).astype(np.float32)), torch.from_numpy(labels.astype(np.float32))


def trained(images: torch.Tensor, labels: torch.Tensor, name: str, epochs: int, seed: int) -> float:
    """Validation loss of a network trained on three quarters of the row groups in one of the orders."""
    content = {"network": {"backbone": "resnet10", "drop_path": 0.0}, "optimisation": {"epochs": epochs, "batch_size": 64}}
    settings = settings_from(content, "of the benchmark")
    group = np.arange(len(images)) // ROWS
    training, held_out = np.flatnonzero(group % 4 != 3), np.flatnonzero(group % 4 == 3)
    torch.manual_seed(seed)
    network = LensNetwork(settings.network, 1)
    optimiser = make_optimiser(network, settings.optimisation)
    network.train()
    orders = [training[order_named(name, len(training), epoch)] for epoch in range(epochs)]
    steps = [order[at : at + 64] for order in orders for at in range(0, len(order) // 64 * 64, 64)]
    for number, step in enumerate(steps):
        for group_of_weights in optimiser.param_groups:
            group_of_weights["lr"] = learning_rate(number, len(steps) // epochs, settings.optimisation)
        loss = loss_of(network, images[step], labels[step], settings).mean()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    network.eval()
    with torch.inference_mode():
        return float(loss_of(network, images[held_out], labels[held_out], settings).mean())


def order_named(name: str, count: int, epoch: int) -> Order:
    """The order of an epoch over ``count`` stamps in row groups."""
    if name == "as it lies":
        return np.arange(count)
    if name == "full shuffle":
        return np.random.default_rng(epoch).permutation(count)
    lanes, depth = map(int, name.split(" x "))
    return reader_order(count // ROWS, lanes, depth, 64, epoch)


def loss_of(network: LensNetwork, images: torch.Tensor, labels: torch.Tensor, settings: TrainSettings) -> torch.Tensor:
    """Loss of each stamp."""
    return losses_from_logits(network(images, torch.zeros(len(images), 1)), labels, settings.loss)


if __name__ == "__main__":
    main()
