# The Debian package: "cpack" in a build directory writes orchd_<version>_<architecture>.deb. It holds what "cmake --install" installs, and
# the component "package" besides: the unit, whose paths are those of the package, and settings, which nothing but dpkg may put over those
# that an administrator has changed.
set(share ${CMAKE_SOURCE_DIR}/share)

install(FILES ${share}/systemd/orchd.service DESTINATION lib/systemd/system COMPONENT package EXCLUDE_FROM_ALL)
install(FILES ${share}/systemd/orchd.conf DESTINATION lib/tmpfiles.d COMPONENT package EXCLUDE_FROM_ALL)
# systemd reads the settings as root, and nobody else has to: they hold the secrets.
install(FILES ${CMAKE_SOURCE_DIR}/.env.example DESTINATION /etc/orchd RENAME orchd.env PERMISSIONS OWNER_READ OWNER_WRITE
        COMPONENT package EXCLUDE_FROM_ALL)
install(FILES ${share}/examples/agents.yaml DESTINATION /etc/orchd PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ
        COMPONENT package EXCLUDE_FROM_ALL)
install(FILES ${CMAKE_SOURCE_DIR}/LICENSE DESTINATION share/doc/orchd RENAME copyright COMPONENT package EXCLUDE_FROM_ALL)
install(FILES ${CMAKE_SOURCE_DIR}/CHANGELOG.md DESTINATION share/doc/orchd RENAME changelog COMPONENT package EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME orchd)
set(CPACK_PACKAGE_CONTACT "the orchd contributors <orchd@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_CMAKE_PROJECTS "${CMAKE_BINARY_DIR};orchd;ALL;/" "${CMAKE_BINARY_DIR};orchd;package;/")
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/cmake/compress.cmake)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "git, openssh-client, postgresql-client")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql (>= 15)")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${share}/debian/conffiles ${share}/debian/postinst ${share}/debian/prerm ${share}/debian/postrm)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "orchd takes signed webhooks of a board (Plane) and a forge (Gitea), runs
coding agents as processes in git worktrees, stage by stage, and stops one
of them, with all that it started, when a person drags its card to STOP.
All state is in PostgreSQL, which is also a job queue for any other program.")
include(CPack)
