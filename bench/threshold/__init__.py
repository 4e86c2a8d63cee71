"""The sweep of n_e / n_r over synthetic data, and its picture."""
