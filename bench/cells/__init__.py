"""The words of the benchmark: task, loop, cell, record; and how a class is read from a file."""
