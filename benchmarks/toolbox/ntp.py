"""What reading, building and weighing NTP packets costs beside ntplib.

    python benchmarks/toolbox/ntp.py [--rounds 15]

Candidates take turns inside every round; medians in nanoseconds of CPU per call and their ratio are printed. The peer
is `pip install ntplib`; where it is missing that is said, and only our own times are printed.
"""

import argparse
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

from hagworm.extend.ntp.association import Association
from hagworm.extend.ntp.packet import Packet, build_request
from hagworm.extend.ntp.sample import check_reply, measure
from hagworm.extend.ntp.selection import Candidate, select
from hagworm.extend.ntp.timestamp import NANO, from_unix_ns

Case = tuple[Callable[[], object], int]

NOW = 1_800_000_000 * NANO
NONCE = 0x0123_4567_89AB_CDEF
REPLY = Packet(
    flags=0x24,
    stratum=2,
    poll=6,
    precision=-24,
    root_delay_raw=100,
    root_dispersion_raw=200,
    reference_id=b"\x7f\x7f\x01\x01",
    reference=from_unix_ns(NOW - NANO),
    origin=NONCE,
    receive=from_unix_ns(NOW + 1_000_000),
    transmit=from_unix_ns(NOW + 1_010_000),
).build()


def believe() -> float:
    packet = Packet.parse(REPLY)
    check_reply(packet, NONCE)
    return measure(packet, NOW, NOW + 2_000_000).offset


def ours() -> dict[str, Case]:
    believed = measure(Packet.parse(REPLY), NOW, NOW + 2_000_000)
    server = Association("a")

    for _ in range(8):
        server.answered(believed)

    five = [Candidate(f"s{number}", number * 1e-4, 0.01) for number in range(5)]
    return {
        "read a packet": (lambda: Packet.parse(REPLY), 50_000),
        "read, check, offset": (believe, 20_000),
        "build a request": (lambda: build_request(NONCE), 20_000),
        "best of 8 samples": (lambda: server.candidate(NOW), 5_000),
        "choose among 5 servers": (lambda: select(five, quorum=3), 3_000),
    }


def theirs() -> dict[str, Case]:
    import ntplib

    def read() -> object:
        packet = ntplib.NTPPacket()
        packet.from_data(REPLY)
        return packet

    def believe() -> object:
        reply = ntplib.NTPStats()
        reply.from_data(REPLY)
        reply.dest_timestamp = 4_008_988_800.002
        return reply.offset

    def build() -> bytes:
        packet: bytes = ntplib.NTPPacket(version=4, mode=3, tx_timestamp=4_008_988_800.0).to_data()
        return packet

    return {
        "read a packet": (read, 50_000),
        "read, check, offset": (believe, 20_000),
        "build a request": (build, 20_000),
    }


def measure_cpu(call: Callable[[], object], times: int) -> float:
    """Return nanoseconds of CPU per call."""
    start = time.process_time_ns()

    for _ in range(times):
        call()

    return (time.process_time_ns() - start) / times


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    rivals = {"hagworm": ours()}

    if find_spec("ntplib") is None:
        print("ntplib is not installed: pip install ntplib")
    else:
        rivals["ntplib"] = theirs()

    times: dict[tuple[str, str], list[float]] = {}

    for _ in range(options.rounds):
        for case in rivals["hagworm"]:
            for rival, cases in rivals.items():
                if case in cases:
                    times.setdefault((case, rival), []).append(measure_cpu(*cases[case]))

    print(f"{'ns of CPU per call':24}{'hagworm':>10}{'ntplib':>10}{'ratio':>8}")

    for case in rivals["hagworm"]:
        own = median(times[case, "hagworm"])
        other = median(times[case, "ntplib"]) if (case, "ntplib") in times else None
        beside = f"{other:10.0f}{other / own:7.1f}x" if other is not None else f"{'-':>10}{'-':>8}"
        print(f"{case:24}{own:10.0f}{beside}")


if __name__ == "__main__":
    main()
