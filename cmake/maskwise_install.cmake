# The installed package: find_package(maskwise) gives maskwise::maskwise and
# maskwise::nn.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(maskwise_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/maskwise)
install(TARGETS maskwise maskwise_nn EXPORT maskwiseTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/maskwise DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT maskwiseTargets NAMESPACE maskwise::
  DESTINATION ${maskwise_package_dir})
configure_package_config_file(
  ${CMAKE_CURRENT_SOURCE_DIR}/cmake/maskwiseConfig.cmake.in
  ${PROJECT_BINARY_DIR}/maskwiseConfig.cmake
  INSTALL_DESTINATION ${maskwise_package_dir})
write_basic_package_version_file(
  ${PROJECT_BINARY_DIR}/maskwiseConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/maskwiseConfig.cmake
  ${PROJECT_BINARY_DIR}/maskwiseConfigVersion.cmake
  DESTINATION ${maskwise_package_dir})
if(MASKWISE_BUILD_CLI)
  install(TARGETS maskwise_cli DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
