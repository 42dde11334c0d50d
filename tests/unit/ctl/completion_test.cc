#include "ctl/completion.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "support/source_dir.h"

namespace l2tpm::ctl {
namespace {

std::vector<Candidate> names(Completes completes) {
  switch (completes) {
    case Completes::tunnel:
      return {
          {"work", "established"},
          {"home", "idle"       }
      };
    case Completes::session:
      return {
          {"work/4711", "alice"}
      };
    case Completes::profile:
      return {
          {"work",   "client"  },
          {"office", "listener"}
      };
    case Completes::listener:
      return {
          {"office", "listener"}
      };
    case Completes::nothing:
    case Completes::file:
    case Completes::choice:
      break;
  }
  return {};
}

std::vector<std::string> offered(const std::vector<std::string>& words) {
  std::vector<std::string> result;
  for (const Candidate& candidate : complete_words(words, names)) result.push_back(candidate.word);
  return result;
}
bool offers(const std::vector<std::string>& words, const std::string& word) {
  const auto all = offered(words);
  return std::count(all.begin(), all.end(), word) == 1;
}
using Words = std::vector<std::string>;

TEST(Completion, Commands) {
  EXPECT_TRUE(offers({""}, "status"));
  EXPECT_TRUE(offers({""}, "kernel"));
  EXPECT_TRUE(offers({}, "status"));
  EXPECT_EQ(offered({"kern"}), Words{"kernel"});
  EXPECT_EQ(offered({"kernel", ""}), (Words{"show", "monitor"}));
  EXPECT_EQ(offered({"ker", "m"}), Words{"monitor"});
  EXPECT_EQ(offered({"import", ""}), (Words{"xl2tpd", "nm", "ip-l2tp"}));
  EXPECT_EQ(offered({"no-such", ""}).size(), offered({""}).size());
  EXPECT_FALSE(offers({""}, "__complete"));
}

TEST(Completion, NamesThatExist) {
  EXPECT_EQ(offered({"up", ""}), (Words{"work", "office"}));
  EXPECT_EQ(offered({"up", "work", "o"}), Words{"office"});
  EXPECT_EQ(offered({"tunnel", "show", "h"}), Words{"home"});
  EXPECT_EQ(offered({"tunnel", "show", "home", ""}), Words{});
  EXPECT_EQ(offered({"session", "show", "work/"}), Words{"work/4711"});
  EXPECT_EQ(offered({"kernel", "show", "--tunnel", "w"}), Words{"work"});
  EXPECT_EQ(offered({"kernel", "show", "--tunnel=w"}), Words{"work"});
}

TEST(Completion, OptionsAndTheirValues) {
  EXPECT_TRUE(offers({"kernel", "show", "--"}, "--statistics"));
  EXPECT_TRUE(offers({"kernel", "show", "--"}, "--json"));
  EXPECT_FALSE(offers({"version", "--"}, "--statistics"));
  EXPECT_TRUE(offers({"kernel", "show", "-"}, "-s"));
  EXPECT_EQ(offered({"profile", "new", "--template", "lns"}), (Words{"lns", "lns-mppe"}));
  EXPECT_EQ(offered({"profile", "new", "--template", "b"}), (Words{"bridge", "bridge-listener"}));
  EXPECT_EQ(offered({"profile", "new", "--template", "l2tpv3"}),
            (Words{"l2tpv3-eth", "l2tpv3-ip", "l2tpv3-listener", "l2tpv3-static"}));
  EXPECT_EQ(offered({"--json=p"}), Words{"pretty"});
  EXPECT_EQ(offered({"--bus", ""}), Words{});
  EXPECT_EQ(offered({"--bus", "unix:x", "kern"}), Words{"kernel"});
  EXPECT_EQ(offered({"-j", "completion", ""}), (Words{"bash", "zsh", "fish"}));
  EXPECT_EQ(offered({"check-config", ""}), Words{":file"});
  EXPECT_EQ(offered({"up", "--", "w"}), Words{"work"});
  EXPECT_EQ(offered({"--no-such=", ""}).size(), offered({""}).size());
}

// Every word of every command and every option is offered where it belongs.
TEST(Completion, ForgetsNothing) {
  for (const Command& command : commands()) {
    Words words{std::string(command.first_word())};
    if (!command.second_word().empty()) {
      EXPECT_TRUE(offers({words[0], ""}, std::string(command.second_word())));
      words.emplace_back(command.second_word());
    }
    EXPECT_TRUE(offers({words[0]}, words[0]));
    words.emplace_back("--");
    for (const Option& option : command.options)
      EXPECT_TRUE(offers(words, "--" + std::string(option.key()))) << command.path;
  }
}

// ---- the scripts in real shells: a program of this name answers as l2tpctl does ----

class Shell : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    char name[] = "/tmp/l2tpctl-completion-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    write("script", std::string(completion_script(GetParam())));
    // Prints how it was called, and offers three things.
    write("l2tpctl",
          "#!/bin/sh\n[ \"$1\" = __complete ] || exit 1\nshift\n"
          "printf '%s|' \"$@\" > \"${0%/*}/called\"\n"
          "case $# in\n"
          "1) printf 'kernel\\tThe kernel: itself\\n';;\n"
          "*) for last; do :; done; case $last in\n"
          "  --template=*) printf 'lns\\n';;\n"
          "  f*) printf ':file\\n';;\n"
          "  *) printf 'work\\testablished\\n';;\n  esac;;\nesac\n");
    write("file-one", "");
    ASSERT_EQ(chmod((directory_ + "/l2tpctl").c_str(), 0755), 0);
  }
  void TearDown() override {
    for (const char* file : {"script", "l2tpctl", "called", "file-one", "driver"})
      unlink((directory_ + "/" + file).c_str());
    rmdir(directory_.c_str());
  }

  void write(const std::string& file, const std::string& text) {
    std::ofstream(directory_ + "/" + file) << text;
  }
  std::string output_of(const std::string& command) {
    std::string text;
    FILE* pipe =
        popen(("cd " + directory_ + " && PATH=" + directory_ + ":$PATH " + command).c_str(), "r");
    for (int c; (c = fgetc(pipe)) != EOF;) text += static_cast<char>(c);
    pclose(pipe);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }
  bool is_there(const std::string& program) {
    return output_of("command -v " + program + " >/dev/null && echo yes") == "yes";
  }
  // What "l2tpctl WORDS" becomes, candidates one per line.
  std::string completes(const std::string& line) {
    const std::string shell = GetParam();
    if (shell == "fish")
      return output_of("fish --no-config -c 'source script; complete -C \"" + line + "\"'");
    if (shell == "bash") {
      // As readline fills them: cut at blanks and at '='.
      return output_of(
          "bash --norc -c 'source ./script; line=\"" + line +
          "\"; COMP_WORDS=(${line//=/ = }); [[ $line == *[\\ =] ]] && COMP_WORDS+=(\"\"); "
          "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _l2tpctl l2tpctl; "
          "printf \"%s\\n\" \"${COMPREPLY[@]}\"'");
    }
    // Its completion needs the line editor, and that a terminal.
    write("driver",
          "zmodload zsh/zpty\n"
          "zpty z zsh -f -i\n"
          "zpty -w z 'PS1=; unsetopt beep prompt_cr prompt_sp; autoload -Uz compinit; compinit -u "
          "-D; "
          "source ./script; bindkey \"^I\" complete-word; echo RE\"\"ADY'\n"
          "zpty -r -m z r '*READY*'\n"
          "zpty -w -n z $'" +
              line +
              "\\t\\C-a: <\\C-e>\\n'\n"
              "zpty -w z 'echo DO\"\"NE'\n"
              "zpty -r -m z out '*DONE*'\n"
              "print -r -- $out\n");
    const std::string text = output_of("timeout 60 zsh -f driver");
    // The line as it stood when Enter came: between ": <" and ">".
    const auto end = text.rfind('>');
    const auto begin = text.rfind(line.substr(0, line.rfind(' ')), end);
    return end == std::string::npos || begin == std::string::npos ? text
                                                                  : text.substr(begin, end - begin);
  }
  std::string called() {
    std::ifstream file(directory_ + "/called");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string directory_;
};

TEST_P(Shell, AsksTheProgramAndTakesItsAnswer) {
  if (!is_there(GetParam())) GTEST_SKIP() << GetParam() << " is not installed";
  const std::string command = completes("l2tpctl ker");
  EXPECT_NE(command.find("kernel"), std::string::npos) << command;
  EXPECT_EQ(called(), "ker|");
  const std::string name = completes("l2tpctl tunnel show w");
  EXPECT_NE(name.find("work"), std::string::npos) << name;
  EXPECT_EQ(called(), "tunnel|show|w|");
  const std::string value = completes("l2tpctl profile new --template=l");
  EXPECT_NE(value.find("lns"), std::string::npos) << value;
  EXPECT_EQ(called(), "profile|new|--template=l|");
  const std::string file = completes("l2tpctl check-config f");
  EXPECT_NE(file.find("file-one"), std::string::npos) << file;
}

INSTANTIATE_TEST_SUITE_P(All, Shell, testing::Values("bash", "zsh", "fish"));

}  // namespace
}  // namespace l2tpm::ctl
