"""Compare what one request costs the server: the facade on every engine beside the native framework, in one run.

    python benchmarks/engines/run.py [--rounds 7] [--count 4000] [--case json …] [--picture out.png] [--check]

Every candidate is started once; in each round each gets the same number of requests, one after the other (A B C A B
C …), and the processor time of its process (user and system, from /proc) is divided by their number. Medians of the
rounds are printed, and ratios to the native rival. Absolute figures are this machine's; only the ratios mean something.
"""

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from cases import CASES, Case  # noqa: E402 # beside this script
from server import CANDIDATES  # noqa: E402

RIVALS = {
    "hagworm asgi": "FastAPI",
    "hagworm fastapi": "FastAPI",
    "hagworm tornado": "Tornado",
    "tornado's own": "Tornado",
}
# Gates are wider than the goals, so that noise does not fail them: goals stand in the documentation.
GATES = {
    ("hagworm asgi", "json"): 2.6,
    ("hagworm asgi", "params"): 2.6,
    ("hagworm asgi", "model"): 2.2,
    ("hagworm asgi", "deps"): 2.6,
    ("hagworm fastapi", "json"): 2.6,
    ("hagworm fastapi", "params"): 2.6,
    ("hagworm fastapi", "model"): 2.2,
    ("hagworm fastapi", "deps"): 2.6,
    ("hagworm tornado", "json"): 1.3,
    ("hagworm tornado", "params"): 1.3,
    ("hagworm tornado", "model"): 1.3,
    ("hagworm tornado", "deps"): 1.3,
}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Server:
    """One candidate, running."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        cores = sorted(os.sched_getaffinity(0))
        # The generator has the other core, where there is one.
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "server.py"), name, str(self.port)],
            preexec_fn=lambda: os.sched_setaffinity(0, cores[:1]),
        )

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + 30

        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise SystemExit(f"{self.name} ended with {self.process.returncode}")

            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)

        raise SystemExit(f"{self.name} did not begin to listen")

    def seconds(self) -> float:
        """Processor time so far, from the scheduler's own count: finer than the clock ticks of `stat`."""
        total = 0

        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])

        return total / 1e9

    def stop(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def ask(server: Server, case: Case) -> object:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}{case.target}", case.body or None, dict(case.headers), method=case.method
    )

    with urllib.request.urlopen(request, timeout=10) as response:
        body = response.read()

    return body if case.name == "echo" else json.loads(body)


def load(server: Server, case: str, count: int, connections: int) -> float:
    """Return the processor time that one request cost, in microseconds."""
    cores = sorted(os.sched_getaffinity(0))
    script = ["load_ws.py", str(server.port)] if case == "ws" else ["load.py", str(server.port), case]
    before = server.seconds()
    subprocess.run(
        [sys.executable, str(HERE / script[0]), *script[1:], str(count), str(connections)],
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores[-1:]),
    )
    return (server.seconds() - before) / count * 1e6


def measure(
    names: list[str], cases: list[str], rounds: int, count: int, connections: int
) -> dict[str, dict[str, float]]:
    servers = [Server(name) for name in names]
    figures: dict[str, dict[str, list[float]]] = {case: {name: [] for name in names} for case in cases}

    try:
        for server in servers:
            server.wait_until_ready()

        for case in CASES:
            answers = {server.name: ask(server, case) for server in servers}

            if len({json.dumps(answer, default=str) for answer in answers.values()}) != 1:
                raise SystemExit(f"the candidates disagree on {case.name}: {answers}")

        for case_name in cases:
            amount = count // 4 if case_name == "echo" else count

            for number in range(rounds + 1):
                for server in servers:
                    cost = load(server, case_name, amount, connections)

                    if number:  # the first round warms up
                        figures[case_name][server.name].append(cost)
    finally:
        for server in servers:
            server.stop()

    return {
        case: {name: statistics.median(costs) for name, costs in by_name.items()} for case, by_name in figures.items()
    }


def report(figures: dict[str, dict[str, float]], names: list[str]) -> None:
    print(f"\n{'µs of CPU per request':24}" + "".join(f"{name:>18}" for name in names))

    for case, costs in figures.items():
        print(f"{case:24}" + "".join(f"{costs[name]:18.1f}" for name in names))

    print(f"\n{'times cheaper than':24}" + "".join(f"{RIVALS.get(name, ''):>18}" for name in names))

    for case, costs in figures.items():
        cells = [
            f"{costs[RIVALS[name]] / costs[name]:17.2f}x" if RIVALS.get(name) in costs else " " * 18 for name in names
        ]
        print(f"{case:24}" + "".join(cells))


def draw(figures: dict[str, dict[str, float]], names: list[str], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    colours = {"bare ASGI": "#9aa5b1", "FastAPI": "#c97b63", "Tornado": "#d6a75c"}
    shades = {"hagworm asgi": "#1f5f8b", "hagworm fastapi": "#2f7fb5", "hagworm tornado": "#5aa3cf"}
    cases = list(figures)
    figure, axes = plt.subplots(figsize=(11, 5))
    width = 0.8 / len(names)

    for place, name in enumerate(names):
        heights = [figures[case][name] for case in cases]
        positions = [number - 0.4 + width * (place + 0.5) for number in range(len(cases))]
        bars = axes.bar(positions, heights, width * 0.92, label=name, color={**colours, **shades}.get(name))
        axes.bar_label(bars, fmt="%.0f", fontsize=7, padding=1)

    axes.set_xticks(range(len(cases)), cases)
    axes.set_ylabel("server CPU per request, µs (lower is cheaper)")
    axes.set_title("One request, one worker, uvloop: the facade beside the native frameworks")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=3)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def check(figures: dict[str, dict[str, float]]) -> int:
    failed = 0

    for (name, case), gate in GATES.items():
        costs = figures.get(case, {})

        if name in costs and RIVALS[name] in costs and costs[RIVALS[name]] / costs[name] < gate:
            ratio = costs[RIVALS[name]] / costs[name]
            print(f"{name}, {case}: only {ratio:.2f}x cheaper than {RIVALS[name]} (gate {gate}x)")
            failed += 1

    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [*(case.name for case in CASES), "ws"]
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=4000, help="requests of one candidate in one round")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--case", action="append", choices=names, help="only these cases")
    parser.add_argument("--candidate", action="append", choices=list(CANDIDATES), help="only these candidates")
    parser.add_argument("--picture", help="write a chart to this PNG file")
    parser.add_argument("--json", help="write the medians to this file")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a ratio is below its gate")
    options = parser.parse_args()
    # The way through Tornado's own connection is measured when it is asked for.
    candidates = options.candidate or [name for name in CANDIDATES if name != "tornado's own"]
    figures = measure(candidates, options.case or names, options.rounds, options.count, options.connections)
    report(figures, candidates)

    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2))

    if options.picture:
        draw(figures, candidates, options.picture)

    return check(figures) if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
