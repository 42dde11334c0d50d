// A dbus-daemon of our own on a socket in a temporary directory. It is there when the constructor
// returns (it prints its address when it listens) and gone after the destructor.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace l2tpm::test {

// Everybody may do everything: what the daemon checks itself is then visible.
inline constexpr const char* kOpenPolicy =
    "<policy context=\"default\"><allow user=\"*\"/><allow send_destination=\"*\" "
    "eavesdrop=\"true\"/>"
    "<allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>";

// What Debian's system.conf says, in short, with our policy file on top.
inline std::string system_policy(const std::string& policy_file) {
  return "<policy context=\"default\"><allow user=\"*\"/><deny own=\"*\"/>"
         "<deny send_type=\"method_call\"/><allow send_type=\"signal\"/>"
         "<allow send_requested_reply=\"true\" send_type=\"method_return\"/>"
         "<allow send_requested_reply=\"true\" send_type=\"error\"/>"
         "<allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>"
         "<allow receive_type=\"error\"/><allow receive_type=\"signal\"/>"
         "<allow send_destination=\"org.freedesktop.DBus\" "
         "send_interface=\"org.freedesktop.DBus\"/></policy><include>" +
         policy_file + "</include>";
}

class PrivateBus {
 public:
  explicit PrivateBus(const std::string& policy = kOpenPolicy) {
    char pattern[] = "/tmp/l2tpm-bus-XXXXXX";
    if (::mkdtemp(pattern) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = pattern;
    ::chmod(pattern, 0755);
    std::ofstream(directory_ + "/bus.conf")
        << "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
           " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
           "<busconfig><type>custom</type><listen>unix:path="
        << directory_ << "/socket</listen><auth>EXTERNAL</auth>"
        << "<limit name=\"max_replies_per_connection\">50000</limit>"  // floods reach us
        << policy << "</busconfig>\n";
    start();
  }
  // A new one at the same address; nobody is connected to it.
  void restart() {
    kill();
    ::unlink((directory_ + "/socket").c_str());
    start();
  }
  ~PrivateBus() {
    kill();
    for (const char* file : {"/socket", "/bus.conf", "/log"}) ::unlink((directory_ + file).c_str());
    ::rmdir(directory_.c_str());
  }
  PrivateBus(const PrivateBus&) = delete;
  PrivateBus& operator=(const PrivateBus&) = delete;

  std::string address() const { return "unix:path=" + directory_ + "/socket"; }
  // It is there and does nothing.
  void stop() { ::kill(pid_, SIGSTOP); }
  void go_on() { ::kill(pid_, SIGCONT); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  void start() {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    const std::string config = "--config-file=" + directory_ + "/bus.conf";
    const std::string print = "--print-address=" + std::to_string(ends[1]);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(ends[0]);
      const int log = ::open((directory_ + "/log").c_str(), O_WRONLY | O_CREAT, 0600);
      ::dup2(log, STDERR_FILENO);
      ::execlp("dbus-daemon", "dbus-daemon", config.c_str(), print.c_str(), "--nofork",
               "--nopidfile", nullptr);
      ::_exit(127);
    }
    ::close(ends[1]);
    char buffer[512];
    const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
    ::close(ends[0]);
    if (count <= 0) {
      kill();
      std::ostringstream log;
      log << "dbus-daemon does not start: " << std::ifstream(directory_ + "/log").rdbuf();
      throw std::runtime_error(log.str());
    }
  }

  std::string directory_;
  pid_t pid_ = -1;
};

}  // namespace l2tpm::test
