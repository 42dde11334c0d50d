#include "daemon/interface_notes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace l2tpm::daemon {
namespace {

namespace fs = std::filesystem;

class InterfaceNotesTest : public ::testing::Test {
 protected:
  InterfaceNotesTest() {
    std::string name = (fs::temp_directory_path() / "l2tpm-notes-XXXXXX").string();
    directory_ = mkdtemp(name.data());
  }
  ~InterfaceNotesTest() override { fs::remove_all(directory_); }

  std::string content(const std::string& interface) const {
    std::ifstream file(directory_ / "ifaces" / interface);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path directory_;
};

TEST_F(InterfaceNotesTest, TellTunnelSessionAndWhoManagesIt) {
  const InterfaceNotes notes(directory_.string());
  notes.write("l2tp-work", "work", 513, false);
  notes.write("l2tp-nm", "nm-1", 7, true);
  EXPECT_EQ(content("l2tp-work"),
            "L2TPM_TUNNEL=work\nL2TPM_SESSION=513\nL2TPM_NETWORK_MANAGER=0\n");
  EXPECT_EQ(content("l2tp-nm"), "L2TPM_TUNNEL=nm-1\nL2TPM_SESSION=7\nL2TPM_NETWORK_MANAGER=1\n");
}

TEST_F(InterfaceNotesTest, AreReplacedAndRemoved) {
  const InterfaceNotes notes(directory_.string());
  notes.write("l2tp-work", "a-tunnel-with-a-long-name", 65535, false);
  notes.write("l2tp-work", "b", 1, false);
  EXPECT_EQ(content("l2tp-work"), "L2TPM_TUNNEL=b\nL2TPM_SESSION=1\nL2TPM_NETWORK_MANAGER=0\n");
  notes.remove("l2tp-work");
  notes.remove("l2tp-never-was");
  EXPECT_TRUE(fs::is_empty(directory_ / "ifaces"));
}

TEST_F(InterfaceNotesTest, OfAKilledPredecessorAreCleared) {
  InterfaceNotes(directory_.string()).write("l2tp-old", "old", 1, false);
  const InterfaceNotes notes(directory_.string());
  EXPECT_TRUE(fs::is_empty(directory_ / "ifaces"));
}

TEST_F(InterfaceNotesTest, FollowNoLink) {
  const InterfaceNotes notes(directory_.string());
  std::ofstream(directory_ / "victim") << "as it was";
  fs::create_symlink(directory_ / "victim", directory_ / "ifaces" / "l2tp-work");
  notes.write("l2tp-work", "work", 1, false);
  std::ifstream victim(directory_ / "victim");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(victim), {}), "as it was");
}

TEST_F(InterfaceNotesTest, WithoutADirectoryThereAreNone) {
  const InterfaceNotes none("");
  none.write("l2tp-work", "work", 1, false);
  none.remove("l2tp-work");
  const InterfaceNotes nowhere((directory_ / "missing").string());
  nowhere.write("l2tp-work", "work", 1, false);
  EXPECT_TRUE(fs::is_empty(directory_));
}

}  // namespace
}  // namespace l2tpm::daemon
