"""The commands of the proof, in the order in which their outputs are needed, all below one directory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
RECIPES = ("gen5", "realistic")
"""The failed experiment, and what should have been done. Each names its stamps and the networks trained on them."""
STANDIN = "standin"
SEEDS = (1, 2, 3)
JUDGED_ON = (*RECIPES, STANDIN)
PAIRED = {"gen5": "gen5_paired", "realistic": "realistic"}
"""Whose pairs a network is questioned on: gen5 has none, so its own lenses are made again with a control each."""


@dataclass(frozen=True)
class Size:
    """How much is made. ``settings`` is the trainer's file; the failed one and the other get the same of everything."""

    bricks: int = 75
    lenses: int = 600
    negatives: int = 12000
    settings: Path = HERE / "training.yaml"
    seeds: Sequence[int] = SEEDS
    most: int = 3000


@dataclass(frozen=True)
class Step:
    """One command and what it is for; ``program`` is a file of this folder, or empty for ``dhs``.

    ``breach`` says that exit code 1, a gate that fails, is an outcome and no reason to stop.
    """

    purpose: str
    words: tuple[str, ...]
    program: str = ""
    breach: bool = False


class Places:
    """Where everything lies below the proof's directory."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def at(self, *parts: str) -> str:
        """A path below the directory."""
        return str(self.out.joinpath(*parts))

    def stamps(self, name: str) -> str:
        """Stamps of a recipe, or the stand-in."""
        return self.at(name) if name == STANDIN else self.at(name, "stamps")

    def network(self, recipe: str, seed: int, *parts: str) -> str:
        """What belongs to one network."""
        return self.at(recipe, f"network-{seed}", *parts)

    def judged(self, recipe: str, seeds: Sequence[int], *parts: str) -> str:
        """What one network, or the committee of several, says."""
        return self.network(recipe, seeds[0], *parts) if len(seeds) == 1 else self.at(recipe, "committee", *parts)

    def checkpoints(self, recipe: str, seeds: Sequence[int]) -> list[str]:
        """The networks of a recipe."""
        return [self.network(recipe, seed, "training", "best.pt") for seed in seeds]

    def anchors(self, name: str) -> str:
        """One of the tables that the stand-in's lenses are as anchors."""
        return self.at("standin-anchors", name)

    def autopsy(self, recipe: str) -> str:
        """The autopsy of a recipe's first network."""
        return self.at(recipe, "autopsy")

    def model_gates(self, recipe: str, asked_on: str) -> str:
        """Gates on a recipe's networks, asked on pairs of one kind."""
        return self.at("model_gates", f"{recipe}-on-{asked_on}")


def proof_steps(out: Path, size: Size) -> list[Step]:
    """Every step of the proof."""
    places = Places(out)
    return [
        *_sky(places, size),
        *(step for recipe in RECIPES for step in _stamps(places, recipe, recipe)),
        *_stamps(places, PAIRED["gen5"], str(HERE / "gen5_paired.yaml")),
        *(_data_gates(places, recipe) for recipe in RECIPES),
        *(_stimuli(places, asked_on) for asked_on in PAIRED.values()),
        *(_training(places, recipe, seed, size) for recipe in RECIPES for seed in size.seeds),
        Step(
            "Draw the stand-in for the sky with another engine",
            ("--out", places.at(STANDIN), "--lenses", str(size.lenses), "--negatives", str(size.negatives)),
            "standin_sky.py",
        ),
        Step(
            "Take some of its lenses as anchors",
            ("--sky", places.at(STANDIN), "--out", places.at("standin-anchors")),
            "standin_anchors.py",
        ),
        _integrity(places),
        *(
            step
            for recipe in RECIPES
            for seed in size.seeds
            for name in JUDGED_ON
            for step in _judged(places, recipe, [seed], name)
        ),
        *(step for recipe in RECIPES for step in _judged(places, recipe, size.seeds, STANDIN)),
        *(_autopsy(places, recipe, size) for recipe in RECIPES),
        *(_model_gates(places, recipe, asked_on, size) for recipe in RECIPES for asked_on in PAIRED.values()),
    ]


def _sky(places: Places, size: Size) -> list[Step]:
    drawn = ("--bricks", str(size.bricks), "--brick-size", "1000", "--hosts-per-brick", "40", "--seed", "1")
    sky = places.at("sky")
    return [
        Step("Draw survey bricks and catalogues", ("mock-sky", "--out", sky, *drawn)),
        Step("Choose massive galaxies", ("select-hosts", "--sweeps", f"{sky}/sweep", "--out", places.at("hosts"))),
        Step(
            "Make a bank of source galaxies",
            ("source-bank", "--out", places.at("bank.h5"), "--procedural", "400", "--seed", "1"),
        ),
    ]


def _stamps(places: Places, name: str, recipe: str) -> list[Step]:
    bank, plan, cutouts = places.at("bank.h5"), places.at(name, "plan"), places.at(name, "cutouts")
    drawn = ("--bank", bank, "--seed", "1", "--stamps-per-shard", "1000")
    return [
        Step(f"{name}: plan", ("plan", "--recipe", recipe, "--hosts", places.at("hosts"), *drawn, "--out", plan)),
        Step(f"{name}: cut hosts", ("cut-hosts", "--hosts", plan, "--bricks", places.at("sky"), "--out", cutouts)),
        Step(
            f"{name}: make the stamps",
            ("inject", "--plan", plan, "--cutouts", cutouts, "--bank", bank, "--out", places.at(name, "stamps")),
        ),
    ]


def _data_gates(places: Places, recipe: str) -> Step:
    given = ("--stamps", places.stamps(recipe), "--plan", places.at(recipe, "plan"), "--bank", places.at("bank.h5"))
    words = ("gate-data", *given, "--most", "6000", "--out", places.at(recipe, "gates"))
    return Step(f"{recipe}: ask the stamps for shortcuts", words, breach=True)


def _stimuli(places: Places, name: str) -> Step:
    made_of = ("--plan", places.at(name, "plan"), "--cutouts", places.at(name, "cutouts"), "--bank", places.at("bank.h5"))
    words = ("stimuli", *made_of, "--out", places.at(name, "stimuli"))
    return Step(f"{name}: lenses again with one thing changed", words)


def _training(places: Places, recipe: str, seed: int, size: Size) -> Step:
    how = ("--settings", str(size.settings), "--seed", str(seed), "--device", "cpu")
    words = ("train", "--stamps", places.stamps(recipe), *how, "--out", places.network(recipe, seed, "training"))
    return Step(f"{recipe}: train network {seed}", words)


def _judged(places: Places, recipe: str, seeds: Sequence[int], name: str) -> list[Step]:
    """Scores and figures of one network, or of the committee of several, on one test set."""
    who = f"{recipe}, network {seeds[0]}" if len(seeds) == 1 else f"{recipe}, committee"
    scores = places.judged(recipe, seeds, f"scores-{name}")
    of = ("--stamps", places.stamps(name), "--split", "test", "--device", "cpu")
    figures = ("--scores", scores, "--stamps", places.stamps(name), "--draws", "200")
    return [
        Step(f"{who}: score {name}", ("score", *of, "--checkpoint", *places.checkpoints(recipe, seeds), "--out", scores)),
        Step(
            f"{who}: figures on {name}",
            ("evaluate", *figures, "--out", places.judged(recipe, seeds, f"metrics-{name}.json")),
        ),
    ]


def _model_gates(places: Places, recipe: str, asked_on: str, size: Size) -> Step:
    of = ("--stamps", places.stamps(asked_on), "--checkpoint", places.checkpoints(recipe, size.seeds)[0])
    real = ("--integrity", places.at("integrity"), "--anchor-cutouts", places.anchors("anchor_cutouts"))
    how = (*real, "--stimuli", places.at(asked_on, "stimuli"), "--most", str(size.most), "--draws", "200", "--device", "cpu")
    words = ("gate-model", *of, *how, "--out", places.model_gates(recipe, asked_on))
    return Step(f"{recipe}, network 1: what does it look at, on pairs of {asked_on}", words, breach=True)


def _autopsy(places: Places, recipe: str, size: Size) -> Step:
    of = ("--checkpoint", places.checkpoints(recipe, size.seeds)[0], "--stamps", places.stamps(recipe))
    anchors = ("--anchors", places.anchors("anchors"), "--anchor-cutouts", places.anchors("anchor_cutouts"))
    real = (*anchors, "--integrity", places.at("integrity"), "--random-sky-cutouts", places.anchors("random_sky_cutouts"))
    how = ("--most", str(size.most), "--draws", "200", "--device", "cpu", "--out", places.autopsy(recipe))
    return Step(f"{recipe}, network 1: autopsy beside lenses of the stand-in", ("autopsy", *of, *real, *how))


def _integrity(places: Places) -> Step:
    anchors = ("--anchors", places.anchors("anchors"), "--cutouts", places.anchors("anchor_cutouts"))
    words = ("check-anchors", *anchors, "--random-sky", places.anchors("random_sky_cutouts"), "--out", places.at("integrity"))
    return Step("Is a galaxy at each of them?", words)
