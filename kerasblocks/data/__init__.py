"""Batches of labelled data for models that compare: pairs, and classes together."""
