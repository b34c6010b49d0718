"""What stands between a caller and what may fail: again, not now, not so often, not so long, something else."""

from typing import TYPE_CHECKING

from hagworm.extend.lazy import lazy_names

if TYPE_CHECKING:
    from hagworm.extend.asyncio.base.deadline import remaining as remaining
    from hagworm.extend.asyncio.base.deadline import unbounded as unbounded
    from hagworm.extend.asyncio.base.deadline import within as within
    from hagworm.extend.asyncio.resilience.aggregate import Aggregate as Aggregate
    from hagworm.extend.asyncio.resilience.aggregate import batched as batched
    from hagworm.extend.asyncio.resilience.breaker import CircuitBreaker as CircuitBreaker
    from hagworm.extend.asyncio.resilience.bulkhead import Bulkhead as Bulkhead
    from hagworm.extend.asyncio.resilience.bulkhead import ConcurrencyLimiter as ConcurrencyLimiter
    from hagworm.extend.asyncio.resilience.course import Retried as Retried
    from hagworm.extend.asyncio.resilience.fallback import Fallback as Fallback
    from hagworm.extend.asyncio.resilience.hedge import Hedge as Hedge
    from hagworm.extend.asyncio.resilience.limiter import RateLimiter as RateLimiter
    from hagworm.extend.asyncio.resilience.pipeline import Policy as Policy
    from hagworm.extend.asyncio.resilience.registry import Registry as Registry
    from hagworm.extend.asyncio.resilience.retry import Retry as Retry
    from hagworm.extend.asyncio.resilience.shared import SharedRateLimiter as SharedRateLimiter
    from hagworm.extend.asyncio.resilience.timeout import Timeout as Timeout
    from hagworm.extend.resilience.adaptive import AdaptiveLimit as AdaptiveLimit
    from hagworm.extend.resilience.backoff import Backoff as Backoff
    from hagworm.extend.resilience.breaker import Change as Change
    from hagworm.extend.resilience.breaker import State as State
    from hagworm.extend.resilience.budget import RetryBudget as RetryBudget
    from hagworm.extend.resilience.limiter import Decision as Decision

SHELL = "hagworm.extend.asyncio.resilience"
CORE = "hagworm.extend.resilience"

# Loaded on first use: who needs a time-out does not pay for circuit breakers.
HOMES = {
    "AdaptiveLimit": f"{CORE}.adaptive",
    "Aggregate": f"{SHELL}.aggregate",
    "Backoff": f"{CORE}.backoff",
    "Bulkhead": f"{SHELL}.bulkhead",
    "Change": f"{CORE}.breaker",
    "CircuitBreaker": f"{SHELL}.breaker",
    "ConcurrencyLimiter": f"{SHELL}.bulkhead",
    "Decision": f"{CORE}.limiter",
    "Fallback": f"{SHELL}.fallback",
    "Hedge": f"{SHELL}.hedge",
    "Policy": f"{SHELL}.pipeline",
    "RateLimiter": f"{SHELL}.limiter",
    "Registry": f"{SHELL}.registry",
    "Retried": f"{SHELL}.course",
    "Retry": f"{SHELL}.retry",
    "RetryBudget": f"{CORE}.budget",
    "SharedRateLimiter": f"{SHELL}.shared",
    "State": f"{CORE}.breaker",
    "Timeout": f"{SHELL}.timeout",
    "batched": f"{SHELL}.aggregate",
    "remaining": "hagworm.extend.asyncio.base.deadline",
    "unbounded": "hagworm.extend.asyncio.base.deadline",
    "within": "hagworm.extend.asyncio.base.deadline",
}

__all__ = tuple(HOMES)

__getattr__, __dir__ = lazy_names(__name__, HOMES)
