"""Running level 4: every check of the floor and a project's own, side by side where none disturbs another."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from factory_tui.adapters.postdeploy import network, places, web
from factory_tui.adapters.postdeploy.asking import Ask
from factory_tui.adapters.postdeploy.catalogue import (
    AT_RUN_TIME,
    Check,
    Parameter,
    Plan,
    loosened,
    plan_of,
    shipped,
)
from factory_tui.adapters.postdeploy.judging import (
    GapError,
    NotApplicableError,
    Seen,
    evidence_of,
    filled,
    names_in,
    problem_with,
)
from factory_tui.domain.environments import Environment
from factory_tui.domain.errors import FactoryError
from factory_tui.domain.terms import NOT_RUN_YET, CheckRow
from factory_tui.engine.deploy_ports import Commands, PostDeployResult, Release

KINDS = {**web.KINDS, **network.KINDS, **places.KINDS}
MOST_MEASURES = 3
"""Of a time that is compared: on a machine that is busy with something else one is noise, and a release that became
slow is slow each time."""
LONGEST_SECONDS = 330.0
"""Of one check."""


class PostDeployChecks:
    """`PostDeploy` on the real world. `pace` is what pauses are multiplied with; only a trial changes it."""

    def __init__(self, commands: Commands, *, pace: float = 1.0) -> None:
        self._commands, self._pace = commands, pace

    def planned(self, environment: Environment) -> tuple[CheckRow, ...]:
        try:
            checks = plan_of(environment).checks
        except msgspec.ValidationError:
            checks = shipped().checks
        return tuple(_row(check, "gap", NOT_RUN_YET) for check in checks)

    async def run(
        self,
        environment: Environment,
        release: Release,
        previous_figures: Mapping[str, float],
        progress: Callable[[CheckRow], None] = lambda row: None,
    ) -> PostDeployResult:
        """Raises nothing but its own cancellation."""
        try:
            plan = plan_of(environment)
        except msgspec.ValidationError as error:
            # What could not be read is not what was asked for: nothing of it passes.
            rows = tuple(_row(check, "gap", f"`checks:` cannot be read: {error}") for check in shipped().checks)
            for row in rows:
                progress(row)
            return PostDeployResult(rows=rows)
        import httpx2

        base = str(plan.common.get("base_url") or "")
        ca_file = str(plan.common.get("ca_file") or plan.of_check.get("V19", {}).get("ca_file") or "")
        try:
            trust = network.trusting(ca_file)
        except (OSError, ssl.SSLError):
            trust = ssl.create_default_context()
        limits = httpx2.Limits(max_connections=web.MOST_AT_ONCE, max_keepalive_connections=8)
        figures: dict[str, float] = {}
        done = {check.id: asyncio.Event() for check in plan.checks}
        async with httpx2.AsyncClient(
            verify=trust, trust_env=False, follow_redirects=False, limits=limits, timeout=httpx2.Timeout(30)
        ) as client:

            async def one(check: Check) -> CheckRow:
                for name in check.after:
                    if name in done:
                        await done[name].wait()
                began = time.perf_counter()
                try:
                    for _ in range(MOST_MEASURES):
                        row = await self._try(
                            check, plan, base, environment, release, previous_figures, client, figures
                        )
                        if row.verdict != "fail" or not row.reason.startswith("p95_ratio"):
                            break
                finally:
                    done[check.id].set()
                row = msgspec.structs.replace(row, seconds=round(time.perf_counter() - began, 3))
                progress(row)
                return row

            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(check)) for check in plan.checks]
        return PostDeployResult(rows=tuple(task.result() for task in tasks), figures=figures)

    async def _try(
        self,
        check: Check,
        plan: Plan,
        base: str,
        environment: Environment,
        release: Release,
        previous: Mapping[str, float],
        client: Any,
        figures: dict[str, float],
    ) -> CheckRow:
        if reason := plan.reasons.get(check.id, "").strip():
            if check.not_applicable.when == "never":
                return _row(check, "gap", f"it always applies, and is said not to: {reason}")
            return _row(check, "not applicable", reason, "said by deploy.yaml")
        try:
            if reason := _does_not_apply(check, plan, base, release):
                return _row(check, "not applicable", reason, "seen by the factory")
            kind = KINDS.get(str(check.run.get("kind")))
            if kind is None:
                return _row(check, "gap", f"nothing runs `{check.run.get('kind')}`")
            names = _names(check, plan, base, release)
            ask = Ask(
                run=filled(check.run, names), names=names, environment=environment, release=release,
                previous=previous, client=client, commands=self._commands, pace=self._pace,
            )  # fmt: skip
            async with asyncio.timeout(LONGEST_SECONDS):
                seen = await kind(ask)
            return _judged(check, names, seen, figures)
        except GapError as error:
            return _row(check, "gap", str(error))
        except NotApplicableError as error:
            figures.update(error.figures)
            return _row(check, "not applicable", str(error), "seen by the factory")
        except TimeoutError:
            return _row(check, "gap", f"it took longer than {LONGEST_SECONDS:g} s")
        except FactoryError as error:
            return _row(check, "gap", f"it could not be tried: {error}")
        except Exception as error:  # a check that crashes has shown nothing, and says so
            return _row(check, "gap", f"it could not be tried: {type(error).__name__}: {error}")


def _judged(check: Check, names: Mapping[str, Any], seen: Seen, figures: dict[str, float]) -> CheckRow:
    figures.update(seen.figures)
    problems = []
    for condition in check.passes_when:
        if problem := problem_with(condition, filled(condition.value, names), seen):
            problems.append(problem)
    evidence = evidence_of(check.passes_when, seen)
    if not problems:
        return _row(check, "pass", "", evidence)
    silent = [answer for answer in (*seen.answers, *seen.named.values()) if not answer.status]
    if silent:
        problems.insert(0, f"{silent[0].url} did not answer: {silent[0].trouble}")
    return _row(check, "fail", "; ".join(dict.fromkeys(problems)), evidence)


def _row(check: Check, verdict: Any, reason: str = "", evidence: str = "") -> CheckRow:
    return CheckRow(
        id=check.id,
        verdict=verdict,
        reason=" ".join(reason.split())[:600],
        group=shipped().groups.get(check.group, check.group),
        title=check.title,
        evidence=evidence,
    )


def _does_not_apply(check: Check, plan: Plan, base: str, release: Release) -> str:
    """What the factory sees by itself; empty = it applies."""
    host = str(plan.given(check, "host") or urlsplit(base).hostname or "")
    instances = plan.given(check, "instances")
    seen = {
        "single_instance": isinstance(instances, list) and len(instances) == 1 and "one instance is named",
        "address_only": bool(host) and network.is_address(host) and f"{host} is an address and no name",
        "plain_loopback": bool(base) and network.is_plain_loopback(base) and f"{base} is plain http on loopback",
        "first_release": not release.previous and "nothing ran there before: there is no release to go back to",
    }
    return next((str(seen[fact]) for fact in check.does_not_apply if seen.get(fact)), "")


def _names(check: Check, plan: Plan, base: str, release: Release) -> dict[str, Any]:
    """Every value that the check may have filled in. Raises GapError when one that it needs is missing."""
    parameters = {**shipped().common_parameters, **check.parameters}
    names: dict[str, Any] = {
        "expected_revision": release.commit,
        "deployed_tag": release.commit,
        "deploy_started_at": release.began,
        "environment": release.environment,
        "previous_revision": release.previous,
    }
    parts = urlsplit(base)
    seen = {
        "host": parts.hostname,
        "port": parts.port or {"https": 443, "http": 80}.get(parts.scheme),
        "previous_tag": release.previous,
    }
    for name, parameter in parameters.items():
        names[name] = _value(name, parameter, plan.given(check, name), seen.get(name))
    if names.get("tls_port") is None:
        names["tls_port"] = names["port"]
    needed = names_in(check.run) | {
        name for condition in check.passes_when for name in names_in(condition.value)
    } - set(AT_RUN_TIME)
    needed |= {"base_url"} if any("{base_url}" in str(names.get(name)) for name in needed) else set()
    for name in sorted(needed - set(AT_RUN_TIME)):
        if name not in names:
            raise GapError(f"it has no parameter `{name}`")
        optional = name in parameters and parameters[name].optional
        if names[name] in (None, "") and not optional:
            meaning = parameters[name].meaning if name in parameters else "what the factory fills in"
            raise GapError(f"`{name}` is missing from deploy.yaml: {meaning}")
    return {name: filled(value, names) for name, value in names.items()}


def _value(name: str, parameter: Parameter, given: Any, seen: Any) -> Any:
    if given is None:
        return parameter.default if parameter.default is not None else seen
    try:
        slip = loosened(name, given, parameter)
    except (TypeError, ValueError):
        slip = f"`{name}` is of the wrong type"
    if slip:
        raise GapError(f"{slip}: what ships is the floor")
    if parameter.keeps and isinstance(given, list):
        return [*parameter.default, *(one for one in given if one not in parameter.default)]
    if parameter.keeps and given != parameter.default:
        return f"(?:{parameter.default})|(?:{given})"
    return given
