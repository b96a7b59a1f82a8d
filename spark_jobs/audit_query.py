"""The part of ``dhs audit`` that asks: one question of ``deploy/queries`` over finished runs, as a table, CSV or figure.

No cluster and no pixels: DuckDB reads the columns that the question names, out of the stamps' index and the plan.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

from schemas.file_commit import commit_text
from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import location
from schemas.runs_there import runs_there, unfinished_there
from schemas.task_search import find_task
from spark_jobs.transforms.audits.query_answer import ask
from spark_jobs.transforms.audits.query_figure import check_figure, draw_answer
from spark_jobs.transforms.audits.query_texts import Query, all_queries, query_named
from spark_jobs.transforms.audits.table_texts import ENGINES, tables_text

JOB = "audit"
EXAMPLES = """  dhs audit --list                                     the questions, one a line
  dhs audit --query counts_against_plan run/stamps run/plan
  dhs audit --query arc_snr run --csv arc_snr.csv --figure arc_snr.png     every finished run that stands in run/
  dhs audit --query provenance --task 03f2a91c run/stamps
  dhs audit --tables athena s3://bucket/stamps s3://bucket/plan            the tables, to ask the same SQL in Athena
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of asking, for the parser of ``dhs audit``."""
    add = parser.add_argument_group("asking one question instead").add_argument
    add("directories", nargs="*", metavar="DIRECTORY", help="finished runs, or folders of some; in S3 each run itself")
    add("--query", metavar="NAME", help="the question to ask; --list names them")
    add("--list", action="store_true", help="list the questions")
    add("--tables", choices=ENGINES, help="print the SQL that makes the tables of these runs there")
    add("--task", metavar="TASK_ID", help="for a question about one stamp: its task_id, or its first 6 characters or more")
    add("--csv", type=location, metavar="FILE", help="write the answer there too, every digit kept")
    add("--figure", type=location, metavar="FILE", help="draw the answer: .png, .svg or .pdf")


def build_parser() -> argparse.ArgumentParser:
    """The command line of asking alone."""
    parser = argparse.ArgumentParser(
        prog=f"dhs {JOB}",
        description=__doc__,
        epilog=f"examples:\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_arguments(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Ask; returns 0. Raises InputError or RunError for input that cannot be used."""
    return answer(build_parser().parse_args(argv))


def is_asking(arguments: argparse.Namespace) -> bool:
    """Whether the arguments ask a question rather than for every check of a directory."""
    return bool(arguments.query or arguments.list or arguments.tables or arguments.directories)


def answer(arguments: argparse.Namespace) -> int:
    """What the parsed arguments ask for: the list, the tables, or one question's answer."""
    if sum(map(bool, (arguments.query, arguments.list, arguments.tables))) != 1:
        raise InputError("wanted one of --query NAME, --list and --tables ENGINE")
    if arguments.list:
        return _list()
    if not arguments.directories:
        raise InputError("no directory was given; wanted finished runs, or a folder that holds some")
    if arguments.tables:
        sys.stdout.write(tables_text(arguments.tables, runs_there(arguments.directories)))
        return EXIT_DONE
    query = query_named(arguments.query)
    if arguments.figure:
        check_figure(query, arguments.figure)
    _ask(query, arguments)
    return EXIT_DONE


def _list() -> int:
    queries = all_queries()
    width = max(map(len, queries))
    sys.stdout.writelines(f"{name:<{width}}  {query.question}\n" for name, query in queries.items())
    account(JOB, f"{len(queries)} questions; dhs {JOB} --query NAME DIRECTORY... asks one")
    return EXIT_DONE


def _ask(query: Query, arguments: argparse.Namespace) -> None:
    begun = time.monotonic()
    runs = runs_there(arguments.directories)
    task = str(find_task(arguments.task, runs).index["task_id"]) if arguments.task and query.asks else arguments.task or ""
    found = ask(query, runs, task)
    seconds = time.monotonic() - begun
    sys.stdout.write(found.as_text())
    written = []
    if arguments.csv:
        commit_text(arguments.csv, found.as_csv())
        written.append(str(arguments.csv))
    if arguments.figure:
        draw_answer(query, found, arguments.figure)
        written.append(str(arguments.figure))
    read = f"read {found.bytes_read / 1e6:.2f} of {found.bytes_there / 1e6:.2f} MB in {found.files} files, no pixels"
    passed_over = unfinished_there(arguments.directories)
    left = f"; unfinished and left out: {', '.join(passed_over)}" if passed_over else ""
    to = f"; written to {', '.join(written)}" if written else ""
    account(JOB, f"{query.name}: {len(found.rows)} rows in {seconds:.2f} s, {read}{left}{to}")


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
