"""A run as one HTML page that needs nothing else: no network, no script, charts drawn in SVG."""

from collections.abc import Iterable, Sequence
from html import escape

from hagworm.frame.stress_tests.chart import Chart, Point, linear_axis, logarithmic_axis, percentile_axis
from hagworm.frame.stress_tests.figures import Line
from hagworm.frame.stress_tests.objective import Verdict
from hagworm.frame.stress_tests.plan import Closed, Open
from hagworm.frame.stress_tests.quantity import show_count, show_rate, show_seconds, show_share
from hagworm.frame.stress_tests.result import Result
from hagworm.frame.stress_tests.style import STYLE
from hagworm.frame.stress_tests.summary import (
    HEADINGS,
    failures_of,
    lines_of,
    meaning_of,
    row_of,
    settings_of,
    warnings_of,
    window,
)

__all__ = ("write_page",)

MOST_CURVES = 7
"""Lines of their own in the chart of percentiles; the other names are in the table."""
MOST_FAILURES = 30

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<main>
"""


def write_page(result: Result, verdicts: Sequence[Verdict] = ()) -> str:
    """Return the page. It says by its policy that it may ask for nothing, and a browser keeps it from doing so."""
    parts = [
        HEAD.format(title=escape(f"Stress test of {result.run.target}"), style=STYLE),
        heading(result, verdicts),
        tiles(result),
        warnings(result),
        objectives(verdicts),
        table(result),
        '<div class="charts">',
        percentiles(result),
        rates(result),
        times(result),
        under_way(result),
        "</div>",
        failures(result),
        settings(result),
        "</main>\n</body>\n</html>\n",
    ]
    return "\n".join(part for part in parts if part)


def heading(result: Result, verdicts: Sequence[Verdict]) -> str:
    missed = sum(not verdict.kept for verdict in verdicts)
    badge = ""

    if verdicts:
        said = f"{missed} of {len(verdicts)} objectives missed" if missed else "all objectives kept"
        badge = f'<span class="badge {"bad" if missed else "good"}">{"✗" if missed else "✓"} {said}</span>'

    return (
        f"<header><p class=over>hagworm stress</p><h1>{escape(result.run.target)}</h1>"
        f"<p>{escape(str(result.run.plan))} · {escape(result.run.started)}</p>{badge}</header>"
    )


def tiles(result: Result) -> str:
    total = result.figures.total
    response = result.response(total)
    p50, p99 = (show_seconds(seconds) if response else "–" for seconds in response.percentiles(50, 99))
    found = [
        ("rate", show_rate(result.rate), f"{show_count(total.count)} in {show_seconds(result.run.seconds)}", ""),
        ("median", p50, "half took longer", ""),
        ("p99", p99, "1 in 100 took longer", ""),
        ("longest", show_seconds(response.highest) if response else "–", "response time", ""),
        (
            "failed",
            show_share(total.error_rate),
            f"{show_count(total.failed_count)} of {show_count(total.count)}",
            "bad" if total.failed_count else "",
        ),
    ]
    cells = (
        f'<div class="tile {style}"><span>{name}</span><b>{escape(value)}</b><small>{escape(note)}</small></div>'
        for name, value, note, style in found
    )
    return f'<section class="tiles">{"".join(cells)}</section>'


def warnings(result: Result) -> str:
    if not (found := warnings_of(result)):
        return ""

    items = "".join(f"<li>{escape(warning)}</li>" for warning in found)
    return f'<section class="warnings"><h2>Before you trust the figures</h2><ul>{items}</ul></section>'


def objectives(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return ""

    rows = "".join(
        f'<tr class="{"good" if verdict.kept else "bad"}"><td>{"✓ kept" if verdict.kept else "✗ missed"}</td>'
        f"<td><code>{escape(str(verdict.objective))}</code></td><td>{escape(verdict.reason)}</td></tr>"
        for verdict in verdicts
    )
    return f'<section><h2>Objectives</h2><div class="scroll"><table class="verdicts">{rows}</table></div></section>'


def table(result: Result) -> str:
    heads = "".join(f"<th>{name}</th>" for name in HEADINGS)
    lines = lines_of(result)
    rows = []

    for line in lines:
        style = "total" if len(lines) > 1 and line is lines[-1] else ""
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row_of(result, line))
        rows.append(f'<tr class="{style}{" failing" if line.failed_count else ""}">{cells}</tr>')

    return (
        f'<section><h2>Response times</h2><p>{meaning_of(result)}</p><div class="scroll"><table class="numbers">'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(rows)}</tbody></table></div></section>"
    )


def figure(chart: Chart, note: str, legend: Iterable[tuple[str, str]]) -> str:
    keys = "".join(f'<span><i class="{colour}"></i>{escape(name)}</span>' for colour, name in legend)
    return (
        f"<figure><figcaption><h2>{escape(chart.title)}</h2><p>{escape(note)}</p></figcaption>{chart.svg()}"
        f'<div class="legend">{keys}</div></figure>'
    )


def percentiles(result: Result) -> str:
    lines = [line for line in lines_of(result) if line.count]

    if not lines:
        return ""

    several = len(lines) > 1
    shown = sorted(lines[:-1], key=lambda line: -line.count)[:MOST_CURVES] if several else []
    curves = [*((f"c{number}", line) for number, line in enumerate(shown)), ("total" if several else "c0", lines[-1])]
    most = max(99.0, 100 - 100 / max(2, result.response(lines[-1]).count))
    lowest = min(result.response(line).percentile(1) for _, line in curves)
    highest = max(result.response(line).highest for _, line in curves)
    chart = Chart(
        "Response times by percentile",
        percentile_axis(most),
        logarithmic_axis(lowest, highest, show_seconds),
        "so many of a hundred were faster; each nine takes as much room as the one before",
    )

    for colour, line in curves:
        chart.curve(curve_of(result, line), colour, title=line.name)

    left_out = len(lines) - 1 - len(shown) if several else 0
    note = f"Both scales are logarithmic.{f' {left_out} more names are in the table.' if left_out > 0 else ''}"
    return figure(chart, note, [(colour, line.name) for colour, line in curves])


def curve_of(result: Result, line: Line) -> list[Point]:
    """Return the percentiles of a line, closer together the nearer they come to 100."""
    response = result.response(line)
    most = 100 - 100 / response.count
    # Each percentile on the way stands for one record at least; the longest one is where the last record is.
    percents = [percent for number in range(16 * 6) if (percent := 100 - 100 * 10 ** (-number / 16)) < most]
    return [*zip(percents, response.percentiles(*percents), strict=True), (most, response.highest)]


def rates(result: Result) -> str:
    series = result.figures.series
    spans = [window(result, number) for number in range(len(series.intervals))]

    if not spans:
        return ""

    found = []

    for (begin, end), interval in zip(spans, series.intervals, strict=True):
        all_of_it = (interval.successes + interval.failures) / (end - begin)
        failed = interval.failures / (end - begin)
        said = f"{begin:g} to {end:g} s: {show_rate(all_of_it)}, {show_count(interval.failures)} failed"
        found.append((begin, end, all_of_it, failed, said))

    planned = planned_curve(result, spans)
    highest = max([all_of_it for _, _, all_of_it, _, _ in found] + [rate for _, rate in planned])
    chart = Chart(
        "Rate and errors",
        linear_axis(spans[-1][1], seconds_label, most=9),
        linear_axis(highest * 1.05, lambda rate: f"{rate:,.0f}" if rate >= 10 else f"{rate:g}"),
        "seconds since measuring began",
    )
    chart.columns(((begin, end, rate, said) for begin, end, rate, _, said in found), "rate")
    chart.columns(((begin, end, rate, said) for begin, end, _, rate, said in found), "errors")
    legend = [("rate", "answers a second"), ("errors", "of which failed")]

    if planned:
        chart.curve(planned, "planned", dashed=True, title="planned")
        legend.append(("planned", "starts planned"))

    return figure(chart, "How much ended in each second, by when it ended.", legend)


def planned_curve(result: Result, spans: Sequence[tuple[float, float]]) -> list[Point]:
    """Return the planned rate where each start is one answer: of one fixed request in the open model."""
    plan = result.run.plan

    if not isinstance(plan, Open) or result.run.scenarios:
        return []

    points: list[Point] = []
    begin = 0.0

    for stage in plan.stages:
        points += [(begin, stage.start), (begin + stage.seconds, stage.end)]
        begin += stage.seconds

    # After Ctrl-C, only what there was time for.
    ends = spans[-1][1]
    return [*(point for point in points if point[0] < ends), (ends, plan.rate_at(ends))] if begin > ends else points


def times(result: Result) -> str:
    series = result.figures.series
    found = [
        (sum(window(result, number)) / 2, latency)
        for number, interval in enumerate(series.intervals)
        if (latency := interval.latency)
    ]

    if not found:
        return ""

    columns = [(moment, *latency.percentiles(50, 90, 99), latency.highest) for moment, latency in found]
    p50, p90, p99, highest = ([(column[0], column[place]) for column in columns] for place in (1, 2, 3, 4))
    low = min(latency.percentile(1) for _, latency in found)
    ends = window(result, len(series.intervals) - 1)[1]
    closed = isinstance(result.run.plan, Closed)
    chart = Chart(
        f"{'Service' if closed else 'Response'} times over time",
        linear_axis(ends, seconds_label, most=9),
        logarithmic_axis(low, max(value for _, value in highest), show_seconds),
        "seconds since measuring began",
    )
    chart.band(highest, p99, "b3", title="p99 to longest")
    chart.band(p99, p90, "b2", title="p90 to p99")
    chart.band(p90, p50, "b1", title="p50 to p90")
    chart.curve(p50, "c0", title="p50")
    note = "Percentiles of what ended in each interval, on a logarithmic scale."

    if closed:
        note += " Measured, without the correction for coordinated omission."

    legend = [("c0", "p50"), ("b1", "to p90"), ("b2", "to p99"), ("b3", "to the longest")]
    return figure(chart, note, legend)


def under_way(result: Result) -> str:
    running = result.figures.series.running()

    if not any(running):
        return ""

    points = [(window(result, number)[1], float(count)) for number, count in enumerate(running)]
    ends = points[-1][0]
    chart = Chart(
        "Under way",
        linear_axis(ends, seconds_label, most=9),
        linear_axis(max(running) * 1.1, lambda count: f"{count:,.0f}", whole=True),
        "seconds since measuring began",
    )
    flat = [(moment, 0.0) for moment, _ in points]
    chart.band(points, flat, "b1")
    chart.curve(points, "c0", title="runs that had started and not ended")
    note = "Runs that had started and not ended, at the end of each interval."
    return figure(chart, note, [("c0", "runs under way")])


def failures(result: Result) -> str:
    if not (found := failures_of(result)):
        return ""

    most = found[0][0]
    rows = "".join(
        f'<tr><td>{show_count(count)}</td><td class="bar"><svg viewBox="0 0 100 10" preserveAspectRatio="none"'
        f' aria-hidden="true"><rect class="errors" width="{max(1, 100 * count / most):.1f}" height="10"/></svg></td>'
        f"<td>{escape(name)}</td><td>{escape(reason)}</td></tr>"
        for count, name, reason in found[:MOST_FAILURES]
    )
    rest = sum(count for count, _, _ in found[MOST_FAILURES:])
    more = f"<p>{show_count(rest)} more, for other reasons.</p>" if rest else ""
    return (
        '<section><h2>What failed</h2><div class="scroll"><table class="failures"><thead><tr><th>count</th>'
        f"<th></th><th>name</th><th>reason</th></tr></thead><tbody>{rows}</tbody></table></div>{more}</section>"
    )


def settings(result: Result) -> str:
    rows = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in settings_of(result))
    return f'<section><h2>Settings</h2><div class="scroll"><table class="settings">{rows}</table></div></section>'


def seconds_label(seconds: float) -> str:
    return f"{seconds:g}"
