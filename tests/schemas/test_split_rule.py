"""The published split: known answers of SHA-256, edges of the shares, and how often each is drawn."""

from __future__ import annotations

import hashlib
import math

import pytest

from schemas.split_rule import SPLITS, check_fractions, split_number, split_of

GEN5 = {"train": 0.26, "val": 0.39, "test": 0.35}
# Digests that FIPS 180 and NIST publish for these messages; 0xba7816bf = 3128432319, and so on.
PUBLISHED = [
    ("", 0xE3B0C442, 3820012610, 610),
    ("abc", 0xBA7816BF, 3128432319, 319),
    ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 0x248D6A61, 613247585, 585),
]


@pytest.mark.parametrize(("key", "first_digits", "decimal", "number"), PUBLISHED)
def test_the_number_is_the_published_digests_first_eight_digits_modulo_a_thousand(
    key: str, first_digits: int, decimal: int, number: int
) -> None:
    assert first_digits == decimal
    assert decimal - decimal // 1000 * 1000 == number
    assert split_number(key) == number


def test_a_key_is_hashed_as_utf8() -> None:
    digest = hashlib.sha256(b"\xc3\xa9toile").hexdigest()
    assert split_number("étoile") == int(digest[:8], 16) % 1000


@pytest.mark.parametrize(
    ("train", "val", "split"),
    [
        (0.320, 0.680, "train"),
        (0.319, 0.681, "val"),  # the number 319 is not below 319
        (0.0, 0.320, "val"),
        (0.0, 0.319, "test"),
        (0.319, 0.0, "test"),  # a share of nothing takes nobody
        (1.0, 0.0, "train"),
        (0.0, 0.0, "test"),
    ],
)
def test_a_number_belongs_to_the_first_share_that_ends_above_it(train: float, val: float, split: str) -> None:
    fractions = {"train": train, "val": val, "test": round(1 - train - val, 3)}
    check_fractions(fractions)
    assert split_of("abc", fractions) == split


def test_the_binary_rounding_of_shares_moves_nobody() -> None:
    key, shares = PUBLISHED[2][0], {"train": 0.025, "val": 0.56, "test": 0.415}
    assert 0.025 + 0.56 > 0.585  # a sum of floats would give the number 585 to val
    assert split_of(key, shares) == "test"
    nearly = {"train": 0.319 + 1e-10, "val": 0.5, "test": 0.181 - 1e-10}
    check_fractions(nearly)
    assert split_of("abc", nearly) == "val"


def test_cells_fall_into_the_splits_as_often_as_the_shares_say() -> None:
    cells = 20_000
    drawn = [split_of(str(cell), GEN5) for cell in range(cells)]
    for name in SPLITS:
        share = GEN5[name]
        assert abs(drawn.count(name) - cells * share) < 4 * math.sqrt(cells * share * (1 - share))


@pytest.mark.parametrize(
    ("fractions", "told"),
    [
        ({"train": 0.7, "val": 0.3}, r"name \['train', 'val'\]; wanted exactly \['train', 'val', 'test'\]"),
        ({"train": 0.7, "val": 0.1, "test": 0.1, "spare": 0.1}, r"'spare'.*wanted exactly"),
        ({"train": 0.7, "val": 0.2, "test": 0.2}, "wanted non-negative thousandths that add up to 1"),
        ({"train": 1.1, "val": -0.2, "test": 0.1}, "wanted non-negative thousandths"),
        ({"train": 0.7005, "val": 0.1495, "test": 0.15}, "wanted non-negative thousandths"),
        ({"train": math.nan, "val": 0.5, "test": 0.5}, "wanted finite numbers"),
        ({"train": math.inf, "val": 0.5, "test": 0.5}, "wanted finite numbers"),
    ],
)
def test_shares_that_are_no_split_are_refused(fractions: dict[str, float], told: str) -> None:
    with pytest.raises(ValueError, match=f"split fractions.*{told}"):
        check_fractions(fractions)


def test_shares_that_leave_a_gap_are_refused_where_a_number_falls_into_it() -> None:
    gap = {"train": 0.1, "val": 0.1, "test": 0.1}
    with pytest.raises(ValueError, match=r"add up to 0\.3; wanted 1"):
        split_of("abc", gap)
