"""This process and those beside it: progress, interruption, work that is shared."""
