# embed: writes the files of sql/ as C arrays, so that orchd carries the schema it was built for.
# cmake -DSQL=<sql directory> -DOUT=<file.c> -P embed.cmake
set(arrays "")
set(table "")
set(number 0)
foreach(kind migrations functions views grants)
    file(GLOB files "${SQL}/${kind}/*.sql")
    list(SORT files)
    foreach(file IN LISTS files)
        get_filename_component(name "${file}" NAME)
        file(READ "${file}" hex HEX)
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
        string(APPEND arrays "static const unsigned char sql_${number}[] = { ${bytes} 0 };\n")
        string(APPEND table "    { \"${kind}\", \"${name}\", (const char *)sql_${number} },\n")
        math(EXPR number "${number} + 1")
    endforeach()
endforeach()
file(WRITE "${OUT}" "/* Written by src/db/embed.cmake from sql/. */\n#include \"db/sql_files.h\"\n\n${arrays}\n\
const struct sql_file sql_files[] = {\n${table}    { 0, 0, 0 },\n};\n")
