"""What a block is: read this first to write one of your own."""
