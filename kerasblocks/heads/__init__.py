"""Several outputs: tasks, their labels, losses and metrics, and the model."""
