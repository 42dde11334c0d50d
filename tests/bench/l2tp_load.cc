// l2tp-load: puts an LNS under load and prints what it saw, one JSON object a line: when the
// sessions are up, and when they are down again.
#include <CLI/CLI.hpp>
#include <iostream>

#include "bench/load.h"

namespace {

// "192.0.2.1" or "192.0.2.1:1701"; an IPv6 address has no port here.
std::optional<l2tpm::Endpoint> parse_server(const std::string& text) {
  if (const auto address = l2tpm::IpAddress::parse(text)) return l2tpm::Endpoint{*address, 1701, 0};
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto address = l2tpm::IpAddress::parse(text.substr(0, colon));
  const int port = std::atoi(text.c_str() + colon + 1);
  if (!address || port < 1 || port > 65535) return std::nullopt;
  return l2tpm::Endpoint{*address, static_cast<std::uint16_t>(port), 0};
}

}  // namespace

int main(int argc, char** argv) {
  l2tpm::bench::LoadOptions options;
  std::string server;
  std::string teardown = "stopccn";
  CLI::App app("Puts an L2TP network server under load", "l2tp-load");
  app.add_option("--server", server, "ADDRESS or IPV4:PORT")->required();
  app.add_option("--tunnels", options.tunnels)->check(CLI::Range(1, 60000));
  app.add_option("--sessions-per-tunnel", options.sessions_per_tunnel)->check(CLI::Range(0, 60000));
  app.add_option("--user", options.user);
  app.add_option("--password", options.password);
  app.add_option("--secret", options.secret, "The tunnels' secret");
  app.add_option("--concurrency", options.concurrency, "Sessions being set up at a time");
  app.add_option("--sockets", options.sockets, "UDP sockets; default: one for each tunnel");
  app.add_option("--hold", options.hold, "Seconds to stay up; -1: until SIGTERM");
  app.add_option("--timeout", options.timeout, "Seconds for the set-up");
  app.add_option("--measure-hello", options.hello_every,
                 "Seconds between HELLOs on a tunnel of its own");
  app.add_option("--teardown", teardown, "stopccn, or cdn for each session first")
      ->check(CLI::IsMember({"stopccn", "cdn"}));
  CLI11_PARSE(app, argc, argv);
  const auto endpoint = parse_server(server);
  if (!endpoint) {
    std::cerr << "l2tp-load: \"" << server << "\" is no address\n";
    return 2;
  }
  options.server = *endpoint;
  options.close_each = teardown == "cdn";
  try {
    l2tpm::bench::Load load(options);
    const auto report = load.set_up();
    std::cout << report << std::endl;
    load.hold();
    std::cout << load.tear_down() << std::endl;
    return report["established"] == report["sessions"] ? 0 : 1;
  } catch (const std::exception& error) {
    std::cerr << "l2tp-load: " << error.what() << '\n';
    return 1;
  }
}
