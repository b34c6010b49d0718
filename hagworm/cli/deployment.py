"""What makes an application unfit for production."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hagworm.extend.config import describe
from hagworm.extend.config.secret import MASK
from hagworm.extend.error import ConfigError

if TYPE_CHECKING:
    from hagworm.facade.application import App

__all__ = ("Finding", "check_deployment")

IN_PRODUCTION = "in production, "


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong: `fatal` does not start, `error` must not go to production, `warning` may be meant."""

    level: str
    code: str
    text: str


def check_deployment(app: "App", settings: Any) -> list[Finding]:
    """Return what stands against serving `app` with these settings to the world."""
    found = list(environment_findings(app, settings))
    told = tuple(finding.text.removeprefix(IN_PRODUCTION).partition(": ")[0] for finding in found)
    return [*found, *secret_findings(settings, told), *exposure_findings(settings)]


def environment_findings(app: "App", settings: Any) -> Iterator[Finding]:
    source = settings.sources

    if settings.environment != "production":
        yield Finding(
            "error",
            "environment",
            f"environment: is {settings.environment!r} ({source['environment']}); set HAGWORM_ENVIRONMENT=production",
        )

        try:
            with settings.override(environment="production"):
                pass
        except ConfigError as exc:
            yield from (Finding("error", "production", f"{IN_PRODUCTION}{problem}") for problem in exc.problems)

    if settings.debug if app.debug is None else app.debug:
        place = source["debug"] if app.debug is None else "App(debug=True)"
        yield Finding("error", "debug", f"debug: is on ({place}); it shows tracebacks")

    if settings.server.reload:
        yield Finding("error", "reload", f"server.reload: is on ({source['server.reload']}); it is for development")

    if settings.server.engine == "memory":
        yield Finding("error", "engine", f"server.engine: 'memory' listens nowhere ({source['server.engine']})")


def secret_findings(settings: Any, told: tuple[str, ...]) -> Iterator[Finding]:
    for item in describe(settings):
        if item.value == MASK and item.source == "default" and item.key not in told:
            yield Finding("error", "secret", f"{item.key}: is still the default, which is in the source code")


def exposure_findings(settings: Any) -> Iterator[Finding]:
    source, server, docs = settings.sources, settings.server, settings.docs

    for name, path in (("openapi", docs.openapi), ("ui", docs.ui)):
        if path:
            yield Finding(
                "warning",
                "docs",
                f'docs.{name}: everybody can read {path} ({source[f"docs.{name}"]}); docs.{name} = "" switches it off',
            )

    if server.workers == 1:
        yield Finding(
            "warning",
            "workers",
            f"server.workers: is 1 ({source['server.workers']}): one process that dies is the whole service",
        )

    if not server.allowed_hosts:
        yield Finding(
            "warning", "hosts", "server.allowed_hosts: is empty: any Host header is answered, also a forged one"
        )

    if server.uds is None and is_local(server.host) and not server.trusted_proxies:
        yield Finding(
            "warning",
            "proxies",
            f"server.trusted_proxies: is empty, while {server.host} is only reached through a proxy: "
            "every client will look like it",
        )

    if settings.limits.body is None:
        yield Finding(
            "warning", "limits", f"limits.body: is off ({source['limits.body']}): one upload can fill the memory"
        )


def is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
