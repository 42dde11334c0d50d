"""src/kernel alone against the real thing: see kernel_selftest.sh, ethernet_selftest.sh and bcp_selftest.sh."""

from lab import BUILD, ROOT, check, run
from registry import scenario

# Beside each other, on an emulated machine that has its host to itself, each takes up to 220 s.
LONGEST = 900


def passes(lab, name, *arguments):
    status, text = run([ROOT / "tests" / "vm" / "selftest" / f"{name}.sh", BUILD / "tests" / name, *arguments],
                       check_status=False, seconds=LONGEST)
    lab.note(text)
    check(status == 0, f"status {status}")


@scenario("kernel/selftest", smoke=True, seconds=LONGEST + 50)
def selftest(lab):
    passes(lab, "kernel_selftest", 100)


@scenario("kernel/ethernet", smoke=True, seconds=LONGEST + 50)
def ethernet(lab):
    passes(lab, "ethernet_selftest", 100)


@scenario("kernel/bcp", smoke=True, seconds=LONGEST + 50)
def bcp(lab):
    passes(lab, "bcp_selftest")
