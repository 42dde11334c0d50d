# The two programs. Each main is small: it reads options and puts the modules together.
add_executable(l2tp-manager main.cc)
target_link_libraries(l2tp-manager PRIVATE l2tpm_bus l2tpm_daemon CLI11::CLI11)
install(TARGETS l2tp-manager RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})

add_executable(l2tpctl l2tpctl.cc)
target_link_libraries(l2tpctl PRIVATE l2tpm_ctl)
install(TARGETS l2tpctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
