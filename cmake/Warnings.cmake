# One interface target carries the project's warnings and sanitizers; every module links it.
add_library(l2tpm_options INTERFACE)
target_compile_options(l2tpm_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion $<$<BOOL:${L2TPM_WERROR}>:-Werror> -fno-omit-frame-pointer)
target_include_directories(l2tpm_options INTERFACE ${PROJECT_SOURCE_DIR}/src)
if(L2TPM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
elseif(L2TPM_SANITIZE)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
else()
  add_compile_options($<$<CONFIG:RelWithDebInfo,Release>:-D_FORTIFY_SOURCE=2> -fstack-protector-strong)
endif()
