"""The fault campaign: `python tests/faults`. docs/faults.md says what it does."""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "1"  # before torch is imported: threads do not survive a fork
    sys.path[0] = str(Path(__file__).resolve().parents[1])  # where the tests find each other
    from faults.campaign import main

    sys.exit(main())
