# The programs. Each main is small: it reads options and puts the modules together.
add_executable(l2tp-manager main.cc)
target_link_libraries(l2tp-manager PRIVATE l2tpm_bus l2tpm_daemon CLI11::CLI11)
install(TARGETS l2tp-manager RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR})

add_executable(l2tpctl l2tpctl.cc)
target_link_libraries(l2tpctl PRIVATE l2tpm_ctl)
install(TARGETS l2tpctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})

# NetworkManager's plugin; an install component of its own, with packaging/NetworkManager.
add_executable(nm-l2tp-manager-service nm_service.cc)
target_compile_definitions(nm-l2tp-manager-service PRIVATE L2TPM_VERSION="${PROJECT_VERSION}")
target_link_libraries(nm-l2tp-manager-service PRIVATE l2tpm_nm_bus CLI11::CLI11)
add_executable(nm-l2tp-manager-auth-dialog nm_auth_dialog.cc)
target_link_libraries(nm-l2tp-manager-auth-dialog PRIVATE l2tpm_nm)
install(TARGETS nm-l2tp-manager-service nm-l2tp-manager-auth-dialog
        RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR} COMPONENT networkmanager)
