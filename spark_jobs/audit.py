"""Job: hold a stamps directory against its contract, its run record and its plan, and say for each check what was found.

No cluster is needed: metadata is asked through DuckDB, pixels are read once with pyarrow.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

from schemas.file_commit import commit_text, require_writable
from schemas.job_entry import EXIT_BREACH, EXIT_DONE, InputError, account, run_job
from schemas.locations import Location, location
from schemas.run_record import FINISHED_NAME, STARTED_NAME, read_run, run_files
from schemas.scratch_files import empty_folder
from schemas.tasks import TASKS
from spark_jobs import audit_query
from spark_jobs.transforms.audits.audit_bank import bank_check
from spark_jobs.transforms.audits.audit_blobs import DEFAULT_SAMPLE, BlobAudit
from spark_jobs.transforms.audits.audit_files import AuditedFiles, audit_files
from spark_jobs.transforms.audits.audit_result import Audit, Check, Verdict
from spark_jobs.transforms.audits.audit_rows import open_views, refusal_counts, row_checks, row_counts
from spark_jobs.transforms.audits.audit_split import anchor_cells, planned_split, split_rule_check
from spark_jobs.transforms.audits.files_at_hand import all_at_hand, root_at_hand

_DEFAULT_SPLIT_KEY = "host_cell"

_DESCRIPTION = """\
Hold a stamps directory against its contract, its run record and its plan, and say for each check what was found: files and
hashes, schema, rows against the plan, nulls, duplicates, pairs, labels, leaks between splits, index, blobs.
"""
_EPILOG = (
    """\
examples:
  dhs audit --stamps run/stamps --plan run/plan
  dhs audit --stamps run/stamps --plan run/plan --bank run/bank.h5 --json audit.json
  dhs audit --stamps run/stamps --metadata-only        reads no blob: seconds for a million rows
  dhs audit --stamps s3://bucket/stamps --plan s3://bucket/plan --json s3://bucket/audit.json
"""
    + audit_query.EXAMPLES
    + """
Of a directory in S3 one object at a time is copied to the folder for temporary files (TMPDIR); metadata stays until the end.
exit code: 0 every check passes; 1 a contract is breached; 2 there is nothing here to audit.
Verdicts: pass, FAIL, "by design" (a leak that the recipe asks for: it splits by task_id), "not checked".
"""
)


def build_parser() -> argparse.ArgumentParser:
    """The command line of ``dhs audit``."""
    parser = argparse.ArgumentParser(
        prog="dhs audit", description=_DESCRIPTION, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--stamps", type=location, metavar="DIR", help="stamps directory that dhs inject filled: check all of it"
    )
    parser.add_argument(
        "--plan", type=location, metavar="DIR", help="its plan: every task must have its row (default: not asked)"
    )
    parser.add_argument("--bank", type=location, metavar="FILE", help="source bank (HDF5): every template used must be in it")
    parser.add_argument(
        "--sample",
        type=int,
        default=DEFAULT_SAMPLE,
        metavar="N",
        help="blobs to decode a file, chosen by hash of task_id (default: %(default)s)",
    )
    parser.add_argument(
        "--metadata-only", action="store_true", help="leave out what reads pixels: file hashes and blobs (default: check them)"
    )
    parser.add_argument("--json", type=location, metavar="FILE", help="write the audit there too, for a program to read")
    audit_query.add_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the audit; returns 0 where every check passes or a question was asked, 1 where a check fails."""
    arguments = build_parser().parse_args(argv)
    if audit_query.is_asking(arguments) and not arguments.stamps:
        return audit_query.answer(arguments)
    if not arguments.stamps or audit_query.is_asking(arguments):
        raise InputError("wanted either --stamps DIR (every check) or --query NAME DIRECTORY... (one question)")
    if arguments.sample < 0:
        raise InputError(f"--sample is {arguments.sample}; wanted 0 or more")
    if arguments.json:
        require_writable(arguments.json)
    audit = audit_directory(
        arguments.stamps, arguments.plan, arguments.bank, sample=arguments.sample, pixels=not arguments.metadata_only
    )
    sys.stdout.write(audit.as_text())
    if arguments.json:
        commit_text(arguments.json, json.dumps(audit.as_json(), indent=2) + "\n")
    counts = ", ".join(f"{n} {verdict.value}" for verdict in Verdict if (n := audit.count(verdict)))
    account("audit", f"{len(audit.checks)} checks: {counts}")
    return EXIT_BREACH if audit.breaches else EXIT_DONE


def audit_directory(
    stamps: Location,
    plan: Location | None = None,
    bank: Location | None = None,
    *,
    sample: int = DEFAULT_SAMPLE,
    pixels: bool = True,
) -> Audit:
    """Every check of a stamps directory; raises InputError where there is no run to audit."""
    if not (stamps / STARTED_NAME).exists() and not (stamps / FINISHED_NAME).exists():
        raise InputError(f"{stamps} holds no run ({FINISHED_NAME} is not there); wanted a directory that dhs inject filled")
    stamps = stamps.resolve()
    planned = run_files(plan, TASKS, "tasks/") if plan else []
    with empty_folder() as folder:
        blobs = BlobAudit(sample) if pixels else None
        files = audit_files(stamps, folder / "stamps", blobs)
        if not files.stamps or not files.index:
            seen = f"{len(files.stamps)} stamps files and {len(files.index)} index files can be read"
            unread = Check("rows and pixels", f"{seen}; wanted some of both, so nothing below is checked", Verdict.FAIL)
            return Audit(str(stamps), [*files.checks, unread])
        rule = planned_split(plan)
        split_key = rule.key if rule else _recorded_split_key(files, plan)
        tasks = all_at_hand(plan, planned, folder / "plan") if plan else None
        with open_views(root_at_hand(stamps, folder / "stamps"), files.stamps, files.index, tasks) as views:
            checks = [*files.checks, *row_checks(views, split_key=split_key, planned=tasks is not None)]
            checks.append(split_rule_check(views, rule, anchor_cells(plan) if plan and rule else set()))
            checks.append(bank_check(views, bank))
            rows, refusals = row_counts(views), refusal_counts(views)
    checks += blobs.checks(split_key) if blobs else [_no_pixels()]
    return Audit(str(stamps), checks, rows, refusals)


def _recorded_split_key(files: AuditedFiles, plan: Location | None) -> str:
    """What the recipe splits by, from the record of the stamps or of the plan where one says so."""
    records: list[dict[str, Any]] = [files.record, *([read_run(plan)] if plan else [])]
    keys = [record["split_key"] for record in records if "split_key" in record]
    return str(keys[0]) if keys else _DEFAULT_SPLIT_KEY


def _no_pixels() -> Check:
    return Check.skipped("blobs", "--metadata-only was given")


if __name__ == "__main__":
    raise SystemExit(run_job("audit", main))
