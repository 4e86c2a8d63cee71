"""The feature spaces that belong to no task; kept apart from the networks so that reading a task needs no torch."""

SPACE_SUMMARIES = {
    "inception": "Inception-v3 as in clean-fid, 2,048 features: the space of published FIDs (96 MB download)",
    "dinov2": "DINOv2 ViT-B/14, 768 features (extra dinov2, 346 MB download)",
    "efficientnet-lite0": "EfficientNet-Lite0, 1,280 features (extra efficientnet-lite0, no download)",
    "identity": "the pixels, or the points, themselves",
}
