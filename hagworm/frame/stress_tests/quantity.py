"""Figures as people read them: three digits that matter, and a unit."""

__all__ = ("show_bytes", "show_count", "show_factor", "show_rate", "show_seconds", "show_share")

BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def show_seconds(seconds: float) -> str:
    """Return `850 µs`, `1.23 ms`, `243 ms` or `12.3 s`."""
    for factor, unit in ((1e6, "µs"), (1e3, "ms")):
        if (number := three(seconds * factor)) and float(number) < 1000:
            return f"{number} {unit}"

    return f"{three(seconds)} s"


def show_share(share: float) -> str:
    """Return a part of 1 in percent: `0.123 %`."""
    return f"{three(100 * share)} %"


def show_rate(rate: float) -> str:
    """Return what happens in a second: `12.3/s`, `12,345/s`."""
    return f"{three(rate) if rate < 1000 else f'{rate:,.0f}'}/s"


def show_count(count: int) -> str:
    """Return a count with a comma at each thousand."""
    return f"{count:,}"


def show_factor(factor: float) -> str:
    """Return `1.23x`."""
    return f"{three(factor)}x"


def show_bytes(size: float) -> str:
    """Return `640 B`, `1.5 KiB` …"""
    unit = 0

    while size >= 1024 and unit < len(BINARY) - 1:
        size /= 1024
        unit += 1

    return f"{three(size)} {BINARY[unit]}"


def three(number: float) -> str:
    """Return a number with three digits that matter, and all those before the point."""
    size = abs(number)

    if size >= 99.95 or not size:
        return f"{number:.0f}"

    if size < 0.001:
        return f"{number:.2g}"

    places = 1 if size >= 9.995 else 2 if size >= 0.9995 else 3
    text = f"{number:.{places}f}"
    return text.rstrip("0").rstrip(".")
