#include "kernel/mss_clamp.h"

#include <fmt/core.h>
#include <nftables/libnftables.h>

#include <cerrno>
#include <memory>
#include <mutex>

#include "kernel/link_group.h"

namespace l2tpm::kernel {

namespace {

struct Free {
  void operator()(nft_ctx* context) const { nft_ctx_free(context); }
};

std::string table_name(std::uint32_t instance) {
  return instance == 1 ? "l2tp-manager" : fmt::format("l2tp-manager-{}", instance);
}

Result<Done, KernelError> run(const std::string& commands, const char* doing,
                              bool only_check = false) {
  // libnftables keeps global state in places.
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const std::unique_ptr<nft_ctx, Free> context(nft_ctx_new(NFT_CTX_DEFAULT));
  if (!context) return Unexpected(KernelError{ENOMEM, doing, {}});
  nft_ctx_set_dry_run(context.get(), only_check);
  nft_ctx_buffer_output(context.get());
  nft_ctx_buffer_error(context.get());
  errno = 0;
  if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) return Done{};
  const int error = errno != 0 ? errno : EINVAL;
  std::string detail = nft_ctx_get_error_buffer(context.get());
  if (const auto end = detail.find('\n'); end != std::string::npos) detail.resize(end);
  return Unexpected(KernelError{error, doing, std::move(detail)});
}

}  // namespace

std::string mss_clamp_ruleset(std::uint32_t instance) {
  const std::string table = table_name(instance);
  // "add" before "delete": the delete then never fails, and both are one transaction with the rest.
  // "rt mtu" takes the smaller of the routes in both directions, so one rule per direction will do.
  return fmt::format(
      "add table inet {0}\n"
      "delete table inet {0}\n"
      "table inet {0} {{\n"
      "  comment \"TCP MSS of L2TP sessions; made by l2tp-manager\"\n"
      "  chain clamp {{\n"
      "    type filter hook forward priority mangle; policy accept;\n"
      "    meta oifgroup & {1:#x} == {2:#x} tcp flags syn tcp option maxseg size set rt mtu\n"
      "    meta iifgroup & {1:#x} == {2:#x} tcp flags syn tcp option maxseg size set rt mtu\n"
      "  }}\n"
      "}}\n",
      table, kClampMask, instance_group(instance));
}

Result<Done, KernelError> install_mss_clamp(std::uint32_t instance) {
  return run(mss_clamp_ruleset(instance), "making the nftables table that clamps TCP's MSS");
}

Result<Done, KernelError> check_mss_clamp() {
  return run(mss_clamp_ruleset(kMaximumInstance), "trying the nftables rules", true);
}

Result<Done, KernelError> remove_mss_clamp(std::uint32_t instance) {
  const std::string table = table_name(instance);
  return run(fmt::format("add table inet {0}\ndelete table inet {0}\n", table),
             "removing our nftables table");
}

}  // namespace l2tpm::kernel
