"""Runs two servers side by side, one at a time, under the same load. See ../README.md."""
