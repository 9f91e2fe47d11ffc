"""Metrics that Keras lacks, one a file."""
