"""A cell: the unit of work, of resume, of a result file."""

from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_serializer, model_validator

from bench.cells.loops import Loop
from bench.cells.parameters import describe_parameters
from bench.cells.task import TierName
from bench.files.hashing import canonical_sha256
from bench.files.limits import MethodName, Name, Parameters, PositiveCount, Seed, Sha256


class MethodIdentity(BaseModel):
    """Which method, with which parameters, from which file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: MethodName
    params: Parameters = {}
    sha256: Sha256
    control: bool = Field(default=False, description="given what no method is given; compared with, never ranked")

    @property
    def option(self) -> str:
        """What `--method` takes for it."""
        return ":".join(filter(None, (self.name, describe_parameters(self.params))))


class GeneratorIdentity(BaseModel):
    """Which generator: one of the benchmark's own by its name, another by its file and parameters.

    One of the benchmark's own is written as its name alone; what it is, the task file and the version of the benchmark
    say. One from a file is written with its parameters, of which the defaults are a part, and the hash of the file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    params: Parameters = {}
    sha256: Sha256 | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _own_has_no_params(self) -> "GeneratorIdentity":
        if self.sha256 is None and self.params:
            raise ValueError("params without sha256: only a generator from a file has parameters")
        return self

    @model_serializer
    def _written(self) -> str | dict[str, Any]:
        return {"name": self.name, "params": self.params, "sha256": self.sha256} if self.from_file else self.name

    def __hash__(self) -> int:
        """Return a hash, which the parameters, a dictionary, do not have."""
        return hash((self.name, self.sha256))

    @property
    def from_file(self) -> bool:
        """Whether it is from a file, and none of the benchmark's own."""
        return self.sha256 is not None

    @property
    def option(self) -> str:
        """What `--generator` takes for it, with NAME.py for the path of its file."""
        if not self.from_file:
            return self.name
        return ":".join(filter(None, (f"{self.name}.py", describe_parameters(self.params))))


class Cell(BaseModel):
    """One run of one self-consuming loop: everything that its result is a function of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Name
    task_version: PositiveCount
    generator: GeneratorIdentity
    loop: Loop
    method: MethodIdentity
    tier: TierName
    seed: Seed

    @cached_property
    def id(self) -> str:
        """The SHA-256 of the canonical cell."""
        return canonical_sha256(self.model_dump(mode="json"))

    def coordinates(self, *what: str | int) -> tuple[str | int, ...]:
        """Return what the seed of something in this cell is derived from (`bench.seeds`).

        Loop and method are left out of it, so that cells that differ in them alone are compared in pairs.
        """
        return (self.task, self.generator.name, self.seed, *what)

    @property
    def slug(self) -> str:
        """A readable name: what sets the cell apart in most grids, and the start of the id, which makes it unique."""
        words = [self.task, self.generator.name, self.loop.kind]
        if self.loop.pool != "previous":
            words.append(self.loop.pool.replace(":", ""))
        if self.loop.sampling_bias != 1:
            words.append(f"bias{self.loop.sampling_bias:g}")
        if self.loop.contamination is not None:
            words.append(f"contaminated{self.loop.contamination:g}")
        if self.loop.protocol != "scratch":
            words.append(self.loop.protocol)
        return "-".join([*words, self.method.name, self.tier, f"seed{self.seed}", self.id[:8]])
