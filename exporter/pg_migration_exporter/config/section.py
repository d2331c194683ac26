"""The base of all parts of the configuration."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """A mapping of the configuration; unknown keys are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    def override(self, base: Self) -> Self:
        """Return `base` with the keys that are set in this section."""
        return base.model_copy(update={key: getattr(self, key) for key in self.model_fields_set})
