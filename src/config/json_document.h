// A JSON text (comments allowed) with the place of every value. Internal to config: nlohmann's
// types and exceptions end here. Memory that held a text is wiped when it goes, as it may have held
// a secret.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "config/error.h"

namespace l2tpm::config {

template <typename T>
struct WipingAllocator {
  using value_type = T;
  WipingAllocator() = default;
  template <typename U>
  WipingAllocator(const WipingAllocator<U>&) {}  // NOLINT: allocators convert
  T* allocate(std::size_t count) { return std::allocator<T>().allocate(count); }
  void deallocate(T* memory, std::size_t count) {
    wipe({reinterpret_cast<std::uint8_t*>(memory), count * sizeof(T)});
    std::allocator<T>().deallocate(memory, count);
  }
  template <typename U>
  bool operator==(const WipingAllocator<U>&) const {
    return true;
  }
};

using Json = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t,
                                  std::uint64_t, double, WipingAllocator>;

// Wipes every string value; short ones live inside their string object, which the allocator wipes.
void wipe_strings(Json& json);

std::string escape_pointer(std::string_view key);  // RFC 6901 §3
inline std::string child(const std::string& pointer, std::string_view key) {
  return pointer + "/" + escape_pointer(key);
}
std::string parent(const std::string& pointer);  // REQUIRES: not empty

class Document {
 public:
  static constexpr std::size_t kMaxDepth = 32;

  // Takes the text over. Errors: not JSON, a key twice in one object, nested too deeply.
  static Result<std::unique_ptr<Document>, ConfigErrors> parse(std::string text, std::string file);
  ~Document();
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  const Json& root() const { return root_; }
  const std::string& file() const { return file_; }

  struct Place {
    std::size_t key = 0;  // offset of the member's name; that of the value inside an array
    std::size_t value = 0;
  };
  // nullopt: there is no such value.
  std::optional<Place> find(const std::string& pointer) const;
  // Line and column of an octet, from 1.
  void locate(std::size_t offset, unsigned& line, unsigned& column) const;

 private:
  Document(std::string text, std::string file) : text_(std::move(text)), file_(std::move(file)) {}
  void build_index() const;

  std::string text_;
  std::string file_;
  Json root_;
  // Made when the first error asks: most files have none.
  mutable std::optional<std::unordered_map<std::string, Place>> index_;
};

}  // namespace l2tpm::config
