"""The model in a terminal, with rich: what the page shows, the most urgent first.

The page has room for all side by side. Here the verdict, who waits for whom and the index builds
come first, since a low terminal shows no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.segment import Segment
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from pg_migration_exporter.status.model import (
    CheckStatus,
    IndexBuild,
    Level,
    Migration,
    Runbook,
    SessionInfo,
    Status,
    StatusEvent,
    TargetStatus,
    TopStatement,
)
from pg_migration_exporter.status.words import (
    STATEMENTS_SHOWN,
    brief,
    clock,
    count,
    doing,
    duration,
    place,
    said,
    shortened,
    taken,
)

#: A mark beside the style, so that a terminal without colors tells the same.
STYLES: dict[Level, tuple[str, str]] = {
    "critical": ("red", "x"),
    "attention": ("yellow", "!"),
    "unknown": ("magenta", "?"),
    "info": ("cyan", ">"),
    "ok": ("green", "+"),
}
#: What would move the cursor, color the screen, or turn the direction of text.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_BAR_WIDTH = 40
#: Events that are shown where the height is not limited.
_EVENTS = 20


class StatusView:
    """Everything; with `fits`, as much as the screen has room for, and events in what is left."""

    def __init__(self, status: Status, problem: str | None = None, *, fits: bool = False) -> None:
        self._status = status
        self._problem = problem
        self._fits = fits

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = self._status.targets[0]
        parts = Group(*self._head(), *_parts(shown))
        lines = console.render_lines(parts, options.update(height=None), pad=False)
        # Not options.height: within rich's Live, a group around this view resets it.
        height = options.max_height if self._fits else None
        if height and len(lines) > height:
            yield from _cut(lines, height - 1)
            return
        room = height - len(lines) - 2 if height else _EVENTS
        yield parts
        if room > 0 and shown.events:
            yield _title("Time line (UTC)")
            yield from (_event(one) for one in shown.events[:room])

    def _head(self) -> Iterator[RenderableType]:
        if self._problem:
            yield _marked("critical", self._problem)
        if len(self._status.targets) > 1:
            for one in self._status.targets:
                yield _marked(one.verdict.level, f"{one.name}: {one.verdict.title}")
        yield _verdict(self._status.targets[0], self._status.time)


def _cut(lines: list[list[Segment]], kept: int) -> Iterator[Segment | Text]:
    """The first lines, and a last one that says how many do not fit."""
    for line in lines[:kept]:
        yield from line
        yield Segment.line()
    told = f"... {count(len(lines) - kept, 'line')} more than fit into this terminal"
    yield Text(told, style="bold", no_wrap=True, overflow="ellipsis")


def plain(text: str) -> str:
    """Text of others, without what a terminal would obey."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def _marked(level: Level, text: str) -> Text:
    style, mark = STYLES[level]
    return Text(f"{mark} {plain(text)}", style=f"bold {style}")


def _title(text: str) -> RenderableType:
    return Padding(Text(text, style="bold"), (1, 0, 0, 0))


def _verdict(shown: TargetStatus, seen_at: float) -> RenderableType:
    verdict = shown.verdict
    lines = [_marked(verdict.level, verdict.title), Text(plain(verdict.reason))]
    if verdict.steps and verdict.level != "ok":
        lines.append(Text(f"What to do: {plain(verdict.steps)}", style="italic"))
    if verdict.runbook:
        lines.append(Text(_told(verdict.runbook)))
    lines.append(Text(", ".join(_where(shown, seen_at)), style="dim"))
    return Panel(
        Group(*lines),
        title=Text(verdict.state.upper()),
        title_align="left",
        border_style=STYLES[verdict.level][0],
    )


def _told(runbook: Runbook) -> str:
    return f"Runbook: {plain(runbook.url or runbook.alert)}"


def _where(shown: TargetStatus, seen_at: float) -> Iterator[str]:
    yield plain(place(shown.name, shown.server.address))
    if shown.server.version:
        yield f"PostgreSQL {shown.server.version.split()[0]}"
        yield shown.server.role or ""
    if shown.server.reached:
        yield f"seen at {clock(seen_at)} UTC"
    elif shown.age_seconds is not None:
        yield f"last answered {duration(shown.age_seconds)} ago"


def _parts(shown: TargetStatus) -> Iterator[RenderableType]:
    if shown.waits and shown.waits.trees:
        yield _title("Who waits for whom")
        yield from (_tree(one) for one in shown.waits.trees)
    for build in shown.index_builds:
        yield from _build(build)
    yield from _answers(shown)
    for migration in (one for one in shown.migrations if one.changelog):
        yield from _migration(migration)
    for check in (one for one in shown.checks if one.level != "ok"):
        yield _check(check)
    for index in shown.invalid_indexes:
        yield _marked("attention", f"invalid index {index.schemaname}.{index.indexrelname}")
    yield from _server(shown)
    if shown.statements and shown.server.reached:
        yield _title("Statements that took most time")
        yield from (_statement(one) for one in shown.statements[:STATEMENTS_SHOWN])


def _answers(shown: TargetStatus) -> Iterator[RenderableType]:
    table = Table.grid(padding=(0, 2))
    for one in shown.answers:
        answer = _marked(one.level, one.answer)
        table.add_row(Text(one.question, style="dim"), answer, Text(plain(one.detail)))
    yield Padding(table, (1, 0, 0, 0))
    for one in shown.answers:
        if one.runbook and one.runbook != shown.verdict.runbook:
            yield Text(f"{one.question} {_told(one.runbook)}", style="dim")


def _migration(one: Migration) -> Iterator[RenderableType]:
    yield _title(f"Migration of {plain(one.datname)} {plain(one.changelog)}".rstrip())
    if one.applied is not None and one.pending is not None:
        total = one.applied + one.pending
        told = f"{one.applied} of {total} changesets have run"
        yield _bar(one.applied / total if total else 1.0, told, one.verdict.level)
    elif one.applied is not None:
        yield Text(f"{one.applied} changesets have run")
    if one.lock_held and one.lock_seconds is not None:
        yield Text(f"locked for {duration(one.lock_seconds)} by {plain(one.locked_by or '')}")
    if one.statement:
        yield Text(f"executes {plain(one.statement)}")
    for changeset in one.next_changesets[:1]:
        yield Text(f"next is {plain(changeset)}")


def _check(one: CheckStatus) -> Text:
    told = f"{one.phase} check {one.name} {said(one)}"
    return _marked(one.level, f"{told}: {one.reason}" if one.reason else told)


def _build(one: IndexBuild) -> Iterator[RenderableType]:
    yield _title(
        f"{one.command} {plain(one.indexrelname)} on {plain(one.relname)}".replace("  ", " ")
    )
    told = plain(one.phase or "")
    if one.eta_seconds is not None:
        told += f", about {duration(one.eta_seconds)} left"
    level: Level = "attention" if one.blocked_seconds else "info"
    if one.progress is not None:
        yield _bar(one.progress, f"{one.progress:.0%} {told}", level)
    if one.locker:
        what = doing(one.locker.state, one.locker.transaction_seconds)
        who = f"{one.locker.application_name}, {what}"
        yield _marked("attention", f"waits {duration(one.blocked_seconds)} for {who}")


def _bar(ratio: float, told: str, level: Level) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    style = STYLES[level][0]
    bar = ProgressBar(
        total=1.0, completed=ratio, width=_BAR_WIDTH, complete_style=style, finished_style=style
    )
    table.add_row(bar, Text(told))
    return table


def _tree(root: SessionInfo) -> Tree:
    tree = Tree(_session(root))
    _grow(tree, root)
    return tree


def _grow(tree: Tree, session: SessionInfo) -> None:
    for waiter in session.waiters:
        _grow(tree.add(_session(waiter)), waiter)
    if session.waiters_left_out:
        tree.add(Text(f"and {session.waiters_left_out} more", style="dim"))


def _session(one: SessionInfo) -> Text:
    if one.waits_for:
        what = f"waits {duration(one.waited_seconds)} for {plain(one.waits_for)}"
    else:
        what = plain(doing(one.state, one.transaction_seconds))
    mark = " (migration)" if one.is_migration else ""
    text = Text.assemble((plain(one.application_name) or "unnamed", "bold"), mark)
    text.append(f" pid {one.pid}: {what}")
    if one.kind:
        text.append(f"; {'' if one.state == 'active' else 'last statement '}{one.kind}")
    if one.statement:
        text.append(f"\n{plain(one.statement)}", style="dim")
    return text


def _server(shown: TargetStatus) -> Iterator[RenderableType]:
    facts = [f"{one.type} {one.name} {one.used:.0%} in use" for one in shown.pools]
    facts += [f"{one.name} {duration(one.lag_seconds)} behind" for one in shown.replicas]
    for one in shown.latencies:
        usual = one.baseline_seconds
        told = f"usually {brief(usual)}" if usual is not None else "no baseline yet"
        facts.append(f"95 % of statements within {brief(one.now_seconds or 0)} ({told})")
    if facts:
        yield _title("The server meanwhile")
        yield Text("; ".join(plain(fact) for fact in facts))


def _statement(one: TopStatement) -> Text:
    text = Text(plain(shortened(one.text)) if one.text else f"queryid {one.queryid}", style="bold")
    told = f"; {taken(one.seconds, one.calls)}; {plain(one.usename)} in {plain(one.datname)}"
    return text.append(told, style="not bold dim")


def _event(one: StatusEvent) -> Text:
    style, mark = STYLES[one.level]
    text = Text.assemble((f"{mark} ", f"bold {style}"), (f"{clock(one.time)} ", "dim"))
    text.append(plain(one.text))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
