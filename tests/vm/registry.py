"""Where scenarios register themselves."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

SCENARIOS = []


@dataclass
class Scenario:
    name: str
    group: str          # one boot per group and kernel
    function: Callable  # called with a Lab
    kernels: str        # "both", or the oldest version it is for ("6.12")
    smoke: bool         # also on the older kernel, and in quick runs
    seconds: int        # after so long it is stopped and has failed (waits end sooner)
    alone: bool         # nothing else runs beside it
    captures: bool      # it leaves a capture for tshark

    def suits(self, kernel):
        number = lambda version: tuple(map(int, version.split(".")))
        return self.kernels == "both" or number(kernel) >= number(self.kernels)


def scenario(name, kernels="both", smoke=False, seconds=300, alone=False, captures=False):
    # The group is its file's, so that CMakeLists.txt finds each by the files alone.
    group = Path(inspect.stack()[1].filename).stem.removeprefix("scenario_")

    def register(function):
        assert all(s.name != name for s in SCENARIOS), f"two scenarios named {name}"
        SCENARIOS.append(Scenario(name, group, function, kernels, smoke, seconds, alone, captures))
        return function
    return register
