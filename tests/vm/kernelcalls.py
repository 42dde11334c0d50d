"""Which functions of the kernel were called, and how often: what never came into being leaves no
other trace. Counts for the whole machine, so a scenario that uses it runs alone."""

import re
from pathlib import Path

from lab import Failure, check, run

# What the kernel runs to make a tunnel, a session, a PPP channel.
CREATION = ("l2tp_tunnel_register", "l2tp_session_register", "ppp_register_net_channel")


class KernelCalls:
    def __init__(self, functions=CREATION):
        root = Path("/sys/kernel/tracing")
        if not (root / "instances").exists():
            run("mount -t tracefs tracefs /sys/kernel/tracing", check_status=False)
        available = (root / "available_filter_functions").read_text()
        names = set(re.findall(r"^(\w+)", available, re.MULTILINE))
        for function in functions:
            check(function in names, f"{function} can be traced")
        self.functions = functions
        self.instance = root / "instances" / "l2tp"
        self.instance.mkdir(exist_ok=True)
        try:
            (self.instance / "set_ftrace_filter").write_text("\n".join(functions))
            (self.instance / "current_tracer").write_text("function")
        except OSError as error:
            raise Failure(f"ftrace: {error}") from None
        self.reset()

    def reset(self):
        (self.instance / "trace").write_text("")

    def count(self):
        text = (self.instance / "trace").read_text()
        return {name: len(re.findall(rf": {name} <-", text)) for name in self.functions}

    def close(self):
        (self.instance / "current_tracer").write_text("nop")
        self.instance.rmdir()
