# Fuzz targets: every tests/fuzz/NAME.cpp defines LLVMFuzzerTestOneInput and is a target by being there.
#
# With -DSLUICE_FUZZ=ON (clang only) fuzz_NAME is a libFuzzer program. In every other build it replays tests/fuzz/corpus/NAME through
# the same function as a test: what was found once stays found.

if(SLUICE_SANITIZE STREQUAL "thread")
  return() # each runs on one thread
endif()
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/tests/fuzz/*.cpp)
list(REMOVE_ITEM fuzz_sources ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.cpp)
if(NOT SLUICE_FUZZ)
  add_library(fuzz_replay OBJECT ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.cpp)
  target_link_libraries(fuzz_replay PRIVATE sluice_options)
  sluice_use_precompiled(fuzz_replay)
endif()

foreach(source IN LISTS fuzz_sources)
  get_filename_component(name ${source} NAME_WE)
  add_executable(fuzz_${name} ${source})
  sluice_built(${source})
  # The rooms that it includes from are the rooms that it needs: a parser is fuzzed without building everything above it.
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${source})
  file(STRINGS ${source} includes REGEX "^#include \"[^\"]+/[^\"]+\"")
  foreach(include IN LISTS includes)
    string(REGEX REPLACE "^#include \"(.+)/[^/]+\".*" "\\1" room ${include})
    string(REPLACE "/" "_" room ${room})
    target_link_libraries(fuzz_${name} PRIVATE room_${room})
  endforeach()
  sluice_use_precompiled(fuzz_${name})
  if(SLUICE_FUZZ)
    target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  else()
    target_link_libraries(fuzz_${name} PRIVATE fuzz_replay sluice_static)
    sluice_test(fuzz_${name} LABEL fuzz TIMEOUT 120 COMMAND fuzz_${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
  endif()
endforeach()
