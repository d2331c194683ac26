"""The one error of the bundle that its user can put right."""

from __future__ import annotations


class BundleError(Exception):
    """Bad input. Its text, one line for each problem, says where, what and what to do."""
