"""Ingest: a table from outside becomes a checked, profiled data set."""
