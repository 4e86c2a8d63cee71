"""What the door `bench` gives and where it lives, apart from the door, so that rooms below it may look it up."""

__version__ = "0.1.0"
# Of what the door gives. A name or a signature that changes after a release raises it (`make interface`).
INTERFACE_VERSION = 1

# Where each name lives. Methods and generators that are files may use these,
FOR_FILES = {
    "BadInput": "bench.errors",
    "Batch": "bench.generators.batch",
    "Budget": "bench.methods.method",
    "Checkpoint": "bench.generators.base",
    "Context": "bench.methods.method",
    "Control": "bench.methods.method",
    "DataShape": "bench.cells.data_shape",
    "Engine": "bench.generators.engine",
    "Extrapolation": "bench.generators.base",
    "Generator": "bench.generators.base",
    "GeneratorSettings": "bench.cells.generator_settings",
    "ImageSet": "bench.data.image_set",
    "LinearProbe": "bench.features.linear_probe",
    "Loop": "bench.cells.loops",
    "LoopKind": "bench.cells.loops",
    "Method": "bench.methods.method",
    "NetworkGenerator": "bench.generators.network",
    "NetworkSettings": "bench.cells.generator_settings",
    "NoiseLevel": "bench.generators.noise",
    "Pool": "bench.methods.pool",
    "Progress": "bench.process.progress",
    "RunFailed": "bench.errors",
    "Setting": "bench.methods.method",
    "Training": "bench.generators.training",
    "Watch": "bench.generators.watch",
    "concatenate": "bench.data.image_set",
    "derive_generator": "bench.seeds",
    "derive_seed": "bench.seeds",
    "draw_weights": "bench.seeds",
    "mean_loss": "bench.generators.training",
}
# and scripts and notebooks these too: they lead to the reference and the scorer.
FOR_SCRIPTS = {
    "compare": "bench.api",
    "read_results": "bench.api",
    "run": "bench.api",
    "score": "bench.api",
}
