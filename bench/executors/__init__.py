"""Executors run many cells, here or on other machines; a cell itself is sequential."""
