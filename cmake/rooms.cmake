# sluice_room(PATH [SMALL | PLAIN] [ONE_THREAD] [PRECOMPILE set] [DEPENDS room...] [LIBRARIES target...] [TEST_LIBRARIES target...] [SOURCES generated...])
#
# src/PATH/*.cpp becomes the static library room_PATH; src/PATH/*_test.cpp becomes the program test_PATH, run by CTest.
# A room that has no source yet is an interface library, so that the list of rooms is the list of folders.
# No byte of traffic passes through a room that says SMALL or PLAIN. SMALL: its code is made small instead of fast. PLAIN: it waits for the
# disk or the network whatever the compiler does, so the compiler does less (-O1): a file takes a third less of its time.
# ONE_THREAD: its unit tests run on one thread, so that ThreadSanitizer has nothing to see in them and its build leaves them out.
# PRECOMPILE: the set of precompiled headers (precompiled.cmake), where it is not the one that its libraries ask for.
# Each room is also a line of rooms.txt in the build folder, from which tests/structure checks the #include lines: there is one table.
function(sluice_room path)
  cmake_parse_arguments(ROOM "SMALL;PLAIN;ONE_THREAD" "PRECOMPILE" "DEPENDS;LIBRARIES;TEST_LIBRARIES;SOURCES" ${ARGN})
  string(REPLACE "/" "_" name ${path})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${path}/*.cpp)
  file(GLOB tests CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${path}/*_test.cpp)
  if(tests)
    list(REMOVE_ITEM sources ${tests})
  endif()
  list(REMOVE_ITEM sources ${PROJECT_SOURCE_DIR}/src/${path}/main.cpp)

  set(links ${ROOM_LIBRARIES})
  foreach(depend IN LISTS ROOM_DEPENDS)
    string(REPLACE "/" "_" depend ${depend})
    list(APPEND links room_${depend})
  endforeach()

  list(JOIN ROOM_DEPENDS "," depends_text)
  list(JOIN ROOM_LIBRARIES "," libraries_text)
  list(JOIN ROOM_TEST_LIBRARIES "," test_libraries_text)
  set_property(GLOBAL APPEND PROPERTY SLUICE_ROOMS "room\t${path}\t${depends_text}\t${libraries_text}\t${test_libraries_text}")
  foreach(file IN LISTS sources tests)
    sluice_built(${file})
  endforeach()

  if(sources)
    add_library(room_${name} STATIC ${sources} ${ROOM_SOURCES})
    target_include_directories(room_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(room_${name} PUBLIC sluice_options ${links})
    set(small)
    if(ROOM_SMALL)
      target_compile_options(room_${name} PRIVATE ${small_code})
      set(small SMALL)
    elseif(ROOM_PLAIN)
      target_compile_options(room_${name} PRIVATE ${plain_code})
    endif()
    sluice_use_precompiled(room_${name} ${small} SET ${ROOM_PRECOMPILE} LIBRARIES ${ROOM_LIBRARIES})
  else()
    add_library(room_${name} INTERFACE)
    target_include_directories(room_${name} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(room_${name} INTERFACE sluice_options ${links})
  endif()

  if(ROOM_ONE_THREAD AND SLUICE_SANITIZE STREQUAL "thread")
    set(tests)
  endif()
  if(tests AND SLUICE_TESTS)
    add_executable(test_${name} ${tests})
    target_link_libraries(test_${name} PRIVATE room_${name} ${ROOM_TEST_LIBRARIES} sluice_test_main sluice_static)
    target_compile_options(test_${name} PRIVATE ${test_code})
    sluice_use_precompiled(test_${name} SET test)
    sluice_test(unit_${name} LABEL unit TIMEOUT 300 COMMAND test_${name})
  endif()
endfunction()

# sluice_program(NAME SOURCE ROOM room): the static executable, and beside it, where SLUICE_OUTPUT says, what is installed: stripped.
set(SLUICE_OUTPUT "" CACHE FILEPATH "Where the stripped executable goes; empty: nowhere")
function(sluice_program name source)
  cmake_parse_arguments(PROGRAM "" "ROOM" "" ${ARGN})
  add_executable(${name} ${source})
  target_link_libraries(${name} PRIVATE room_${PROGRAM_ROOM} sluice_static)
  sluice_use_precompiled(${name})
  if(SLUICE_OUTPUT)
    # Renamed into place: the old one may be running.
    add_custom_command(TARGET ${name} POST_BUILD
      COMMAND ${CMAKE_STRIP} -o ${SLUICE_OUTPUT}.new $<TARGET_FILE:${name}>
      COMMAND ${CMAKE_COMMAND} -E rename ${SLUICE_OUTPUT}.new ${SLUICE_OUTPUT}
      BYPRODUCTS ${SLUICE_OUTPUT} VERBATIM)
  endif()
endfunction()

# Says that a source file is compiled by something, for tests/structure.
function(sluice_built file)
  file(RELATIVE_PATH file ${PROJECT_SOURCE_DIR} ${file})
  set_property(GLOBAL APPEND PROPERTY SLUICE_ROOMS "built\t${file}")
endfunction()

# Writes rooms.txt; called when all rooms are known.
function(sluice_write_rooms)
  get_property(lines GLOBAL PROPERTY SLUICE_ROOMS)
  list(JOIN lines "\n" text)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/rooms.txt CONTENT "${text}\n")
endfunction()
