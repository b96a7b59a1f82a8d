"""Keyed random numbers: the published vectors of Philox, indifference to order, independence of priors, seeds and hosts."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from spark_jobs.physics.keyed_uniforms import normals, philox4x32, text_key, text_keys, uniforms

HOSTS = text_keys([f"host-{n}" for n in range(4000)])


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        # Random123, kat_vectors, philox4x32 10
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_gives_the_published_words(counter: str, key: str, words: str) -> None:
    given = [np.uint64(int(word, 16)) for word in f"{counter} {key}".split()]
    assert [f"{int(word):08x}" for word in philox4x32(*given)] == words.split()


def test_a_draw_is_53_bits_of_the_block_of_its_host_replicate_and_attempt_under_the_key_of_seed_and_prior() -> None:
    host = int.from_bytes(hashlib.sha256(b"9010-1-77").digest()[:8], "big")
    key = int.from_bytes(hashlib.sha256(b"5|shear").digest()[:8], "big")
    assert text_key("9010-1-77") == host
    block = [host >> 32, host & 0xFFFFFFFF, 3, 8, key >> 32, key & 0xFFFFFFFF]
    words = [int(word) for word in philox4x32(*(np.uint64(word) for word in block))]
    expected = [((words[i] >> 5) * 2**26 + (words[i + 1] >> 6) + 0.5) / 2**53 for i in (0, 2)]
    np.testing.assert_array_equal(uniforms(5, "shear", text_keys(["9010-1-77"]), 3, 8), [expected])


def test_a_row_gets_the_same_numbers_alone_in_a_batch_and_in_another_order() -> None:
    replicates, attempts = np.arange(HOSTS.size) % 3, np.arange(HOSTS.size) % 7
    drawn = uniforms(1, "theta_e", HOSTS, replicates, attempts)
    order = np.random.default_rng(0).permutation(HOSTS.size)
    np.testing.assert_array_equal(uniforms(1, "theta_e", HOSTS[order], replicates[order], attempts[order]), drawn[order])
    for row in (0, 1234, 3999):
        np.testing.assert_array_equal(
            uniforms(1, "theta_e", HOSTS[row : row + 1], replicates[row], attempts[row])[0], drawn[row]
        )


@pytest.mark.parametrize(
    ("seed", "prior", "replicate", "attempt"), [(2, "shear", 0, 0), (1, "shears", 0, 0), (1, "shear", 1, 0), (1, "shear", 0, 1)]
)
def test_another_seed_prior_replicate_or_attempt_gives_unrelated_numbers(
    seed: int, prior: str, replicate: int, attempt: int
) -> None:
    first, second = uniforms(1, "shear", HOSTS, 0, 0), uniforms(seed, prior, HOSTS, replicate, attempt)
    assert np.abs(np.corrcoef(first.T, second.T)[:2, 2:]).max() < 4 / np.sqrt(HOSTS.size)
    assert not np.any(first == second)


def test_draws_over_hosts_and_over_attempts_are_uniform_and_their_pairs_independent() -> None:
    one_host = np.repeat(HOSTS[:1], 4000)
    for drawn in (uniforms(1, "position", HOSTS, 0, 0), uniforms(1, "position", one_host, 0, np.arange(4000))):
        assert drawn.shape == (4000, 2)
        assert 0 < drawn.min() < drawn.max() < 1
        for column in drawn.T:
            assert kstest(column, "uniform").pvalue > 1e-3
        counts, _, _ = np.histogram2d(*drawn.T, bins=8, range=[[0, 1], [0, 1]])
        assert chi2.sf(np.sum((counts - 62.5) ** 2 / 62.5), 63) > 1e-3
        assert abs(np.corrcoef(drawn[:-1, 0], drawn[1:, 0])[0, 1]) < 4 / np.sqrt(4000)


def test_normals_are_the_normal_quantiles_of_the_uniforms_and_normal() -> None:
    drawn = normals(1, "scatter", HOSTS, 0, 0)
    assert kstest(drawn.ravel(), "norm").pvalue > 1e-3
    rank_of_uniform = np.argsort(uniforms(1, "scatter", HOSTS, 0, 0), axis=0)
    np.testing.assert_array_equal(np.argsort(drawn, axis=0), rank_of_uniform)
    assert np.all(np.isfinite(drawn))
