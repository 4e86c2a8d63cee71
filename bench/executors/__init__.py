"""Executors run many cells; a cell itself is sequential."""
