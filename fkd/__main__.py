"""``python -m fkd``: predict from the command line."""

from __future__ import annotations

import sys

from fkd.cli import main

sys.exit(main())
