"""From a chain to statements, and back from their bytes to facts.

``make_statements`` makes one SLSA provenance statement per step, ``make_summary`` the
verification summary over them; ``parse_statement`` reads either, strictly.
"""

from __future__ import annotations

from kfp_provenance.attest.identifiers import (
    BUILD_TYPE,
    CHAIN_EXTENSION,
    IN_RUN_BUILDER,
    OPERATOR_BUILDER,
    PAYLOAD_TYPE,
    PROVENANCE_TYPE,
    STATEMENT_TYPE,
    SUMMARY_TYPE,
)
from kfp_provenance.attest.parse import StepStatement, parse_statement
from kfp_provenance.attest.statement import make_statement, make_statements
from kfp_provenance.attest.summary import AttestationReference, Summary, make_summary

__all__ = [
    "BUILD_TYPE",
    "CHAIN_EXTENSION",
    "IN_RUN_BUILDER",
    "OPERATOR_BUILDER",
    "PAYLOAD_TYPE",
    "PROVENANCE_TYPE",
    "STATEMENT_TYPE",
    "SUMMARY_TYPE",
    "AttestationReference",
    "StepStatement",
    "Summary",
    "make_statement",
    "make_statements",
    "make_summary",
    "parse_statement",
]
