"""Which real images a cell was run on."""

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from bench.files.limits import Sha256, Text


class DataIdentity(BaseModel):
    """The training images, whether they are the ones that the task pins, and where on the hub they were fetched."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    sha256: Sha256
    pinned: bool
    origin: Text | None = None

    @model_serializer(mode="wrap")
    def _without_nothing(self, serialise: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out an origin that there is none of: most data sets, and all records of earlier versions."""
        return {key: value for key, value in serialise(self).items() if key != "origin" or value is not None}
