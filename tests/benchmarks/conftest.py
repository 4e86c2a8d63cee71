import sys
from pathlib import Path

# A script finds what lies beside it. Last, as modules there have the names of rooms here.
sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
