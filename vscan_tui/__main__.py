"""`python -m vscan_tui` is `vscan`."""

import sys

from vscan_tui.cli import main

if __name__ == "__main__":
    sys.exit(main())
