"""src/kernel alone against the real thing: see kernel_selftest.sh, ethernet_selftest.sh and bcp_selftest.sh."""

from lab import BUILD, ROOT, check, run
from registry import scenario


@scenario("kernel/selftest", smoke=True, seconds=300)
def selftest(lab):
    status, text = run([ROOT / "tests" / "vm" / "selftest" / "kernel_selftest.sh", BUILD / "tests" / "kernel_selftest", 100],
                       check_status=False, seconds=250)
    lab.note(text)
    check(status == 0, f"status {status}")


@scenario("kernel/ethernet", smoke=True, seconds=600)
def ethernet(lab):
    status, text = run([ROOT / "tests" / "vm" / "selftest" / "ethernet_selftest.sh", BUILD / "tests" / "ethernet_selftest", 100],
                       check_status=False, seconds=550)
    lab.note(text)
    check(status == 0, f"status {status}")


@scenario("kernel/bcp", smoke=True, seconds=600)
def bcp(lab):
    status, text = run([ROOT / "tests" / "vm" / "selftest" / "bcp_selftest.sh", BUILD / "tests" / "bcp_selftest"],
                       check_status=False, seconds=550)
    lab.note(text)
    check(status == 0, f"status {status}")
