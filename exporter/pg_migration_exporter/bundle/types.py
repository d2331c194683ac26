"""What the schemas of the values' parts have in common."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

# prometheus/common, model.ParseDuration
_DURATION = re.compile(r"(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?")


class Model(BaseModel):
    """A part of a values file: nothing extra, and nothing changes once it is valid."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("write it on one line, without control characters")
    return text


def _duration(value: object) -> str:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise ValueError("write a Prometheus duration such as 30s, 5m or 1h30m")
    return value


def _not_zero(duration: str) -> str:
    if not re.search("[1-9]", duration):
        raise ValueError("write a duration above zero")
    return duration


Duration = Annotated[str, BeforeValidator(_duration)]
PositiveDuration = Annotated[Duration, AfterValidator(_not_zero)]
OneLine = Annotated[str, AfterValidator(_printable)]
#: Becomes part of an expression, so that quoting must not be needed.
JobName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:-]+$")]
