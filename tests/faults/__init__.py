"""The fault campaign: cells are killed, damaged and starved, and their records must be those of undisturbed runs."""
