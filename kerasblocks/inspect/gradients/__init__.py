"""What `kerasblocks.gradient_flow` is made of: batches, a step, rows, a table."""
