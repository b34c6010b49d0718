"""Traces: where running code belongs, across processes, and how long its parts took."""

from hagworm.extend.trace.context import TraceContext, continue_trace, current_trace, parse_traceparent, trace_id
from hagworm.extend.trace.span import Ended, on_span, span, traced

__all__ = (
    "Ended",
    "TraceContext",
    "continue_trace",
    "current_trace",
    "on_span",
    "parse_traceparent",
    "span",
    "trace_id",
    "traced",
)
