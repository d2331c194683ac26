"""The status in a terminal, with rich: what the page shows, in the same order.

The verdict, the answers, the lock waits and the index builds come first, since a small terminal
shows no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pg_migration_exporter.formatting import clock, count, duration, one_line, short_duration
from pg_migration_exporter.status.model import (
    CheckStatus,
    IndexBuild,
    Latency,
    Level,
    Migration,
    Runbook,
    SessionInfo,
    Status,
    StatusEvent,
    TargetStatus,
    TopStatement,
    Verdict,
    VerdictName,
)
from pg_migration_exporter.status.phrases import (
    REASONS_SHOWN,
    STATEMENTS_SHOWN,
    check_result,
    session_activity,
    sessions_counted,
    target_title,
    time_spent,
)


class Style(NamedTuple):
    """The color of a level, and its mark for terminals without colors."""

    color: str
    mark: str


STYLES: dict[Level, Style] = {
    "critical": Style("red", "x"),
    "attention": Style("yellow", "!"),
    "unknown": Style("magenta", "?"),
    "info": Style("cyan", ">"),
    "ok": Style("green", "+"),
}
_COLORS: dict[VerdictName, str] = {"go": "green", "hold": "yellow", "abort": "red"}
#: Characters that move the cursor, set colors, or change the direction of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_BAR_WIDTH = 40
#: Columns below which a terminal is narrow.
_NARROW = 80
#: Events shown where the height is not limited.
_MAX_EVENTS = 20


class StatusView:
    """The whole status; with `fits`, only as much as fits on the screen."""

    def __init__(self, status: Status, problem: str | None = None, *, fits: bool = False) -> None:
        self._status = status
        self._problem = problem
        self._fits = fits

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = self._status.targets[0]
        is_narrow = options.max_width < _NARROW
        parts = Group(*self._head(), *_parts(shown, is_narrow=is_narrow))
        lines = console.render_lines(parts, options.update(height=None), pad=False)
        # Not options.height: within rich's Live, a group around this view resets it.
        height = options.max_height if self._fits else None
        if height and len(lines) > height:
            yield from _cut(lines, height - 1)
            return
        room = height - len(lines) - 2 if height else _MAX_EVENTS
        yield parts
        if room > 0 and shown.events:
            yield _title("Timeline (UTC)")
            yield from (_event(event) for event in shown.events[:room])

    def _head(self) -> Iterator[RenderableType]:
        if self._problem:
            yield _marked("critical", self._problem)
        if len(self._status.targets) > 1:
            for target in self._status.targets:
                word = target.verdict.verdict
                yield Text.assemble(
                    _word(word), f" {plain(target.name)}: {plain(target.verdict.title)}"
                )
        yield _verdict(self._status.targets[0], self._status.time)


def _cut(lines: list[list[Segment]], kept: int) -> Iterator[Segment | Text]:
    """Yield the first lines, and the number of the others."""
    for line in lines[:kept]:
        yield from line
        yield Segment.line()
    rest = f"... {count(len(lines) - kept, 'more line')}; enlarge the terminal"
    yield Text(rest, style="bold", no_wrap=True, overflow="ellipsis")


def plain(text: str) -> str:
    """Return untrusted text without control characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _marked(level: Level, text: str) -> Text:
    style = STYLES[level]
    return Text(f"{style.mark} {plain(text)}", style=f"bold {style.color}")


def _title(text: str) -> RenderableType:
    return Padding(Text(text, style="bold"), (1, 0, 0, 0))


def _verdict(shown: TargetStatus, seen_at: float) -> RenderableType:
    verdict = shown.verdict
    lines = [*_reasons(verdict), _marked(verdict.level, verdict.title)]
    lines.append(Text(plain(verdict.reason)))
    if verdict.steps and verdict.level != "ok":
        lines.append(Text(f"What to do: {plain(verdict.steps)}", style="italic"))
    if verdict.runbook:
        lines.append(Text(_runbook(verdict.runbook)))
    lines.append(Text(", ".join(_where(shown, seen_at)), style="dim"))
    return Panel(
        Group(*lines),
        title=_word(verdict.verdict).append(f" {plain(verdict.state)} ", style="default"),
        title_align="left",
        border_style=_COLORS[verdict.verdict],
    )


def _word(verdict: VerdictName) -> Text:
    """Return the verdict in one word, which also a terminal without colors shows."""
    return Text(f" {verdict.upper()} ", style=f"bold reverse {_COLORS[verdict]}")


def _reasons(verdict: Verdict) -> Iterator[Text]:
    for reason in verdict.reasons[:REASONS_SHOWN]:
        over = "" if reason.ago_seconds is None else f" (until {duration(reason.ago_seconds)} ago)"
        where = f"{plain(reason.datname)}: " if reason.datname else ""
        yield Text(f"- {where}{plain(reason.text)}{over}")
    if (more := len(verdict.reasons) - REASONS_SHOWN) > 0:
        yield Text(f"and {more} more", style="dim")


def _runbook(runbook: Runbook) -> str:
    return f"Runbook: {plain(runbook.url or runbook.alert)}"


def _where(shown: TargetStatus, seen_at: float) -> Iterator[str]:
    yield plain(target_title(shown.name, shown.server.address))
    if shown.server.version:
        yield f"PostgreSQL {shown.server.version.split()[0]}"
        yield shown.server.role or ""
    if shown.server.reached:
        yield f"at {clock(seen_at)} UTC"
    elif shown.age_seconds is not None:
        yield f"last answered {duration(shown.age_seconds)} ago"


def _parts(shown: TargetStatus, *, is_narrow: bool) -> Iterator[RenderableType]:
    yield from _answers(shown, is_narrow=is_narrow)
    if shown.waits and shown.waits.trees:
        yield _title(f"Lock waits: {sessions_counted(shown.waits)}")
        yield from (_tree(session) for session in shown.waits.trees)
    for build in shown.index_builds:
        yield from _build(build)
    for index in shown.invalid_indexes:
        yield _marked("attention", f"invalid index {index.schemaname}.{index.indexrelname}")
    for migration in filter(lambda migration: migration.changelog, shown.migrations):
        yield from _migration(migration)
    yield from (_check(check) for check in shown.checks if check.level != "ok")
    yield from _server(shown)
    if shown.statements and shown.server.reached:
        yield _title("Statements with the most time")
        yield from (_statement(statement) for statement in shown.statements[:STATEMENTS_SHOWN])


def _answers(shown: TargetStatus, *, is_narrow: bool) -> Iterator[RenderableType]:
    """Yield the answers; a narrow terminal has no room for their details."""
    table = Table.grid(padding=(0, 2))
    for answer in shown.answers:
        marked = _marked(answer.level, answer.answer)
        details = [] if is_narrow else [Text(plain(answer.detail))]
        table.add_row(Text(answer.question, style="dim"), marked, *details)
    yield Padding(table, (1, 0, 0, 0))
    for answer in () if is_narrow else shown.answers:
        if answer.runbook and answer.runbook != shown.verdict.runbook:
            yield Text(f"{answer.question} {_runbook(answer.runbook)}", style="dim")


def _migration(migration: Migration) -> Iterator[RenderableType]:
    applied, pending = migration.applied, migration.pending
    yield _title(f"Migration of {plain(migration.datname)} {plain(migration.changelog)}".rstrip())
    if applied is not None and pending is not None:
        total = applied + pending
        progress = f"{applied} of {total} changesets have run"
        yield _bar(applied / total if total else 1.0, progress, migration.verdict.level)
    elif applied is not None:
        yield Text(f"{count(applied, 'changeset')} {'has' if applied == 1 else 'have'} run")
    if migration.lock_held and migration.lock_seconds is not None:
        owner = plain(migration.locked_by or "")
        yield Text(f"locked for {duration(migration.lock_seconds)} by {owner}")
    if migration.statement:
        yield Text(f"executing {plain(migration.statement)}")
    for changeset in migration.next_changesets[:1]:
        yield Text(f"next changeset {plain(changeset)}")


def _check(check: CheckStatus) -> Text:
    result = f"{check.phase} check {check.name} {check_result(check)}"
    return _marked(check.level, f"{result}: {check.reason}" if check.reason else result)


def _build(build: IndexBuild) -> Iterator[RenderableType]:
    index, table = plain(build.indexrelname), plain(build.relname)
    yield _title(f"{build.command} {index} on {table}".replace("  ", " "))
    phase = plain(build.phase or "")
    if build.eta_seconds is not None:
        phase += f", about {duration(build.eta_seconds)} left"
    level: Level = "attention" if build.blocked_seconds else "info"
    if build.progress is not None:
        yield _bar(build.progress, f"{build.progress:.0%} {phase}", level)
    if build.locker:
        activity = session_activity(build.locker.state, build.locker.transaction_seconds)
        locker = f"{build.locker.application_name}, {activity}"
        yield _marked("attention", f"waits {duration(build.blocked_seconds)} for {locker}")


def _bar(ratio: float, text: str, level: Level) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    color = STYLES[level].color
    bar = ProgressBar(
        total=1.0, completed=ratio, width=_BAR_WIDTH, complete_style=color, finished_style=color
    )
    table.add_row(bar, Text(text))
    return table


def _tree(root: SessionInfo) -> Tree:
    tree = Tree(_session(root))
    _add_waiters(tree, root)
    return tree


def _add_waiters(tree: Tree, session: SessionInfo) -> None:
    for waiter in session.waiters:
        _add_waiters(tree.add(_session(waiter)), waiter)
    if session.waiters_left_out:
        tree.add(Text(f"and {session.waiters_left_out} more", style="dim"))


def _session(session: SessionInfo) -> Text:
    if session.waits_for:
        activity = f"waits {duration(session.waited_seconds)} for {plain(session.waits_for)}"
    else:
        activity = plain(session_activity(session.state, session.transaction_seconds))
    mark = " (migration)" if session.is_migration else ""
    text = Text.assemble((plain(session.application_name) or "unnamed", "bold"), mark)
    text.append(f" pid {session.pid}: {activity}")
    if session.kind:
        text.append(f"; {'' if session.state == 'active' else 'last statement '}{session.kind}")
    if session.statement:
        text.append(f"\n{plain(session.statement)}", style="dim")
    return text


def _server(shown: TargetStatus) -> Iterator[RenderableType]:
    facts = [f"{pool.type} {pool.name} {pool.used:.0%} in use" for pool in shown.pools]
    facts += [
        f"{replica.name} {duration(replica.lag_seconds)} behind" for replica in shown.replicas
    ]
    facts += [_latency(latency) for latency in shown.latencies]
    if facts:
        yield _title("Server")
        yield Text("; ".join(plain(fact) for fact in facts))


def _latency(latency: Latency) -> str:
    usual = latency.baseline_seconds
    baseline = f"usually {short_duration(usual)}" if usual is not None else "no baseline yet"
    return f"95th percentile of statements {short_duration(latency.now_seconds or 0)} ({baseline})"


def _statement(statement: TopStatement) -> Text:
    title = plain(one_line(statement.text)) if statement.text else f"queryid {statement.queryid}"
    spent = time_spent(statement.seconds, statement.calls)
    role = f"{plain(statement.usename)} in {plain(statement.datname)}"
    return Text(title, style="bold").append(f"; {spent}; {role}", style="not bold dim")


def _event(event: StatusEvent) -> Text:
    style = STYLES[event.level]
    text = Text.assemble(
        (f"{style.mark} ", f"bold {style.color}"), (f"{clock(event.time)} ", "dim")
    )
    text.append(plain(event.text))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
