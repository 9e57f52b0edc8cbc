"""Amazon's client in tests."""

from __future__ import annotations


def forget_credentials() -> None:
    """Amazon's client reads the environment once in a process."""
    import boto3

    boto3.DEFAULT_SESSION = None
