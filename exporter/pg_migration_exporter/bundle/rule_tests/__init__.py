"""Unit tests of the rules for promtool, generated from the short cases next to each alert."""
