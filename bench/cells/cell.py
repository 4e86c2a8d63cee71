"""A cell: the unit of work, of resume, of a result file."""

from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field

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


class Cell(BaseModel):
    """One run of one self-consuming loop: everything that its result is a function of."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    task: Name
    task_version: PositiveCount
    generator: Name
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
        return (self.task, self.generator, self.seed, *what)

    @property
    def slug(self) -> str:
        """A readable name: what sets the cell apart in most grids, and the start of the id, which makes it unique."""
        words = [self.task, self.generator, self.loop.kind]
        if self.loop.pool != "previous":
            words.append(self.loop.pool.replace(":", ""))
        if self.loop.sampling_bias != 1:
            words.append(f"bias{self.loop.sampling_bias:g}")
        if self.loop.contamination is not None:
            words.append(f"contaminated{self.loop.contamination:g}")
        if self.loop.protocol != "scratch":
            words.append(self.loop.protocol)
        return "-".join([*words, self.method.name, self.tier, f"seed{self.seed}", self.id[:8]])
