"""The generators that tasks may name."""
