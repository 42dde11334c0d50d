# The interface of NetworkManager's that its plugin serves: l2tpm_dbus/nm_vpn_plugin_adaptor.h.
add_custom_command(
  OUTPUT ${generated}/nm_vpn_plugin_adaptor.h
  COMMAND ${L2TPM_XML2CPP} org.freedesktop.NetworkManager.VPN.Plugin.xml
          --adaptor=${generated}/nm_vpn_plugin_adaptor.h
  DEPENDS org.freedesktop.NetworkManager.VPN.Plugin.xml
  WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR} COMMENT "D-Bus: NetworkManager's VPN plugin" VERBATIM)
add_custom_target(l2tpm_dbus_nm DEPENDS ${generated}/nm_vpn_plugin_adaptor.h)
add_dependencies(l2tpm_dbus l2tpm_dbus_nm)
