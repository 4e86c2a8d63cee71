"""What a check finds, and how it is told."""

import json
from dataclasses import asdict, dataclass, field

# What is looked at in a method, and what an author reads where nothing is wrong; the same for generators.
CHECKS = {
    "hooks": "each hook returns what the loop can use",
    "time": "every hook returns in time",
    "inputs": "no hook changes what it is given",
    "random state": "no hook draws from or seeds a random state that others share",
    "global state": "no variable of the file or of its classes has changed, nor a setting of torch",
    "reads": "nothing is read that a method may not see",
    "uses": "it uses nothing that its class does not declare (`uses`)",
    "deterministic": "the same cell run twice gives the same pools and samples, bit for bit",
    "resume": "killed between hooks and between generations, it goes on to the same pools and samples",
    "reference": "other held-out images change nothing but the score",
}
GENERATOR_CHECKS = {
    "images": "images have the right shape, type and labels",
    "seeds": "an image is a function of its own seed and label, whatever the batch and the order",
    "fit": "the same fit seed gives the same weights, bit for bit, whatever was trained before",
    "resume": "killed inside a fit, it goes on to the same weights",
    "state": "state_dict holds all that sampling and finetune need, and load_state_dict puts it in place",
    "finetune": "a fit that is not from scratch goes on from the weights",
    "weights": "the weights of images reach the loss",
    "budget": "budget and learning_rate are kept to",
    "counts": "images trained and network evaluations are those that were counted",
    "bias": "the sampling bias acts, and 1 is none",
    "inputs": "nothing that is given is changed",
    "random state": "no random state that others share is drawn from or seeded",
    "global state": "no variable of the file or of its classes, no setting and no parameter has changed",
    "reads": "its source uses no files, no network, no processes and no environment",
}


@dataclass(frozen=True)
class Finding:
    """The outcome of one check: what is `ok`, `FAILED`, not looked at (`skipped`), or only told (`note`)."""

    check: str
    state: str
    message: str


@dataclass(frozen=True)
class Verdict:
    """What `autophagy check` found.

    Attributes:
        method: the method with its parameters, as `--method` takes it.
        findings: one or more for each check.
        seconds: how long it took.
    """

    method: str
    findings: list[Finding]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not any(finding.state == "FAILED" for finding in self.findings)

    def to_text(self) -> str:
        """Return one line for each finding, and the verdict."""
        width = max(len(finding.check) for finding in self.findings) + 1
        lines = [f"{f.state:8}{f.check + ':':{width}} {f.message}" for f in self.findings]
        failed = dict.fromkeys(finding.check for finding in self.findings if finding.state == "FAILED")
        what = "passes all checks" if self.passed else f"fails: {', '.join(failed)}"
        return "\n".join([*lines, f"{self.method} {what} ({self.seconds:.0f} s)"])

    def to_json(self) -> str:
        """Return the same as JSON."""
        return json.dumps(asdict(self) | {"passed": self.passed}, indent=2)


@dataclass
class Faults:
    """What failed, with the cells in which it did."""

    messages: dict[tuple[str, str], str] = field(default_factory=dict)
    cells: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, check: str, cell: object, message: str, what: str | None = None) -> None:
        """Add a fault; of those with the same `what`, if any is given, the first message is kept."""
        self.messages.setdefault((check, what or message), message)
        self.cells.setdefault((check, what or message), []).append(str(cell))

    def of(self, check: str) -> list[str]:
        """Return the messages of a check, each with the first of its cells."""
        found = []
        for key, cells in self.cells.items():
            if key[0] == check:
                more = f" and {len(set(cells)) - 1} more" if len(set(cells)) > 1 else ""
                found.append(f"{self.messages[key]} [{cells[0]}{more}]")
        return found
