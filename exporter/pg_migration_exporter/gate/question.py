"""What the gate is asked: a phase, a profile, and what counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from pg_migration_exporter.config.checks import Phase, Severity
from pg_migration_exporter.errors import ConfigError
from pg_migration_exporter.gate.check import BuiltIn
from pg_migration_exporter.gate.checks import CHECKS
from pg_migration_exporter.gate.profile import Profile

_SEVERITIES: tuple[Severity, ...] = ("info", "warning", "critical")


@dataclass(frozen=True, slots=True)
class Question:
    """One run of the gate. `fail_on` is the least severity that counts.

    Without `unknown_holds`, a check without an answer counts as one that passes. `has_sql` is
    whether the server itself can be asked, or only an exporter.
    """

    phase: Phase
    profile: Profile
    fail_on: Severity = "critical"
    unknown_holds: bool = True
    has_sql: bool = True

    def counts(self, severity: Severity) -> bool:
        """Return whether a check of this severity can be a reason."""
        return _SEVERITIES.index(severity) >= _SEVERITIES.index(self.fail_on)

    def asked(self) -> list[BuiltIn]:
        """Return the built-in checks of the phase that are asked."""
        return [check for check in self._checks() if not self._obstacle(check)]

    def not_asked(self) -> dict[str, str]:
        """Return the others of the phase, and why."""
        return {check.name: why for check in self._checks() if (why := self._obstacle(check))}

    def _checks(self) -> Iterator[BuiltIn]:
        return (check for check in CHECKS if self.phase in check.phases)

    def _obstacle(self, check: BuiltIn) -> str:
        if check.name in self.profile.skip:
            return f"skipped by the profile: {self.profile.skip[check.name]}"
        if check.profile_key and getattr(self.profile, check.profile_key) in (None, ()):
            return f"the profile has no {check.profile_key}"
        if check.needs_server and not self.has_sql:
            return "it needs a connection to the server: --config or --dsn"
        return ""


def check_names(profile: Profile, configured: Collection[str] | None) -> None:
    """Raise ConfigError for a name of the profile that no check has, or that two checks have.

    `configured` are the checks of the configuration, which only a waiver may name; None if they are
    not known.
    """
    built_in = {check.name for check in CHECKS}
    taken = {*built_in, *(configured or ())}
    for check in profile.checks:
        if check.name in taken:
            raise ConfigError(f"--profile: checks: {check.name!r} is taken; rename this check")
        taken.add(check.name)
    for key, names in (("severities", profile.severities), ("skip", profile.skip)):
        for name in names:
            _refuse(key, name, built_in)
    for waiver in profile.waivers if configured is not None else ():
        _refuse("waivers", waiver.check, taken)


def _refuse(key: str, name: str, known: set[str]) -> None:
    if name in known:
        return
    close = get_close_matches(name, sorted(known), 1)
    hint = f"did you mean {close[0]}?" if close else "docs/gate.md lists them"
    raise ConfigError(f"--profile: {key}: there is no check {name!r}; {hint}")
