// Files of the source tree that tests read.
#pragma once

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

namespace l2tpm::test {

// The path of a file of the tree. Where the tree is, only source_dir.cc knows: everything else
// compiles to the same in any clone, so that ccache finds it.
std::string in_source_tree(const std::string& path);

inline std::string read_source_file(const std::string& path) {
  std::ifstream file(in_source_tree(path));
  if (!file) std::abort();
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace l2tpm::test
