# Run by CPack in what it is about to pack: Debian wants manuals and changelog compressed.
file(GLOB_RECURSE texts ${CPACK_TEMPORARY_DIRECTORY}/*/share/man/*.[1-9] ${CPACK_TEMPORARY_DIRECTORY}/*/share/doc/*/changelog)
foreach(text IN LISTS texts)
    execute_process(COMMAND gzip -9n ${text} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
