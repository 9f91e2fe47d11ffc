"""What all blocks share. To write a block of your own, start here."""
