"""The scorer, and what is scored with it outside the loop."""
