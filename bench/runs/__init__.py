"""The runs folder: what is kept of a cell, resumed, shown and cleaned."""
