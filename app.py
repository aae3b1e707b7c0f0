"""Start the fkd app: ``python app.py --help``."""

from __future__ import annotations

import sys

from fkd.ui.start import main

if __name__ == "__main__":
    sys.exit(main())
