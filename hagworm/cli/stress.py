"""`hagworm stress`: put a service under load."""

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hagworm.cli.comparing import compare_files
from hagworm.cli.distributing import be_agent, coordinate, stop_by_signal
from hagworm.cli.group import Command
from hagworm.cli.progress import Progress
from hagworm.cli.table import print_table
from hagworm.extend.error import PlanError, StressError

if TYPE_CHECKING:
    from hagworm.frame.stress_tests.objective import Verdict
    from hagworm.frame.stress_tests.order import Order
    from hagworm.frame.stress_tests.plan import Plan
    from hagworm.frame.stress_tests.result import Result

__all__ = ("command",)

INTERRUPTED = 130
"""The exit code after Ctrl-C, by the custom of shells."""
MISSED = 1
"""The exit code where an objective was missed."""
LOST = 3
"""The exit code of a run that lost agents or processes: its load was less than planned."""


@click.command(
    "stress",
    cls=Command,
    examples=(
        "hagworm stress http://127.0.0.1:8000/orders --rate 2000 --duration 30",
        "hagworm stress http://127.0.0.1:8000/ --rate 0..500:30s,500:2m,3000:5s --warm-up 5",
        "hagworm stress scenario.py:Checkout --target http://127.0.0.1:8000 --users 200 --ramp 10 --think 0.5..2",
        "hagworm stress http://127.0.0.1:8000/ --rate 500 --slo 'p99<200ms,error<0.1%' --report report.html",
        "hagworm stress --compare before.json after.json --slo 'p99<1.1x'",
    ),
)
@click.argument("what", metavar="URL|SCENARIO", required=False)
@click.option("--rate", metavar="RATE", help="Open model: starts a second; 500, 0..500:1m, 100..500/5:1m, with commas.")
@click.option("--profile", metavar="FILE", type=click.Path(path_type=Path), help="Open model: a recorded profile.")
@click.option("--poisson", is_flag=True, help="Open model: starts independent of each other, not equally far apart.")
@click.option("--users", metavar="N", type=int, help="Closed model: so many users, each waiting for its answers.")
@click.option("--ramp", metavar="TIME", default="0", help="Closed model: users come one by one within this time.")
@click.option("--think", metavar="TIME", default="0", help="Closed model: 0.5, 0.5..2 or ~1 (on average) seconds.")
@click.option("--duration", metavar="TIME", default="30s", show_default=True, help="How long: 30s, 2m, 1h.")
@click.option("--warm-up", metavar="TIME", default="0", help="Load before measuring begins.")
@click.option("--target", metavar="URL", default="http://127.0.0.1:8000", show_default=True, help="For scenarios.")
@click.option("--processes", metavar="N", type=int, help="Processes; as many as the load is worth unless given.")
@click.option("--places", metavar="N", type=int, default=256, show_default=True, help="Most requests or runs at once.")
@click.option("--timeout", metavar="TIME", default="10s", show_default=True, help="What a request has, and the end.")
@click.option("--method", metavar="NAME", default="GET", show_default=True, help="For a URL.")
@click.option("--header", "headers", metavar="'NAME: VALUE'", multiple=True, help="For a URL; may be repeated.")
@click.option("--body", metavar="TEXT|@FILE", help="For a URL.")
@click.option("--expect", metavar="STATUS", type=int, multiple=True, help="What counts as success; else below 400.")
@click.option("--seed", metavar="N", type=int, default=0, help="For everything that is drawn.")
@click.option("--loop", type=click.Choice(["auto", "asyncio", "uvloop"]), default="auto", help="Event loop.")
@click.option("--insecure", is_flag=True, help="Do not verify certificates.")
@click.option("--target-is-mine", is_flag=True, help="Allow targets that are not this machine.")
@click.option("--agents", metavar="N", type=int, help="Lead so many agents on other machines; no load from here.")
@click.option("--listen", metavar="URL", default="tcp://127.0.0.1:0", show_default=True, help="Where agents come to.")
@click.option("--join", metavar="URL", help="Be an agent of the run that is led at tcp://host:port.")
@click.option("--key", metavar="KEY", envvar="HAGWORM_STRESS_KEY", help="For --join: what the coordinator has printed.")
@click.option("--wait", metavar="TIME", default="1m", show_default=True, help="For agents, and for a coordinator.")
@click.option("--slo", metavar="LIST", help="Objectives: 'p99<200ms,error<0.1%,checkout:p95<1s,rate>500'.")
@click.option("--json", "json_path", metavar="FILE", type=click.Path(path_type=Path), help="Write the result here.")
@click.option(
    "--report",
    "reports",
    metavar="FILE",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Write a report: .html, .md, .json, .csv or .series.csv; may be repeated.",
)
@click.option(
    "--compare",
    "compared",
    metavar="BEFORE AFTER",
    nargs=2,
    type=click.Path(path_type=Path),
    help="No load: say how two --json results differ; with --slo 'p99<1.1x,error<+0.1%', whether too much.",
)
def command(
    what: str | None,
    slo: str | None,
    json_path: Path | None,
    reports: tuple[Path, ...],
    compared: tuple[Path, Path] | None,
    **options: Any,
) -> None:
    """Put load on a URL, or run the scenarios of a file, and say what came of it.

    SCENARIO is file.py:Class or package.module:Class. By default what starts does not wait for what is under way (open
    model), and times run from the intended start. Ctrl-C ends the load and reports what there is, with exit code 130;
    what keeps the load from starting is exit code 2, an objective that was missed 1,
    an agent or a process that was lost on the way 3.
    """
    from hagworm.frame.stress_tests.crew import enough_processes, processors
    from hagworm.frame.stress_tests.objective import judge, parse_objectives
    from hagworm.frame.stress_tests.report import check_path, write_json, write_text

    if compared is not None:
        if what is not None or reports:
            raise StressError("--compare puts no load on anything: expected two results, --slo and --json")

        return compare_files(compared, slo, json_path)

    if options["join"] is not None:
        return be_agent(what, options)

    if what is None:
        raise StressError("expected a URL or a scenario to put load on, or --compare with two results")

    objectives = parse_objectives(slo) if slo is not None else ()

    for path in reports:
        check_path(path)

    order = read_order(what, options)
    processes = options["processes"]

    if processes is None:
        processes = enough_processes(order, processors())
    elif processes < 1:
        raise PlanError(f"there is at least one process, not {processes}")

    if options["agents"] is not None:
        click.echo(f"{order.target}: {order.plan}; {options['agents']} agents", err=True)
        result = asyncio.run(coordinate(order, options))
    else:
        click.echo(f"{order.target}: {order.plan}; {processes} process{'es' * (processes > 1)}", err=True)
        result = asyncio.run(conduct(order, processes))

    verdicts = judge(result, objectives)
    show(result, verdicts)

    if json_path is not None:
        write_text(json_path, write_json(result, verdicts))
        click.echo(f"wrote {json_path}", err=True)

    for path in reports:
        write_text(path, check_path(path)(result, verdicts))
        click.echo(f"wrote {path}", err=True)

    if result.run.ended == "interrupted":
        sys.exit(INTERRUPTED)

    if result.run.lost:
        sys.exit(LOST)

    if not all(verdict.kept for verdict in verdicts):
        sys.exit(MISSED)


def read_order(what: str, options: dict[str, Any]) -> "Order":
    """Return what is asked for, having seen that the target is there and may be loaded, and the scenario loads."""
    from hagworm.frame.stress_tests.order import Order, Request
    from hagworm.frame.stress_tests.plan import parse_seconds
    from hagworm.frame.stress_tests.scenario import load_scenarios
    from hagworm.frame.stress_tests.target import parse_target, reach

    is_url = "://" in what
    target = parse_target(what if is_url else options["target"])
    plan = read_plan(options)
    request = Request(
        options["method"], tuple(map(read_header, options["headers"])), read_body(options["body"]), options["expect"]
    )

    if not is_url:
        load_scenarios(what)
    elif target.scheme not in ("http", "https"):
        raise StressError(f"{target.scheme}:// is spoken by scenarios: see self.client()")

    return Order(
        target=target,
        address=reach(target, mine=options["target_is_mine"]),
        plan=plan,
        scenarios=() if is_url else (what,),
        request=request,
        places=options["places"],
        timeout=parse_seconds(options["timeout"]),
        seed=options["seed"],
        mine=options["target_is_mine"],
        verify=not options["insecure"],
        loop=options["loop"],
    )


def read_plan(options: dict[str, Any]) -> "Plan":
    from hagworm.frame.stress_tests.plan import Closed, Open, parse_profile, parse_rate, parse_seconds, parse_think

    given = [name for name in ("rate", "profile", "users") if options[name] is not None]
    seconds = parse_seconds(options["duration"])
    warm_up = parse_seconds(options["warm_up"])

    if len(given) != 1:
        found = " and ".join(f"--{name}" for name in given) or "none of them"
        raise PlanError(f"a run has one of --rate, --profile and --users, not {found}")

    if options["users"] is not None:
        return Closed(options["users"], seconds, parse_seconds(options["ramp"]), parse_think(options["think"]), warm_up)

    if options["profile"] is not None:
        try:
            stages = parse_profile(options["profile"].read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as exc:
            raise PlanError(f"cannot read the profile: {exc}") from exc
    else:
        stages = parse_rate(options["rate"], seconds)

    return Open(stages, "poisson" if options["poisson"] else "constant", warm_up)


def read_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")

    if not colon:
        raise StressError(f"not a header: {text.partition(' ')[0]!r}; expected 'Name: value'")

    return name.strip(), value.strip()


def read_body(text: str | None) -> bytes:
    if text is None or not text.startswith("@"):
        return (text or "").encode()

    try:
        return Path(text[1:]).read_bytes()
    except OSError as exc:
        raise StressError(f"cannot read the body: {exc}") from exc


async def conduct(order: "Order", processes: int) -> "Result":
    """Carry out an order; the first SIGINT or SIGTERM stops it, with a result."""
    from hagworm.frame.stress_tests.crew import lead

    with Progress(order.plan) as progress:
        return await lead(order, processes=processes, watch=progress.watch, stop=stop_by_signal())


def show(result: "Result", verdicts: "tuple[Verdict, ...]" = ()) -> None:
    """Print what came of a load."""
    from hagworm.frame.stress_tests.quantity import show_count
    from hagworm.frame.stress_tests.summary import HEADINGS, failures_of, lines_of, row_of, warnings_of

    print_table(HEADINGS, [row_of(result, line) for line in lines_of(result)], numbers=True)

    for count, name, reason in failures_of(result):
        click.echo(f"{show_count(count)} x {name}: {reason}")

    for warning in warnings_of(result):
        click.secho(f"note: {warning}", fg="yellow")

    for verdict in verdicts:
        click.secho(str(verdict), fg="green" if verdict.kept else "red")
