"""The charts of a report, a file each: drawn once, for a page and as a picture."""
