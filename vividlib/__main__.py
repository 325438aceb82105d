"""``python -m vividlib``: the command line."""

from vividlib.cli import main

raise SystemExit(main())
