"""`python -m hdrfuse` is `hdrfuse`."""

import sys

from hdrfuse.cli import main

sys.exit(main())
