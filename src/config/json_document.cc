#include "config/json_document.h"

#include <algorithm>
#include <set>
#include <utility>

namespace l2tpm::config {
namespace {

struct TooDeep {
  int depth = 0;
};

// nlohmann's sentence without its prefix and without what it read, which may be a secret.
std::string sentence(std::string_view what) {
  if (const auto colon = what.find(": "); colon != std::string_view::npos)
    what.remove_prefix(colon + 2);
  std::string text(what);
  if (const auto from = text.find("; last read: '"); from != std::string::npos) {
    const auto expected = text.rfind("; expected ");
    const bool has_expected = expected != std::string::npos && expected > from;
    text.erase(from, has_expected ? expected - from : std::string::npos);
  }
  return text;
}

// Walks a text that the parser has accepted.
class Indexer {
 public:
  Indexer(std::string_view text, std::unordered_map<std::string, Document::Place>& index)
      : text_(text), index_(index) {}

  void run() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") at_ = 3;
    value("", skip(), 0);
  }

 private:
  // To the next octet that is neither white space nor in a comment.
  std::size_t skip() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        ++at_;
      } else if (c == '/' && text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find_first_of("\n\r", at_), text_.size());
      } else if (c == '/' && text_.substr(at_, 2) == "/*") {
        const auto end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else {
        break;
      }
    }
    return at_;
  }

  // The string at at_, decoded.
  std::string string() {
    const std::size_t from = at_++;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_ + 1, text_.size());
    const auto quoted = text_.substr(from, at_ - from);
    if (quoted.find('\\') == std::string_view::npos && quoted.size() >= 2)
      return std::string(quoted.substr(1, quoted.size() - 2));
    const auto decoded = Json::parse(quoted, nullptr, false);
    return decoded.is_string() ? decoded.get<std::string>() : std::string();
  }

  void value(const std::string& pointer, std::size_t key_at, std::size_t depth) {
    skip();
    if (at_ >= text_.size() || depth > Document::kMaxDepth) return;
    index_[pointer] = {key_at, at_};
    const char c = text_[at_];
    if (c == '"') {
      string();
    } else if (c == '{' || c == '[') {
      container(pointer, c == '{' ? '}' : ']', depth);
    } else {
      while (at_ < text_.size() &&
             std::string_view(",]} \t\r\n/").find(text_[at_]) == std::string_view::npos)
        ++at_;
    }
  }

  void container(const std::string& pointer, char end, std::size_t depth) {
    ++at_;
    for (std::size_t element = 0;; ++element) {
      skip();
      if (at_ >= text_.size()) return;
      if (text_[at_] == end) {
        ++at_;
        return;
      }
      if (text_[at_] == ',') {
        ++at_;
        skip();
      }
      const std::size_t entry_at = at_;
      if (end == '}') {
        if (at_ >= text_.size() || text_[at_] != '"') return;
        const std::string key = string();
        skip();
        ++at_;  // the colon
        value(child(pointer, key), entry_at, depth + 1);
      } else {
        value(child(pointer, std::to_string(element)), entry_at, depth + 1);
      }
      if (at_ == entry_at) return;  // no value: whatever the text is, this ends
    }
  }

  std::string_view text_;
  std::unordered_map<std::string, Document::Place>& index_;
  std::size_t at_ = 0;
};

}  // namespace

void wipe_strings(Json& json) {
  if (json.is_string()) {
    wipe(json.get_ref<std::string&>());
  } else if (json.is_structured()) {
    for (auto& entry : json) wipe_strings(entry);
  }
}

std::string escape_pointer(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

std::string parent(const std::string& pointer) { return pointer.substr(0, pointer.rfind('/')); }

Document::~Document() {
  wipe_strings(root_);
  wipe(text_);
}

std::optional<Document::Place> Document::find(const std::string& pointer) const {
  if (!index_) {
    index_.emplace();
    Indexer(text_, *index_).run();
  }
  const auto found = index_->find(pointer);
  if (found == index_->end()) return std::nullopt;
  return found->second;
}

void Document::locate(std::size_t offset, unsigned& line, unsigned& column) const {
  const std::string_view before = std::string_view(text_).substr(0, offset);
  line = 1 + static_cast<unsigned>(std::count(before.begin(), before.end(), '\n'));
  const auto newline = before.rfind('\n');
  const std::size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  column = static_cast<unsigned>(before.size() - line_start) + 1;
}

Result<std::unique_ptr<Document>, ConfigErrors> Document::parse(std::string text,
                                                                std::string file) {
  std::unique_ptr<Document> document(new Document(std::move(text), std::move(file)));
  const auto fail = [&](std::size_t offset, std::string message) {
    ConfigError error;
    error.file = document->file_;
    document->locate(offset, error.line, error.column);
    error.message = std::move(message);
    return Unexpected(ConfigErrors{std::move(error)});
  };

  // The parser takes a NUL for the end, whatever follows.
  if (const auto nul = document->text_.find('\0'); nul != std::string::npos)
    return fail(nul, "not a text file: a NUL octet");

  // Per open object, the keys met; and the first that came twice.
  struct Level {
    bool is_object = false;
    std::set<std::string> keys;
    std::string pointer;
    std::string key;
    std::size_t element = 0;
  };
  std::vector<Level> open;
  std::optional<std::string> twice;
  const auto pointer_of_next = [&]() -> std::string {
    if (open.empty()) return {};
    Level& level = open.back();
    return child(level.pointer, level.is_object ? level.key : std::to_string(level.element++));
  };
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    switch (event) {
      case Event::object_start:
      case Event::array_start:
        if (depth >= static_cast<int>(kMaxDepth)) throw TooDeep{depth};
        open.push_back({event == Event::object_start, {}, pointer_of_next(), {}, 0});
        break;
      case Event::object_end:
      case Event::array_end:
        open.pop_back();
        break;
      case Event::key:
        open.back().key = parsed.get<std::string>();
        if (!open.back().keys.insert(open.back().key).second && !twice)
          twice = child(open.back().pointer, open.back().key);
        break;
      case Event::value:
        if (!open.empty() && !open.back().is_object) ++open.back().element;
        break;
    }
    return true;
  };

  try {
    document->root_ = Json::parse(document->text_, watch, true, true);
  } catch (const Json::parse_error& error) {
    const std::size_t offset = error.byte == 0 ? 0 : error.byte - 1;
    std::string message = "not JSON: " + sentence(error.what());
    const std::string_view before = std::string_view(document->text_).substr(0, offset);
    const auto last = before.find_last_not_of(" \t\r\n");
    if (last != std::string_view::npos && before[last] == ',' && offset < document->text_.size() &&
        (document->text_[offset] == '}' || document->text_[offset] == ']'))
      message = "a comma must not follow the last entry";
    return fail(std::min(offset, document->text_.size()), std::move(message));
  } catch (const Json::exception& error) {
    return fail(0, "not JSON: " + sentence(error.what()));
  } catch (const TooDeep&) {
    return fail(0, "nested too deeply");
  }
  if (twice) {
    const auto place = document->find(*twice);
    auto errors = fail(place ? place->key : 0, "this key is there twice");
    errors.error().front().pointer = *twice;
    return errors;
  }
  return document;
}

}  // namespace l2tpm::config
