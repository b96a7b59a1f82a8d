"""The source templates of a stamps directory against the bank that they are said to come from."""

from __future__ import annotations

import duckdb

from schemas.locations import Location
from spark_jobs.transforms.audits.audit_result import Check, examples
from spark_jobs.transforms.bank.bank_copy import bank_on_disk
from spark_jobs.transforms.bank.bank_file import open_bank

_NAME = "templates in the bank"
_USED = "SELECT DISTINCT template_id FROM stamps WHERE template_id IS NOT NULL ORDER BY template_id"


def bank_check(views: duckdb.DuckDBPyConnection, bank: Location | None) -> Check:
    """Whether every template that a row names is in the bank; raises InputError where the file is no bank."""
    if bank is None:
        return Check.skipped(_NAME, "no bank given")
    known = {str(name) for name in open_bank(bank_on_disk(bank)).template_id}
    used = [str(row[0]) for row in views.execute(_USED).fetchall()]
    absent = [template for template in used if template not in known]
    lost = f"{len(absent)} of {len(used)} templates used are not among the bank's {len(known)}: {examples(absent)}"
    return Check.of(_NAME, [lost] if absent else [], f"{len(used)} templates used, all among the bank's {len(known)}")
