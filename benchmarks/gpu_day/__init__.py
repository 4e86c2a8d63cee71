"""The jobs of `gpu.py`, one file for each stage, and what runs, keeps and shows them."""
