# l2tpm_module(NAME DEPENDS a b LIBRARIES x y [EXCEPTIONS])
#   The static library l2tpm_NAME from src/NAME/*.cc. DEPENDS lists the modules it may include;
#   tests/layers checks the includes against the same list. Modules build without exceptions
#   unless they say EXCEPTIONS (daemon and above).
function(l2tpm_module name)
  cmake_parse_arguments(ARG "EXCEPTIONS" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.cc)
  add_library(l2tpm_${name} STATIC ${sources})
  target_link_libraries(l2tpm_${name} PUBLIC l2tpm_options ${ARG_LIBRARIES})
  foreach(dependency IN LISTS ARG_DEPENDS)
    target_link_libraries(l2tpm_${name} PUBLIC l2tpm_${dependency})
  endforeach()
  if(NOT ARG_EXCEPTIONS)
    target_compile_options(l2tpm_${name} PRIVATE -fno-exceptions)
  endif()
  string(REPLACE ";" "," allowed "${ARG_DEPENDS}")
  set_property(GLOBAL APPEND PROPERTY L2TPM_LAYERS "${name}:${allowed}")
endfunction()
