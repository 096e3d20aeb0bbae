"""The kinds that ask over HTTP."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from factory_tui.adapters.postdeploy.asking import Ask, Kind
from factory_tui.adapters.postdeploy.judging import (
    MISSING,
    Answer,
    GapError,
    NotApplicableError,
    Seen,
    filled,
)

MOST_AT_ONCE = 64


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 are at or below."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(0.95 * len(ordered)) - 1)]


async def http(ask: Ask) -> Seen:
    """One request, perhaps repeated."""
    run, seen = ask.run, Seen()
    for number in range(int(run.get("repeat") or 1)):
        if number:
            await ask.pause(float(run.get("pause_s") or 0))
        seen.answers.append(await ask.http(str(run.get("method") or "GET"), str(run["url"])))
    milliseconds = p95([answer.seconds for answer in seen.answers]) * 1000
    seen.facts["p95_ms"] = round(milliseconds, 2)
    if run.get("compare") == "p95_ms":
        _compare_latency(ask, seen, milliseconds)
    only = seen.answers[0]
    if only.status and not only.cookies and "login_path" in ask.names:
        if only.status >= 400:
            raise GapError(f"{only.url} answered {only.status}, so no cookie could be looked at")
        raise NotApplicableError(f"{only.url} sets no cookie")
    return seen


def _compare_latency(ask: Ask, seen: Seen, milliseconds: float) -> None:
    failed = sum(answer.status == 0 or answer.status >= 500 for answer in seen.answers)
    if failed:
        # A service that fails quickly is not a quick one.
        seen.facts["p95_ms"] = seen.facts["p95_ratio"] = MISSING
        seen.notes.append(f"{failed} of {len(seen.answers)} requests failed")
        return
    seen.figures["p95_ms"] = milliseconds
    before = ask.previous.get("p95_ms")
    least = float(ask.names.get("min_baseline_ms") or 0)
    if before is None:
        seen.skipped["p95_ratio"] = "no earlier release left a figure"
    elif max(before, milliseconds) < least:
        seen.skipped["p95_ratio"] = f"{before:.1f} ms before; under {least:g} ms a ratio is noise"
    else:
        seen.facts["p95_ratio"] = round(milliseconds / max(before, least), 3)
        seen.notes.append(f"p95 of the release before: {before:.1f} ms")


async def http_each(ask: Ask) -> Seen:
    """Every combination of address and path."""
    urls = [url.rstrip("/") + path for url in _texts(ask.run["urls"]) for path in _texts(ask.run["path"])]
    answers = await asyncio.gather(*(ask.http(str(ask.run.get("method") or "GET"), url) for url in urls))
    return Seen(answers=list(answers))


async def http_set(ask: Ask) -> Seen:
    """Requests by name."""
    wanted = ask.run["requests"]
    answers = await asyncio.gather(*(ask.http("GET", str(one["url"])) for one in wanted))
    return Seen(named={str(one["name"]): answer for one, answer in zip(wanted, answers, strict=True)})


class _Links(HTMLParser):
    def __init__(self, attributes: Sequence[str]) -> None:
        super().__init__()
        self._attributes, self.found = attributes, [""]
        self.found.clear()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            return
        self.found += [value for name, value in attrs if name in self._attributes and value]


async def http_assets(ask: Ask) -> Seen:
    """A page, and what it needs from its own origin."""
    page = await ask.http("GET", str(ask.run["url"]))
    if page.status != 200:
        return Seen(answers=[page], facts={"assets": {"all_status": page.status, "min_bytes": 0}})
    links = _Links(_texts(ask.run.get("attributes") or ["src", "href"]))
    links.feed(page.text())
    addresses = [urljoin(page.url, link) for link in dict.fromkeys(links.found)]
    origin = urlsplit(page.url)[:2]
    own = [url for url in addresses if urlsplit(url)[:2] == origin][: int(ask.run.get("most") or 50)]
    if not own:
        raise NotApplicableError(f"{page.url} needs nothing from its own origin")
    answers = list(await asyncio.gather(*(ask.http("GET", url) for url in own)))
    wrong = [answer.status for answer in answers if answer.status != 200]
    facts = {"all_status": wrong[0] if wrong else 200, "min_bytes": min(len(answer.body) for answer in answers)}
    return Seen(answers=answers, facts={"assets": facts})


async def http_burst(ask: Ask) -> Seen:
    """Many at once."""
    width = min(MOST_AT_ONCE, int(ask.run["concurrency"]))
    total, left = int(ask.run["total"]), iter(range(int(ask.run["total"])))
    answers: list[Answer] = []

    async def work() -> None:
        for _ in left:
            answers.append(await ask.http("GET", str(ask.run["url"])))

    await asyncio.gather(*(work() for _ in range(width)))
    bad = [answer for answer in answers if answer.status == 0 or answer.status >= 500]
    notes = [f"{total} requests, {width} at once: {len(bad)} failed"]
    notes += [f"{answer.status or answer.trouble}" for answer in bad[:1]]
    return Seen(facts={"error_ratio": len(bad) / max(1, len(answers))}, notes=notes)


async def journey(ask: Ask) -> Seen:
    """Steps in order; the first answer's id goes into the others. What was made is taken away again at the end."""
    seen, good, names = Seen(), 0, {"created_id": ""}
    for step in ask.run["steps"]:
        if "{created_id}" in step["url"] and not names["created_id"]:
            seen.notes.append("nothing was made, so the other steps have nothing to ask for")
            break
        answer = await ask.http(str(step["method"]), str(filled(step["url"], names)), step.get("json"))
        seen.answers.append(answer)
        data = answer.parsed()
        if not names["created_id"] and isinstance(data, dict):
            names["created_id"] = str(data.get(str(ask.run.get("id_field") or "id"), ""))
        subset = step.get("expect_json_subset") or {}
        held = isinstance(data, dict) and all(data.get(key) == value for key, value in subset.items())
        if answer.status in step["expect_status"] and (held or not subset):
            good += 1
        else:
            seen.notes.append(f"{step['method']} {answer.url}: {answer.status or answer.trouble} was not expected")
    seen.facts["steps_ok"] = good
    return seen


async def job(ask: Ask) -> Seen:
    """Hands in one job and waits until it is done."""
    began = time.perf_counter()
    entered = await ask.http("POST", str(ask.run["enqueue_url"]), {})
    data = entered.parsed()
    id = data.get("id") if isinstance(data, dict) else None
    if entered.status not in {200, 201, 202} or id is None:
        return Seen(answers=[entered], notes=["the job was not taken"])
    url = str(filled(ask.run["status_url"], {"job_id": id}))
    longest = float(ask.names.get("max_wait_s") or 30)
    while True:
        answer = await ask.http("GET", url)
        state = answer.parsed()
        passed = time.perf_counter() - began
        if (isinstance(state, dict) and state.get("state") in {"done", "failed"}) or passed > longest:
            break
        await asyncio.sleep(0.05)
    # Once more, a moment later: a job that runs over and over is done each time.
    await ask.pause(0.5)
    return Seen(answers=[await ask.http("GET", url)], facts={"elapsed_s": round(passed, 3)})


KINDS: dict[str, Kind] = {
    "http": http,
    "http_each": http_each,
    "http_set": http_set,
    "http_assets": http_assets,
    "http_burst": http_burst,
    "journey": journey,
    "job": job,
}
