#include "support/source_dir.h"

namespace l2tpm::test {

std::string in_source_tree(const std::string& path) { return L2TPM_SOURCE_DIR "/" + path; }

}  // namespace l2tpm::test
