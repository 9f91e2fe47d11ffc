"""Running layers without values, to see what they run and what it takes."""
