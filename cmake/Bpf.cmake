# l2tpm_bpf(TARGET NAME): compiles src/TARGET's NAME.bpf.c for the kernel's BPF machine and gives the
# target NAME.skel.h, with the program in it, to include. No BTF of a kernel is needed for that.
find_program(L2TPM_BPF_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14 REQUIRED)
find_program(L2TPM_BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)

function(l2tpm_bpf module name)
  set(source ${CMAKE_CURRENT_SOURCE_DIR}/${module}/${name}.bpf.c)
  set(directory ${CMAKE_CURRENT_BINARY_DIR}/${module}/bpf)
  file(MAKE_DIRECTORY ${directory})
  # Where Debian keeps asm/types.h.
  set(multiarch)
  if(CMAKE_LIBRARY_ARCHITECTURE)
    set(multiarch -idirafter /usr/include/${CMAKE_LIBRARY_ARCHITECTURE})
  endif()
  add_custom_command(
    OUTPUT ${directory}/${name}.skel.h
    COMMAND ${L2TPM_BPF_CLANG} -target bpf -mcpu=v2 -O2 -g -Wall -Wextra -I${CMAKE_CURRENT_SOURCE_DIR} ${multiarch}
            -MD -MF ${directory}/${name}.d -MT ${directory}/${name}.skel.h
            -fdebug-prefix-map=${CMAKE_CURRENT_SOURCE_DIR}=. -c ${source} -o ${directory}/${name}.full.o
    COMMAND ${L2TPM_BPFTOOL} gen object ${directory}/${name}.o ${directory}/${name}.full.o
    COMMAND ${L2TPM_BPFTOOL} gen skeleton ${directory}/${name}.o name ${name} > ${directory}/${name}.skel.h
    DEPENDS ${source}
    DEPFILE ${directory}/${name}.d
    COMMENT "BPF ${name}"
    VERBATIM)
  target_sources(l2tpm_${module} PRIVATE ${directory}/${name}.skel.h)
  target_include_directories(l2tpm_${module} SYSTEM PRIVATE ${directory})
endfunction()
