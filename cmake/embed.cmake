# embed: writes files as C arrays, so that orchd carries what it was built for.
# cmake -DROOT=<directory> -DKINDS=<its directories, with commas> -DSUFFIX=<of the files> -DHEADER=<that declares both of the next>
#       -DSTRUCT=<of kind, name and text> -DTABLE=<array of it> -DOUT=<file.c> -P embed.cmake
set(arrays "")
set(table "")
set(number 0)
string(REPLACE "," ";" KINDS "${KINDS}")
foreach(kind IN LISTS KINDS)
    file(GLOB files "${ROOT}/${kind}/*.${SUFFIX}")
    list(SORT files)
    foreach(file IN LISTS files)
        get_filename_component(name "${file}" NAME)
        file(READ "${file}" hex HEX)
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
        string(APPEND arrays "static const unsigned char text_${number}[] = { ${bytes} 0 };\n")
        string(APPEND table "    { \"${kind}\", \"${name}\", (const char *)text_${number} },\n")
        math(EXPR number "${number} + 1")
    endforeach()
endforeach()
file(WRITE "${OUT}" "/* Written by cmake/embed.cmake from ${ROOT}. */\n#include \"${HEADER}\"\n\n${arrays}\n\
const struct ${STRUCT} ${TABLE}[] = {\n${table}    { 0, 0, 0 },\n};\n")
