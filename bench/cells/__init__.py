"""The words of the benchmark: task, loop, cell, record, and what is said of two records of one cell."""
