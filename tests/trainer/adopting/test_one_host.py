"""One galaxy is one host however often and however exactly it is listed."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.adopting.one_host import NOWHERE, SAME_HOST_ARCSEC, HostNames, link_hosts, position_name

ARCSEC = 1 / 3600


def named(ra: list[float], dec: list[float]) -> list[str]:
    positions = np.array(ra), np.array(dec)
    return link_hosts(*positions).of(*positions)


def test_equal_positions_are_one_host_without_a_table() -> None:
    ra, dec = np.array([150.1234567, 150.1234567, 20.0]), np.array([2.5, 2.5, 2.5])
    hosts = link_hosts(ra, dec)
    assert not hosts.linked
    assert hosts.of(ra, dec) == ["J150.1234567+2.5000000"] * 2 + ["J20.0000000+2.5000000"]


@pytest.mark.parametrize("dec", [0.0, 60.0, -89.0])
def test_positions_closer_than_half_an_arcsec_are_one_host_at_any_place_of_a_grid(dec: float) -> None:
    rng = np.random.default_rng(2)
    ra = rng.uniform(0, 360, 300)
    decs = dec + rng.uniform(-0.4, 0.4, 300)
    beside = 0.9 * SAME_HOST_ARCSEC * ARCSEC / np.cos(np.radians(decs))
    names = named([*ra, *(ra + beside)], [*decs, *decs])
    assert names[:300] == names[300:]
    assert len(set(names)) == 300


def test_positions_farther_apart_are_two_hosts() -> None:
    assert len(set(named([10.0, 10.0], [0.0, 1.1 * SAME_HOST_ARCSEC * ARCSEC]))) == 2


def test_a_chain_is_one_host_named_by_its_westernmost_position() -> None:
    steps = [10.0 + 0.4 * n * ARCSEC for n in range(4)]
    assert named(steps, [1.0] * 4) == [position_name(10.0, 1.0)] * 4


def test_a_pair_across_the_zero_meridian_is_one_host() -> None:
    assert len(set(named([0.1 * ARCSEC, 360 - 0.1 * ARCSEC], [5.0, 5.0]))) == 1


def test_the_order_of_the_rows_names_nobody_anew() -> None:
    rng = np.random.default_rng(3)
    ra, dec = rng.uniform(0, 0.01, 400), rng.uniform(0, 0.01, 400)
    order = rng.permutation(400)
    names = named(ra.tolist(), dec.tolist())
    assert len(set(names)) < 400
    assert named(ra[order].tolist(), dec[order].tolist()) == [names[n] for n in order]


def test_a_row_without_a_position_is_nowhere_and_links_nobody() -> None:
    assert named([np.nan, 10.0, 10.0], [1.0, np.nan, 95.0]) == [NOWHERE] * 3


def test_names_survive_their_file_to_the_last_bit() -> None:
    ra, dec = np.array([1 / 3, 1 / 3 + 0.1 * ARCSEC]), np.array([2 / 7, 2 / 7])
    hosts = link_hosts(ra, dec)
    assert len(hosts.linked) == 2
    assert HostNames.from_text(hosts.to_text()) == hosts


def test_a_declination_of_minus_zero_is_zero() -> None:
    assert position_name(1.0, -0.0) == position_name(1.0, 0.0)
