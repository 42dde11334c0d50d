// Where log lines go: the journal with fields when stderr is the journal's, else stderr with
// syslog's <N> prefix when a service manager reads it, else plain with a time.
#pragma once

#include <memory>

#include "base/log.h"

namespace l2tpm::daemon {

std::unique_ptr<LogSink> make_log_sink();

}  // namespace l2tpm::daemon
