"""``python -m tokenauth.client``."""

import sys

from tokenauth.client.command_line import main

if __name__ == "__main__":
    sys.exit(main())
