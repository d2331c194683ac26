"""What all parts of the configuration have in common."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of the configuration: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def over(self, base: Self) -> Self:
        """`base`, with the keys that are given here instead of its own."""
        return base.model_copy(update={key: getattr(self, key) for key in self.model_fields_set})
