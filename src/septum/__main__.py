"""``python -m septum`` is the command ``septum``."""

import sys

from septum.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
