"""What `kerasblocks.fold` is made of: a graph, its rewrite rules, layers' algebra."""
