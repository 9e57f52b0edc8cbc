"""Lineage through the API of MLMD: remote stores."""
