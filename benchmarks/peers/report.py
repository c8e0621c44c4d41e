"""What was measured, as ratios with their spread: a table in Markdown and a plot in SVG."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from statistics import median, quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

# Not from the schemes, whose packages need Django: this runs in a process that has none.
ORDER = (
    *("nothing", "tokenauth-cached", "tokenauth", "simplejwt", "drf-api-key"),
    *("authtoken", "knox", "oauth-toolkit"),
)


@dataclass(frozen=True)
class Spread:
    """A median, and the tenth and ninetieth percentile."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_figure(self.middle)} ({_figure(self.low)}–{_figure(self.high)})"


def _figure(value: float) -> str:
    return f"{value:.3f}" if value < 0.1 else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def spread(ratios: Sequence[float]) -> Spread:
    """Of the ratios of each round."""
    if len(ratios) == 1:
        return Spread(ratios[0], ratios[0], ratios[0])
    tenths = quantiles(ratios, n=10, method="inclusive")
    return Spread(median(ratios), tenths[0], tenths[-1])


def compared(rounds: Mapping[str, Sequence[float]], scheme: str, other: str) -> Spread:
    """``scheme`` by ``other``, round by round: what slows the machine slows both."""
    pairs = zip(rounds[scheme], rounds[other], strict=True)
    return spread([one / two for one, two in pairs])


@dataclass
class Measured:
    """Of one database and size. ``times``: of what and in which case, each scheme's figure a round."""

    database: str
    rows: int
    times: dict[tuple[str, str], dict[str, list[float]]] = field(default_factory=dict)
    queries: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Pruned:
    """``seconds``, megabytes, and the longest time in seconds that another writer waited."""

    seconds: float
    memory: float
    stall: float


@dataclass(frozen=True)
class Target:
    """What is promised: ``most`` or ``least`` of a ratio."""

    what: str
    found: Spread | float
    most: float | None = None
    least: float | None = None

    @property
    def is_met(self) -> bool:
        middle = self.found.middle if isinstance(self.found, Spread) else self.found
        return (self.most is None or middle <= self.most) and (self.least is None or middle >= self.least)

    def row(self) -> list[str]:
        wanted = f"at most {self.most}" if self.most is not None else f"at least {self.least}"
        found = str(self.found) if isinstance(self.found, Spread) else _figure(self.found)
        return [self.what, wanted, found, "yes" if self.is_met else "**missed**"]


def targets(measured: Sequence[Measured], pruned: Mapping[str, Mapping[str, Pruned]]) -> list[Target]:
    """Those that what was measured can say something of."""
    found: list[Target] = []
    for one in measured:
        found += _of_one(one)
    found += _growth(measured)
    for database, by_scheme in pruned.items():
        ours = by_scheme["tokenauth"]
        for peer in ("oauth-toolkit", "simplejwt"):
            found.append(
                Target(
                    f"pruning, time by {peer}'s: {database}", ours.seconds / by_scheme[peer].seconds, most=1.0
                )
            )
        found.append(
            Target(
                f"pruning, memory by simplejwt's: {database}",
                ours.memory / by_scheme["simplejwt"].memory,
                most=0.1,
            )
        )
        found.append(
            Target(f"pruning, longest stall of another writer in s: {database}", ours.stall, most=0.3)
        )
    return found


def _of_one(one: Measured) -> Iterable[Target]:
    where = f"{one.database}, {one.rows:,} tokens"
    if alone := one.times.get(("authenticate", "valid")):
        yield Target(
            f"`authenticate()`, valid, by authtoken's: {where}",
            compared(alone, "tokenauth", "authtoken"),
            most=0.2 if one.database == "SQLite" else 0.4,
        )
        yield Target(
            f"with `LOOKUP_CACHE_SECONDS`: {where}",
            compared(alone, "tokenauth-cached", "authtoken"),
            most=0.05,
        )
    if malformed := one.times.get(("authenticate", "malformed")):
        yield Target(f"malformed: {where}", compared(malformed, "tokenauth", "authtoken"), most=0.05)
    if create := one.times.get(("create", "valid")):
        yield Target(f"making a token, by knox's: {where}", compared(create, "tokenauth", "knox"), most=1.0)
    if http := one.times.get(("http", "valid")):
        yield Target(
            f"requests/s with `LOOKUP_CACHE_SECONDS`, by those without authentication: {where}",
            compared(http, "tokenauth-cached", "nothing"),
            least=0.9,
        )
        if one.database == "PostgreSQL":
            yield Target(
                f"requests/s over HTTP, by authtoken's: {where}",
                compared(http, "tokenauth", "authtoken"),
                least=1.3,
            )
            for peer in ("simplejwt", "drf-api-key", "knox", "oauth-toolkit"):
                yield Target(
                    f"requests/s over HTTP, by {peer}'s: {where}",
                    compared(http, "tokenauth", peer),
                    least=1.0,
                )


def _growth(measured: Sequence[Measured]) -> Iterable[Target]:
    by_database: dict[str, list[Measured]] = {}
    for one in measured:
        by_database.setdefault(one.database, []).append(one)
    for database, both in by_database.items():
        few, many = min(both, key=lambda one: one.rows), max(both, key=lambda one: one.rows)
        if few is not many and ("authenticate", "valid") in few.times:
            ratios = [one.times["authenticate", "valid"]["tokenauth"] for one in (many, few)]
            yield Target(
                f"growth from {few.rows:,} to {many.rows:,} tokens: {database}",
                median(ratios[0]) / median(ratios[1]),
                most=1.3,
            )


def markdown(
    machine: str,
    command: str,
    measured: Sequence[Measured],
    pruned: Mapping[str, Mapping[str, Pruned]],
    living: tuple[int, int],
) -> str:
    """The tables, without what a person has to say about them."""
    parts = [f"Measured by `{command}` on {machine}.\n"]
    parts.append("## What is promised\n")
    parts.append(
        _table(
            ("", "wanted", "median (10th–90th percentile)", "met"),
            [target.row() for target in targets(measured, pruned)],
        )
    )
    parts.append("## A valid token, by DRF's authtoken in the same round\n")
    parts.append(_by_scheme(measured, "authenticate", "valid", "authtoken", "`authenticate()` alone"))
    parts.append(_by_scheme(measured, "request", "valid", "authtoken", "a whole request in process"))
    parts.append(_by_scheme(measured, "http", "valid", "authtoken", "requests a second over HTTP"))
    parts.append("## Tokens that are refused, by authtoken's; expired ones, which that has not, by knox's\n")
    for case in ("unknown", "malformed", "expired"):
        other = "knox" if case == "expired" else "authtoken"
        parts.append(_by_scheme(measured, "authenticate", case, other, f"{case}: `authenticate()` alone"))
        parts.append(_by_scheme(measured, "request", case, other, f"{case}: a whole request in process"))
        if case != "expired":
            parts.append(_by_scheme(measured, "http", case, other, f"{case}: requests a second over HTTP"))
    parts.append("## Queries of a request\n")
    cases = ("valid", "unknown", "malformed", "expired")
    queries = measured[-1].queries
    rows = [
        [scheme, *(str(queries[scheme].get(case, "–")) for case in cases)]
        for scheme in ORDER
        if scheme in queries
    ]
    parts.append(_table(("", *cases), rows))
    parts.append("## Making a token, by authtoken's\n")
    parts.append(_by_scheme(measured, "create", "valid", "authtoken", ""))
    if pruned:
        parts.append(
            f"## Pruning {living[0]:,} expired tokens beside {living[1]:,} that live, by this app's\n"
        )
        rows = []
        for database, by_scheme in pruned.items():
            ours = by_scheme["tokenauth"]
            rows += [
                [
                    database,
                    name,
                    _figure(one.seconds / ours.seconds),
                    _figure(one.memory / max(ours.memory, 0.1)),
                    _figure(one.stall / max(ours.stall, 0.001)),
                ]
                for name, one in by_scheme.items()
            ]
        parts.append(_table(("", "", "time", "memory", "longest stall"), rows))
    return "\n".join(parts)


def _by_scheme(measured: Sequence[Measured], what: str, case: str, other: str, title: str) -> str:
    columns = [f"{one.database}, {one.rows:,}" for one in measured]
    rows = []
    for scheme in ORDER:
        if all(scheme in one.times.get((what, case), {}) for one in measured):
            cells = [str(compared(one.times[what, case], scheme, other)) for one in measured]
            rows.append([scheme, *cells])
    # Of what was not measured, nothing is said.
    return _table((title, *columns), rows) if rows else ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def plot(measured: Sequence[Measured], path: Path) -> None:
    """``authenticate()`` and requests a second of each scheme, by authtoken's."""
    try:
        import matplotlib as mpl
        from matplotlib import pyplot
    except ImportError as error:
        print(f"No plot is drawn: {error}. The extra benchmark has it.", file=sys.stderr)
        return

    mpl.use("svg")
    # The same figures give the same file.
    mpl.rcParams["svg.hashsalt"] = "tokenauth"
    panels = {
        "authenticate": "time of authenticate(), by authtoken's: shorter is faster",
        "http": "requests a second over HTTP, by authtoken's: longer is faster",
    }
    most = max(one.rows for one in measured)
    shown = [one for one in measured if one.rows == most]
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4.2), sharey=True)
    for axis, (what, title) in zip(axes, panels.items(), strict=True):
        schemes = [scheme for scheme in ORDER if scheme != "nothing" or what == "http"][::-1]
        height = 0.8 / len(shown)
        for number, one in enumerate(shown):
            ratios = [compared(one.times[what, "valid"], scheme, "authtoken") for scheme in schemes]
            middles = [ratio.middle for ratio in ratios]
            errors = [
                [max(ratio.middle - ratio.low, 0) for ratio in ratios],
                [max(ratio.high - ratio.middle, 0) for ratio in ratios],
            ]
            places = [ORDER[::-1].index(scheme) - 0.4 + height * (number + 0.5) for scheme in schemes]
            label = f"{one.database}, {one.rows:,} tokens"
            axis.barh(places, middles, height, xerr=errors, label=label, error_kw={"lw": 0.8})
        axis.axvline(1, color="black", lw=0.8)
        axis.set_title(title, fontsize=10)
    axes[0].set_yticks(range(len(ORDER)), ORDER[::-1])
    axes[0].set_xscale("log")
    axes[1].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
