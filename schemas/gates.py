"""The gates table: what was asked of a data set or a network, what came out, how sure it is, and the verdict."""

from __future__ import annotations

from schemas.contract import Column, Contract


def _number(name: str, doc: str) -> Column:
    return Column(name, "float64", doc, nullable=True)


def _objects(name: str, doc: str) -> Column:
    return Column(name, "int64", doc)


GATES = Contract(
    name="gates",
    doc="One row a gate.",
    columns=(
        Column("gate", "string", "Name of the gate, for example metadata_only."),
        Column("question", "string", "What the gate asks."),
        Column("statistic", "string", "What its figure is."),
        Column("verdict", "string", "pass, fail, not supported, or confounded: a figure that no verdict may rest on."),
        Column("why", "string", "Why the verdict is what it is."),
        _number("value", "The statistic; null where it is not supported by enough objects."),
        _number("low", "Lower end of its interval (95 %)."),
        _number("high", "Upper end of its interval (95 %)."),
        _number("harmless_low", "The gate fails where the whole interval lies below this; null where that end is open."),
        _number("harmless_high", "The gate fails where the whole interval lies above this; null where that end is open."),
        _number("tolerated_low", "The gate passes where the whole interval lies within this and the next; null: open."),
        _number("tolerated_high", "Upper end of what is tolerated; null where it is open."),
        Column("reason", "string", "Why the limits are what they are."),
        _objects("n_positive", "Lenses behind the figure."),
        _objects("n_negative", "Others behind the figure."),
        _objects("n_hosts", "Host galaxies behind the figure."),
        _objects("n_units", "Units that the interval is drawn over."),
        Column("interval_unit", "string", "What those units are: cell, host, object, or none."),
    ),
)
