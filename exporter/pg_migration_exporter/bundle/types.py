"""What the schemas of the values' parts have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


class Model(BaseModel):
    """A part of a values file: nothing extra, and nothing changes once it is valid."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("write it on one line, without control characters")
    return text


OneLine = Annotated[str, AfterValidator(_printable)]
#: Becomes part of an expression, so that quoting must not be needed.
JobName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./:-]+$")]
