"""What inputs hold is read from their records; what is absent, unfinished or of another recipe is told by its option."""

from __future__ import annotations

import pytest

from schemas.job_entry import InputError
from spark_jobs.emr_runs.job_call import job_call
from spark_jobs.emr_runs.run_inputs import Bucket, counts_of_call, split_address
from spark_jobs.emr_runs.workload import Counts
from tests.s3_store import BUCKET
from tests.spark_jobs.emr_runs.emr_account import RECIPE, WORDS, EmrAccount


def counts(account: EmrAccount, job: str, *more: str) -> Counts:
    return counts_of_call(job_call(job, [*WORDS[job], *more]), Bucket(account.access))


def test_stamps_are_counted_by_the_plans_tasks_and_read_the_cutouts(account: EmrAccount) -> None:
    found = counts(account, "inject")
    assert found == Counts(tasks=200, hosts=80, shards=4, input_bytes=8 * 1000 + 4 * 2_000_000)


def test_a_quantised_recipe_that_splits_by_task_is_seen(account: EmrAccount) -> None:
    from spark_jobs.recipe import parse_recipe

    text = """based_on: gen5
name: other
stamp: {size: 64 pix, encoding: quantised}
"""
    recipe = parse_recipe(text, "other")
    account.put("plan/recipe.yaml", recipe.as_yaml())
    account.put_run("plan", {"tasks/shard-00000.parquet": (7, 10)}, recipe_hash=recipe.recipe_hash)
    found = counts(account, "inject")
    assert (found.tasks, found.quantised, found.split_by_task) == (7, True, True)


def test_a_plan_is_at_most_what_the_usable_hosts_and_the_guard_of_the_recipe_allow(
    account: EmrAccount, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert counts(account, "plan") == Counts(tasks=round(90 * 2.8181818), hosts=90, shards=1, input_bytes=70_000)
    own = tmp_path_factory.mktemp("recipe") / "few.yaml"
    own.write_text("based_on: realistic\nname: few\ntasks: {replicates: 1, controls: paired, max_tasks: 50}\n")
    words = ["--recipe", str(own), *WORDS["plan"][2:]]
    assert counts_of_call(job_call("plan", words), Bucket(account.access)).tasks == 50


def test_cutouts_are_counted_by_the_hosts_of_a_plan_or_of_a_selection(account: EmrAccount) -> None:
    assert counts(account, "cut-hosts") == Counts(hosts=80, bricks=80, shards=4)
    assert counts(account, "cut-hosts", "--hosts", f"s3://{BUCKET}/hosts") == Counts(hosts=100, bricks=100, shards=1)


def test_sweeps_are_counted_by_their_bytes(account: EmrAccount) -> None:
    account.put("sweeps/sweep-005m005-010p000.fits", b"y" * 2_000_000)
    assert counts(account, "select-hosts") == Counts(shards=2, input_bytes=5_000_000)


def test_what_is_packed_is_counted_by_its_parquet_files_and_the_shards_that_they_fill(account: EmrAccount) -> None:
    account.put("small-files/region_split=test/two.parquet", b"p" * 1_000_000)
    account.put("small-files/notes.txt", b"n" * 9_000_000)
    assert counts(account, "compact") == Counts(shards=3, files=2, input_bytes=2_500_000)


@pytest.mark.parametrize(
    ("job", "key", "told"),
    [
        ("inject", "plan/_run.json", rf"--plan s3://{BUCKET}/plan holds no run: _run\.json is not there"),
        ("inject", "cutouts/_run.json", rf"--cutouts s3://{BUCKET}/cutouts holds no run"),
        ("inject", "plan/recipe.yaml", rf"s3://{BUCKET}/plan/recipe\.yaml: it is not there"),
        ("plan", "hosts/_run.json", rf"--hosts s3://{BUCKET}/hosts holds no run"),
        ("select-hosts", "sweeps/sweep-000m005-005p000.fits", rf"--sweeps s3://{BUCKET}/sweeps: nothing lies there"),
        ("compact", "small-files/region_split=train/one.parquet", rf"--source s3://{BUCKET}/small-files: nothing lies there"),
        (
            "cut-hosts",
            "dr10/coadd/005/0059m305/legacysurvey-0059m305-image-r.fits.fz",
            rf"--bricks s3://{BUCKET}/dr10: nothing lies there",
        ),
    ],
)
def test_an_input_that_is_not_there_is_named_by_its_option(job: str, key: str, told: str, account: EmrAccount) -> None:
    account.remove(key)
    with pytest.raises(InputError, match=told):
        counts(account, job)


def test_an_unfinished_run_is_called_so(account: EmrAccount) -> None:
    account.remove("cutouts/_run.json")
    account.put("cutouts/_started.json", "{}")
    with pytest.raises(InputError, match=r"--cutouts .* holds an unfinished run: _run\.json is not there"):
        counts(account, "inject")


def test_a_bank_that_is_not_there_is_named(account: EmrAccount) -> None:
    with pytest.raises(InputError, match=rf"--bank s3://{BUCKET}/bank\.h5 is not there"):
        counts(account, "inject", "--bank", f"s3://{BUCKET}/bank.h5")
    account.put("bank.h5", b"bank")
    assert counts(account, "inject", "--bank", f"s3://{BUCKET}/bank.h5").tasks == 200


def test_a_bucket_that_is_not_there_is_told(account: EmrAccount) -> None:
    with pytest.raises(InputError, match=r"s3://no-such-bucket/sweeps: it is not there \(NoSuchBucket\)"):
        counts(account, "select-hosts", "--sweeps", "s3://no-such-bucket/sweeps")


@pytest.mark.parametrize(
    "text", ["not JSON", "[]", '{"files": 3}', '{"files": [{"path": "x"}]}', '{"files": [{"rows": "x", "bytes": 1}]}']
)
def test_a_record_that_is_none_is_told(text: str, account: EmrAccount) -> None:
    account.put("cutouts/_run.json", text)
    with pytest.raises(InputError, match=rf"s3://{BUCKET}/cutouts/_run\.json is no record of a run"):
        counts(account, "inject")


def test_a_record_of_less_than_nothing_is_told(account: EmrAccount) -> None:
    account.put_run("cutouts", {"a.parquet": (-5, 10)})
    with pytest.raises(InputError, match="has files of less than nothing"):
        counts(account, "inject")


def test_a_recipe_that_is_not_the_plans_is_refused_with_both_hashes(account: EmrAccount) -> None:
    account.put_run("plan", {"tasks/a.parquet": (5, 10)}, recipe_hash="0" * 16)
    with pytest.raises(
        InputError, match=rf"has hash {RECIPE.recipe_hash}; the plan was made with 0{{16}}\. The recipe was changed"
    ):
        counts(account, "inject")


def test_a_recipe_that_does_not_parse_is_told(account: EmrAccount) -> None:
    account.put("plan/recipe.yaml", "based_on: realistic\nname: x\nsplit: {key: colour}\n")
    with pytest.raises(InputError, match=r"plan/recipe\.yaml.*split"):
        counts(account, "inject")
    account.put("plan/recipe.yaml", b"\xff\xfe")
    with pytest.raises(InputError, match=r"plan/recipe\.yaml is not UTF-8 text"):
        counts(account, "inject")


def test_a_record_larger_than_any_is_not_read(account: EmrAccount) -> None:
    with pytest.raises(InputError, match=r"environment-0123456789ab\.tar\.gz has 7 bytes; at most 3 are read"):
        Bucket(account.access).read(f"s3://{BUCKET}/environment/environment-0123456789ab.tar.gz", limit=3)


def test_who_may_not_read_is_told_so(account: EmrAccount) -> None:
    with (
        account.store.refusing_everybody(),
        pytest.raises(InputError, match=r"(access denied to|does not take these credentials)"),
    ):
        counts(account, "inject")


def test_an_address_is_a_bucket_and_a_key() -> None:
    assert split_address("s3://bucket/a/b") == ("bucket", "a/b")


def test_what_packs_nothing_is_refused_before_a_cluster_is_paid(account: EmrAccount) -> None:
    with pytest.raises(InputError, match=r"--target-mb 0 .*; wanted 1 to 4096 MB"):
        counts(account, "compact", "--target-mb", "0")
    account.put("notes/read.me", b"no Parquet")
    with pytest.raises(InputError, match=rf"--source s3://{BUCKET}/notes: no Parquet file lies there"):
        counts(account, "compact", "--source", f"s3://{BUCKET}/notes")
