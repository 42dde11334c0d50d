#include "config/secrets.h"

#include <cstdlib>
#include <utility>

#include "config/files.h"
#include "config/json_document.h"
#include "config/parse_value.h"

namespace l2tpm::config {

SecretFiles::SecretFiles(std::string directory) : directory_(std::move(directory)) {
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY"); credentials != nullptr)
    credentials_ = credentials;
}

std::optional<Secret> SecretFiles::find(std::string_view profile, std::string_view name) {
  // Both become parts of a path.
  if (!is_name(profile) || !is_name(name)) return std::nullopt;
  if (!credentials_.empty()) {
    const std::string path = credentials_ + "/" + std::string(profile) + "." + std::string(name);
    auto file = read_file(path, kMaxSecretFile);
    if (file) {
      // An editor's or echo's newline is not part of a password.
      std::string_view text = file->text;
      while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
      Secret secret(text);
      wipe(file->text);
      return secret;
    }
  }
  const Table& table = table_of(profile);
  const auto found = table.find(name);
  if (found == table.end()) return std::nullopt;
  return found->second;
}

const SecretFiles::Table& SecretFiles::table_of(std::string_view profile) {
  if (const auto known = tables_.find(profile); known != tables_.end()) return known->second;
  Table& table = tables_[std::string(profile)];
  const std::string path = directory_ + "/secrets.d/" + std::string(profile) + ".json";
  auto file = read_file(path, kMaxSecretFile);
  if (!file) {
    if (file.error() != ENOENT) problems_.push_back(file_error(path, file.error()));
    return table;
  }
  if (file->readable_by_all) {
    ConfigError warning;
    warning.severity = Severity::warning;
    warning.file = path;
    warning.message = "every user may read this file of secrets: chmod o-rwx";
    problems_.push_back(std::move(warning));
  }
  auto document = Document::parse(std::move(file->text), path);
  if (!document) {
    for (auto& error : document.error()) problems_.push_back(std::move(error));
    return table;
  }
  const auto complain = [&](const std::string& pointer, std::string message) {
    ConfigError error;
    error.file = path;
    error.pointer = pointer;
    error.message = std::move(message);
    if (const auto place = (*document)->find(pointer))
      (*document)->locate(place->key, error.line, error.column);
    problems_.push_back(std::move(error));
  };
  const Json& root = (*document)->root();
  if (!root.is_object()) {
    complain("", "must be an object of names and secrets");
    return table;
  }
  for (const auto& [key, value] : root.items()) {
    if (!is_name(key))
      complain(child("", key), "is not a secret's name: letters, digits, '-', '_' and '.'");
    else if (!value.is_string() || value.get_ref<const std::string&>().empty())
      complain(child("", key), "must be a string that is not empty");
    else
      table.emplace(key, Secret(value.get_ref<const std::string&>()));
  }
  return table;
}

}  // namespace l2tpm::config
