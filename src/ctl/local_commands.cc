// The rows of commands that do without the daemon.
#include <utility>

#include "ctl/command.h"
#include "ctl/local.h"
#include "ctl/templates.h"

namespace l2tpm::ctl {
namespace {

Option flag(std::string_view names, std::string_view help) { return {names, "", help}; }

Option with_value(std::string_view names, std::string_view value, std::string_view help,
                  Completes completes = Completes::nothing) {
  return {names, value, help, completes};
}

Option file(std::string_view names, std::string_view help) {
  return with_value(names, "FILE", help, Completes::file);
}

Argument argument(std::string_view name, Count count, Completes completes) {
  return {name, count, completes};
}

const Option& output_option() {
  static const Option kOutput =
      with_value("-o,--output", "DIR", "Write below this directory; default /etc/l2tp-manager",
                 Completes::file);
  return kOutput;
}
const Option& force_option() {
  static const Option kForce = flag("--force", "Overwrite files that are there");
  return kForce;
}
const Option& config_option() {
  static const Option kConfig = with_value(
      "--config", "DIR", "The directory of the configuration; default: the installed ones",
      Completes::file);
  return kConfig;
}

std::vector<Option> kernel_options(Option own) {
  return {std::move(own),
          flag("--ours", "Only l2tp-manager's"),
          flag("--foreign", "Only others'"),
          with_value("--tunnel", "TUNNEL", "Only one, by its id or the daemon's name",
                     Completes::tunnel),
          with_value("--iface", "INTERFACE", "Only the session on a network interface"),
          with_value("--peer", "ADDRESS", "Only those to a peer")};
}

void add_kernel(std::vector<Command>& all) {
  all.push_back({"kernel show",
                 "The kernel's tunnels, whoever made them",
                 {},
                 kernel_options(flag("-s,--statistics", "With counters")),
                 kernel_show});
  Option interval = with_value("--interval", "SECS", "Look at least this often; default 1");
  interval.range = {1, 3600};
  std::vector<Option> options = kernel_options(flag("--initial", "Begin with what there is"));
  options.push_back(std::move(interval));
  all.push_back({"kernel monitor",
                 "What comes and goes in the kernel",
                 {},
                 std::move(options),
                 kernel_monitor});
}

void add_profiles(std::vector<Command>& all) {
  Option chosen =
      with_value("--template", "TEMPLATE", "What to start from; default client", Completes::choice);
  for (const Template& one : templates()) chosen.choices.push_back(one.name);
  all.push_back({
      "profile new",
      "Write a new profile from a template with comments",
      {argument("NAME", Count::one,     Completes::nothing)},
      { std::move(chosen), output_option(), force_option(), flag("--print", "Print it instead")},
      profile_new
  });
  all.push_back({"check-config",
                 "Check files as the daemon does, without it",
                 {argument("FILE", Count::any, Completes::file)},
                 {flag("--strict", "Warnings are failures")},
                 check_config});
}

void add_transfer(std::vector<Command>& all) {
  const Option dry_run = flag("--dry-run", "Write nothing, show what would be written");
  all.push_back({
      "import xl2tpd",
      "Profiles from xl2tpd.conf, its ppp options and secrets",
      {argument("FILE",  Count::optional, Completes::file)},
      { file("--ppp-options", "Instead of the sections' pppoptfile"),
        file("--secrets", "Instead of chap-secrets and pap-secrets"),
        file("--tunnel-secrets", "Instead of l2tp-secrets"), output_option(), dry_run,
        force_option()},
      import_xl2tpd
  });
  all.push_back({
      "import nm",
      "A profile from an L2TP connection of NetworkManager",
      {argument("FILE|UUID", Count::one, Completes::file)},
      { flag("--without-ipsec", "Make one even if the connection asks for IPsec"),                          output_option(),
        dry_run, force_option()},
      import_nm
  });
  all.push_back({
      "import ip-l2tp",
      "Profiles from the L2TPv3 tunnels that `ip l2tp` made and the kernel has",
      {argument("TUNNEL", Count::optional, Completes::nothing)},
      {output_option(),   dry_run,         force_option()     },
      import_ip_l2tp
  });
  all.push_back({
      "export",
      "A profile as NetworkManager's or xl2tpd's files",
      {argument("NAME",        Count::one,      Completes::profile)},
      { flag("--nm", "As .nmconnection for our plugin"),
        flag("--xl2tpd", "As xl2tpd.conf with its ppp options and secrets"),
        with_value("-o,--output", "DIR", "Write files there instead of printing", Completes::file),
        flag("--with-secrets", "Print secrets, too"), config_option(), force_option()},
      export_profile
  });
}

void add_others(std::vector<Command>& all) {
  all.push_back({"doctor", "What keeps L2TP from working here", {}, {config_option()}, run_doctor});
  Argument shell = argument("SHELL", Count::one, Completes::choice);
  shell.choices = {"bash", "zsh", "fish"};
  all.push_back(
      {"completion", "The shell's script for completion", {std::move(shell)}, {}, completion});
  all.push_back({"version", "This program's version and the daemon's", {}, {}, version});
}

}  // namespace

std::vector<Command> local_commands() {
  std::vector<Command> all;
  add_kernel(all);
  add_profiles(all);
  add_transfer(all);
  add_others(all);
  return all;
}

}  // namespace l2tpm::ctl
