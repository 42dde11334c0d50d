// Small files of the machine. Internal to doctor.
#pragma once

#include <string>
#include <vector>

namespace l2tpm::doctor {

// "" when it cannot be read; at most 16 MiB of it.
std::string read_file(const std::string& path);
bool exists(const std::string& path);
// Names in a directory, sorted, without hidden ones.
std::vector<std::string> names_in(const std::string& directory);
std::vector<std::string> lines_of(const std::string& text);
std::vector<std::string> words_of(const std::string& line);

}  // namespace l2tpm::doctor
