// Any standard input of the auth dialog: the answer is one key file of two groups at most, and
// nothing that came in can add a line to it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "nm/dialog.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const nm::DialogInput input = nm::parse_dialog_input(text);
  if (!(input == nm::parse_dialog_input(text))) std::abort();
  nm::DialogOptions options;
  options.name = options.message = text.substr(0, 100);
  options.reprompt = size % 2 == 0;
  const std::string answer = nm::dialog_answer(options, input);
  const auto lines = std::count(answer.begin(), answer.end(), '\n');
  const bool asks = answer.find("\n[password]\n") != std::string::npos;
  if (lines != (asks ? 9 : 4)) std::abort();
  return 0;
}
