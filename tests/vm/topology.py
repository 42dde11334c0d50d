"""What most scenarios start from.

    client 192.0.2.2 -------- 192.0.2.1 lns
         2001:db8::2          2001:db8::1
"""

from daemon import Daemon, client, listener
from lab import check, wait_until

LNS, CLIENT, INNER = "192.0.2.1", "192.0.2.2", "10.64.0.1"
LNS6, CLIENT6 = "2001:db8::1", "2001:db8::2"


def pair(lab):
    """Two namespaces and the link between them."""
    lns, host = lab.namespace("lns"), lab.namespace("client")
    link = lab.link(lns, f"{LNS}/24,{LNS6}/64", host, f"{CLIENT}/24,{CLIENT6}/64", "outer", "outer")
    return lns, host, link


def carries(host, end, seconds=20):
    """Ping and TCP both ways between a client's namespace and what is at `end`."""
    host.can_ping(end, seconds)
    check(host.ping(end, count=3), f"three pings to {end} come back")


def tcp_both_ways(host, server, address, seconds=2, port=5201, **how):
    server.iperf_server(port=port)
    up = host.tcp(address, seconds, port=port, **how)
    down = host.tcp(address, seconds, reverse=True, port=port, **how)
    check(up > 0 and down > 0, "TCP flows both ways")
    return up, down


def in_kernel(*namespaces):
    for namespace in namespaces:
        check(namespace.tunnels() and namespace.l2tp_sessions(),
              f"{namespace.short}: tunnel and session are the kernel's")


def end_to_end(lab, client_options=None, listener_options=None, **both):
    """Our client and our LNS with a session between them."""
    lns, host, link = pair(lab)
    server = Daemon(lns, {"office": listener(**{**both, **(listener_options or {})})}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, **{**both, **(client_options or {})})}, name="clientd")
    session = dialer.wait_session()
    server.wait_sessions()
    return lns, host, link, server, dialer, session


def gone(lns, host, server=None, dialer=None):
    """Ends both daemons and looks that nothing is left."""
    for daemon in (dialer, server):
        if daemon:
            daemon.terminate()
    for namespace in (lns, host):
        for process in namespace.lab.processes:
            if process.name.startswith("iperf") and process.running():
                process.terminate()
        namespace.wait_clean()


__all__ = ["Daemon", "client", "listener", "check", "wait_until", "LNS", "CLIENT", "INNER", "LNS6",
           "CLIENT6", "pair", "carries", "tcp_both_ways", "in_kernel", "end_to_end", "gone"]
