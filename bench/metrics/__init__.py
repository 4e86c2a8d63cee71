"""Metrics of one set of features against another; what feature space they are in is not their business."""
