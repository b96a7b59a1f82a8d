"""The job that runs other jobs on EMR: checked and priced first, then started; watched, and ended before time."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields

from schemas.job_entry import EXIT_DONE, InputError, account, run_job
from schemas.locations import local_path
from spark_jobs.emr_runs.asked_place import access_of, asked_settings
from spark_jobs.emr_runs.aws_access import refuse_without_boto3
from spark_jobs.emr_runs.cost_figures import Costs
from spark_jobs.emr_runs.deployment_files import read_settings
from spark_jobs.emr_runs.job_call import JOBS, job_call
from spark_jobs.emr_runs.paper_run import PaperRun, paper_lines, paper_predictions, with_benchmark
from spark_jobs.emr_runs.submit_run import SubmitOptions, submit
from spark_jobs.emr_runs.watch_runs import cancel_run, clusters_alive, log_ends, run_name, status_lines

JOB = "emr"
_EXAMPLE = """examples:
  dhs emr submit inject --plan s3://bucket/plan --cutouts s3://bucket/cutouts --bank s3://bucket/cosmos.h5 \\
      --out s3://bucket/stamps --settings mine.yaml --dry-run
  dhs emr status j-2AXXXXXXGAPLF --region eu-central-1
  dhs emr logs j-2AXXXXXXGAPLF --region eu-central-1 --lines 100
  dhs emr cancel j-2AXXXXXXGAPLF --region eu-central-1
  dhs emr paper
What stands behind JOB is the job's own command line, with s3:// addresses, and the options of submit (dhs emr submit --help).
paper: what ten million stamps would take on 35 machines. Settings, prices and policies: deploy/emr/README.md."""
_SUBMIT = f"""Check recipe, inputs and permissions, say what the run costs, and start it. JOB is one of {", ".join(JOBS)};
its own options stand behind it, mixed with those below. A run that is predicted above budget_usd of the settings, or whose cost
cannot be predicted, needs --budget. --dry-run asks what a run would ask to be checked, prints the requests that would start it,
and sends none of them; with --offline nothing is asked either. Its standard output is the JSON alone."""
_RUN = "a cluster (j-...), or application/jobrun"


def build_parser() -> argparse.ArgumentParser:
    """The command line of the job."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog=f"dhs {JOB}", description=__doc__, epilog=_EXAMPLE, formatter_class=raw)
    verbs = parser.add_subparsers(dest="verb", metavar="submit|status|logs|cancel|paper", required=True)
    start = verbs.add_parser(
        "submit", help="start a job", description=_SUBMIT, formatter_class=raw, parents=[_submit_options()]
    )
    start.add_argument("job", metavar="JOB", help=", ".join(JOBS))
    start.add_argument("words", metavar="...", nargs=argparse.REMAINDER, help="the job's own options, and those of submit")
    status = verbs.add_parser("status", help="state of a run, or of all that costs money", parents=[_place_options()])
    status.add_argument("run", nargs="?", metavar="RUN", help=f"{_RUN} (default: all clusters alive)")
    logs = verbs.add_parser("logs", help="the ends of a run's logs", parents=[_place_options()])
    logs.add_argument("run", metavar="RUN", help=_RUN)
    logs.add_argument("--lines", type=int, default=40, metavar="N", help="of each file (default: %(default)s)")
    cancel = verbs.add_parser("cancel", help="end a run before its time", parents=[_place_options()])
    cancel.add_argument("run", metavar="RUN", help=_RUN)
    cancel.add_argument("--step", metavar="s-...", help="only this step; the cluster stays")
    _add_paper(verbs.add_parser("paper", help="what a whole run would take", parents=[_settings_options()]))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; 0 when done. Raises InputError, or StoreUnreachableError where AWS does not answer."""
    arguments = build_parser().parse_args(argv)
    if arguments.verb != "paper":
        refuse_without_boto3()
    return {"submit": _submit, "status": _status, "logs": _logs, "cancel": _cancel, "paper": _paper}[arguments.verb](arguments)


def _settings_options() -> argparse.ArgumentParser:
    """Options that are absent unless they are given, so that those of submit may stand before and behind JOB."""
    options = argparse.ArgumentParser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    options.add_argument("--settings", type=local_path, metavar="YAML", help="entries that differ from deploy/emr/cluster.yaml")
    options.add_argument("--costs", type=local_path, metavar="YAML", help="entries that differ from deploy/emr/costs.yaml")
    return options


def _place_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS, parents=[_settings_options()]
    )
    options.add_argument("--region", help="where, for example eu-central-1 (default: the settings')")
    options.add_argument("--endpoint-url", metavar="URL", help="address of all services, where it is not AWS's own")
    return options


def _submit_options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(
        prog=f"dhs {JOB} submit",
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        parents=[_place_options()],
    )
    add = options.add_argument
    add("--dry-run", action="store_true", help="print the exact requests as JSON and send none of them")
    add("--offline", action="store_true", help="with --dry-run: ask AWS nothing; the cost is then unknown")
    add("--serverless", action="store_true", help="on EMR Serverless instead of a cluster")
    add("--budget", type=float, metavar="USD", help="what the run may cost, where that is more than the settings allow")
    add("--on", metavar="ID", help="a cluster (j-...) or serverless application that is there, instead of a new one")
    add("--keep", action="store_true", help="keep the new cluster for more jobs, until it is idle")
    add("--spark-settings", type=local_path, metavar="YAML", help="entries that differ from deploy/emr/spark_settings.yaml")
    return options


def _add_paper(parser: argparse.ArgumentParser) -> None:
    add, run = parser.add_argument, PaperRun()
    add("--tasks", type=int, default=run.tasks, help="stamps (default: %(default)s)")
    add("--bricks", type=int, default=run.bricks, help="bricks that hold the hosts (default: %(default)s)")
    add("--tasks-per-host", type=float, default=run.tasks_per_host, help="of the recipe (default: %(default)s)")
    add("--stamps-per-shard", type=int, default=run.stamps_per_shard, help="as dhs plan has it (default: %(default)s)")
    add("--quantised", action="store_true", help="stamps kept as dithered integers")
    add("--split-by-task", action="store_true", help="the recipe splits by task: three files a shard")
    add(
        "--benchmark", type=local_path, metavar="TXT", help="what bench_inject.py printed, in place of the figure in costs.yaml"
    )


def _submit(arguments: argparse.Namespace) -> int:
    arguments, words = _submit_options().parse_known_args(arguments.words, arguments)
    given = vars(arguments)
    options = SubmitOptions(**{field.name: given[field.name] for field in fields(SubmitOptions) if field.name in given})
    # What a dry run prints on standard output is JSON and nothing else, so that other programs may read it.
    say = _remark if options.dry_run else _say
    done = submit(job_call(arguments.job, words), asked_settings(given), options, say, _say)
    if options.dry_run:
        _remark(f"dhs {JOB}: {done}")
    else:
        account(JOB, done)
    return EXIT_DONE


def _status(arguments: argparse.Namespace) -> int:
    access = access_of(asked_settings(vars(arguments)))
    lines = status_lines(run_name(arguments.run), access) if arguments.run else clusters_alive(access)
    for line in lines:
        _say(line)
    if not arguments.run:
        account(JOB, f"{len(lines)} clusters alive in {access.region}")
    return EXIT_DONE


def _logs(arguments: argparse.Namespace) -> int:
    if arguments.lines < 1:
        raise InputError(f"--lines {arguments.lines}; wanted 1 or more")
    for line in log_ends(run_name(arguments.run), access_of(asked_settings(vars(arguments))), arguments.lines):
        _say(line)
    return EXIT_DONE


def _cancel(arguments: argparse.Namespace) -> int:
    account(JOB, cancel_run(run_name(arguments.run), access_of(asked_settings(vars(arguments))), arguments.step))
    return EXIT_DONE


def _paper(arguments: argparse.Namespace) -> int:
    given = vars(arguments)
    settings, costs = asked_settings(given), read_settings(Costs, "costs.yaml", given.get("costs"))
    if arguments.benchmark:
        costs = with_benchmark(costs, arguments.benchmark)
    run = PaperRun(**{field.name: given[field.name] for field in fields(PaperRun)})
    for line in paper_lines(run, paper_predictions(run, settings, costs), costs, settings.region):
        _say(line)
    return EXIT_DONE


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _remark(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    raise SystemExit(run_job(JOB, main))
