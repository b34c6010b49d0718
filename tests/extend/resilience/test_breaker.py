"""A circuit behaves as a model that remembers everything, for any sequence of calls."""

import os
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hagworm.extend.resilience.backoff import Backoff
from hagworm.extend.resilience.breaker import BreakerRules, Change, Circuit, Probes, State, Window
from hagworm.extend.resilience.window import FAILED, OK, SLOW, CountWindow, TimeWindow

LONG = os.environ.get("HAGWORM_LONG") == "1"
OUTCOMES = st.sampled_from([OK, FAILED, SLOW, FAILED | SLOW])


def record(window: Window, outcome: int, now: float) -> None:
    if isinstance(window, TimeWindow):
        window.record(outcome, now)
    else:
        assert isinstance(window, CountWindow | Probes)
        window.record(outcome)


class Comparison(RuleBasedStateMachine):
    """A circuit beside a model that keeps every outcome with its moment."""

    @initialize(
        failure_rate=st.sampled_from([0.25, 0.5, 1.0]),
        slow_rate=st.sampled_from([0.5, 1.0]),
        watches_slowness=st.booleans(),
        window=st.integers(2, 8),
        period=st.sampled_from([None, 10.0]),
        minimum=st.integers(1, 4),
        probes=st.integers(1, 4),
    )
    def begin(
        self,
        failure_rate: float,
        slow_rate: float,
        watches_slowness: bool,
        window: int,
        period: float | None,
        minimum: int,
        probes: int,
    ) -> None:
        self.rules = BreakerRules(
            failure_rate,
            slow_rate,
            1.0 if watches_slowness else None,
            window,
            period,
            min(minimum, window),
            open_for=5.0,
            probes=probes,
        )
        self.circuit = Circuit(self.rules, "model")
        self.now = 1000.0
        self.state = State.CLOSED
        self.outcomes: list[tuple[float, int]] = []
        self.opened_at = 0.0
        self.settled: list[int] = []
        self.probes: list[Probes] = []
        self.last_admitted = 0.0
        self.stale: list[Window] = []

    def too_many(self, outcomes: list[int], of: int) -> bool:
        failed = sum(bool(one & FAILED) for one in outcomes)
        slow = sum(bool(one & SLOW) for one in outcomes)
        return failed >= self.rules.failure_rate * of or (
            self.rules.slow_after is not None and slow >= self.rules.slow_rate * of
        )

    def in_window(self) -> list[int]:
        if self.rules.period is None:
            return [one for _, one in self.outcomes[-self.rules.window :]]

        return [one for moment, one in self.outcomes if self.now // 1 - moment // 1 < 10]

    def go(self, state: State) -> None:
        self.state = state
        self.outcomes = []
        self.settled = []
        self.stale += self.probes
        self.probes = []
        self.opened_at = self.now

    @rule(pause=st.integers(0, 48))
    def time_passes(self, pause: int) -> None:
        self.now += pause / 8

    @precondition(lambda self: self.state is State.CLOSED)
    @rule(outcome=OUTCOMES)
    def a_call_ends(self, outcome: int) -> None:
        window = self.circuit.window
        record(window, outcome, self.now)
        self.outcomes.append((self.now, outcome))
        change = self.circuit.review(window, self.now) if outcome != OK else None
        known = self.in_window()
        opens = outcome != OK and len(known) >= self.rules.minimum_calls and self.too_many(known, len(known))
        assert (change is not None) == opens

        if opens:
            assert change is not None
            assert (change.before, change.after, change.at) == (State.CLOSED, State.OPEN, self.now)
            self.stale.append(window)
            self.go(State.OPEN)

    @precondition(lambda self: self.state in {State.OPEN, State.HALF_OPEN, State.ISOLATED})
    @rule()
    def a_call_asks(self) -> None:
        window, _ = self.circuit.admit(self.now)
        permits = self.rules.probes

        if self.state is State.OPEN and self.now >= self.opened_at + 5.0:
            self.go(State.HALF_OPEN)

        if self.state is not State.HALF_OPEN:
            assert window is None
        elif len(self.probes) + len(self.settled) < permits:
            assert isinstance(window, Probes)
            self.probes.append(window)
            self.last_admitted = self.now
        else:
            assert window is None

            if self.now - self.last_admitted >= 5.0:
                self.go(State.OPEN)

    @precondition(lambda self: self.probes)
    @rule(outcome=st.one_of(st.none(), OUTCOMES))
    def a_probe_ends(self, outcome: int | None) -> None:
        probe = self.probes.pop()
        probe.record(outcome)
        self.circuit.review(probe, self.now)

        if outcome is not None:
            self.settled.append(outcome)

        permits = self.rules.probes
        rest = permits - len(self.settled)

        if self.too_many(self.settled, permits):
            self.go(State.OPEN)
        elif not self.too_many(self.settled + [FAILED | SLOW] * rest, permits):
            self.go(State.CLOSED)

    @precondition(lambda self: self.stale)
    @rule(outcome=OUTCOMES)
    def a_call_ends_that_began_before_the_last_change(self, outcome: int) -> None:
        window = self.stale.pop()
        record(window, outcome, self.now)
        assert self.circuit.review(window, self.now) is None

    @rule(state=st.sampled_from([State.ISOLATED, State.CLOSED]))
    def somebody_decides(self, state: State) -> None:
        self.stale.append(self.circuit.window)
        self.circuit.turn(state, self.now, "by hand")
        self.go(state)

    @invariant()
    def the_states_are_the_same(self) -> None:
        if hasattr(self, "circuit"):
            assert self.circuit.state is self.state

    @invariant()
    def never_more_probes_than_permits(self) -> None:
        if hasattr(self, "circuit") and (probes := self.circuit.probes) is not None:
            assert probes.running + probes.settled <= self.rules.probes
            assert probes.running == len(self.probes)


TestCircuit = Comparison.TestCase
TestCircuit.settings = settings(max_examples=2000 if LONG else 150, stateful_step_count=50, deadline=None)


def opened(circuit: Circuit, outcomes: list[int], *, every: float = 0.0) -> int | None:
    """Return after how many of these outcomes a circuit opens."""
    for number, outcome in enumerate(outcomes, start=1):
        record(circuit.window, outcome, number * every)

        if outcome != OK and circuit.review(circuit.window, number * every) is not None:
            return number

    return None


def test_never_before_the_minimum_of_calls_and_then_at_once() -> None:
    assert opened(Circuit(BreakerRules(minimum_calls=10)), [FAILED] * 50) == 10


def test_opens_within_a_window_and_one_call_of_the_threshold() -> None:
    circuit = Circuit(BreakerRules(failure_rate=0.5, window=20, minimum_calls=20))

    assert opened(circuit, [OK] * 100 + [FAILED] * 21) == 110


def test_opens_at_one_call_in_five_seconds_t13() -> None:
    assert opened(Circuit(BreakerRules(minimum_calls=10)), [FAILED] * 20, every=5.0) == 10


def test_opens_at_nine_failures_in_ten_though_a_slice_of_time_was_clean_3a30() -> None:
    rules = BreakerRules(failure_rate=0.5, period=20.0, minimum_calls=10)
    outcomes = ([OK] * 10 + [FAILED] * 90) * 60
    at = opened(Circuit(rules), outcomes, every=0.2)

    assert at is not None
    assert at <= 25


def test_slow_calls_open_it_too() -> None:
    rules = BreakerRules(slow_rate=0.8, slow_after=1.0, minimum_calls=5, window=5)

    assert opened(Circuit(rules), [OK, SLOW, SLOW, SLOW, SLOW]) == 5
    assert opened(Circuit(rules), [OK, OK, SLOW, SLOW, SLOW]) is None


def test_stays_open_longer_each_time_it_fails_again() -> None:
    circuit = Circuit(BreakerRules(minimum_calls=1, probes=1, open_for=Backoff(1.0, 3.0, 20.0, jitter=0)))
    now, lasted = 0.0, []
    record(circuit.window, FAILED, now)
    circuit.review(circuit.window, now)

    for _ in range(5):
        wait = circuit.wait(now)
        assert wait is not None
        lasted.append(wait)
        now += wait
        probe, _ = circuit.admit(now)
        assert isinstance(probe, Probes)
        probe.record(FAILED)
        circuit.review(probe, now)

    assert lasted == [1, 3, 9, 20, 20]


def test_probes_that_never_end_do_not_keep_everybody_out_for_ever() -> None:
    circuit = Circuit(BreakerRules(minimum_calls=1, probes=2, open_for=5.0))
    circuit.open(0.0, "test")
    assert circuit.admit(5.0)[0] is not None
    assert circuit.admit(5.0)[0] is not None
    assert circuit.admit(9.9) == (None, None)

    window, change = circuit.admit(10.0)

    assert window is None
    assert isinstance(change, Change)
    assert (change.after, change.reason) == (State.OPEN, "2 probes do not end")
    assert circuit.admit(15.0)[0] is not None


@pytest.mark.parametrize(
    "options",
    [
        {"failure_rate": 7.5},
        {"failure_rate": 0.0},
        {"slow_rate": 1.1},
        {"minimum_calls": 0},
        {"minimum_calls": 101},
        {"window": 0},
        {"probes": 0},
        {"period": 0.0},
        {"slow_after": -1.0},
        {"open_for": 0.0},
        {"failure_rate": float("nan")},
    ],
)
def test_numbers_that_cannot_work_are_refused_3a32(options: dict[str, float]) -> None:
    make: Callable[..., BreakerRules] = BreakerRules

    with pytest.raises(ValueError, match=next(iter(options))):
        make(**options)
