"""`python -m kerasblocks`: the command line."""

import sys

from _kerasblocks_cli import main

if __name__ == "__main__":
    sys.exit(main())
