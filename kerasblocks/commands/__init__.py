"""What the commands of the command line do; `_kerasblocks_cli` has their arguments."""
