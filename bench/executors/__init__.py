"""The grid of cells, and who runs them where; a cell itself is sequential."""
