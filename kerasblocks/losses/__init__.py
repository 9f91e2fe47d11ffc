"""Losses that Keras lacks, one a file."""
