"""Evaluate: metrics with thresholds, and a page that shows them."""
