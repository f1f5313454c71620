# Headers of the standard library and of two heavy libraries, parsed once instead of in every file. Each set is one more library with
# nothing of ours in it. On in what make builds and tests; off for clang-tidy (make lint), so that a forgotten #include shows.
# A room that links asio takes the set that has it, a room most of whose files know nlohmann-json says so (PRECOMPILE json): GCC instantiates
# what that header leaves pending in every file that takes it, which costs a second where nothing needs it. All others take `std`. A set goes with one
# way of compiling: a header made with -O2 is none for -Os.
option(SLUICE_PRECOMPILE "Precompile other people's headers" OFF)

set(std_headers <algorithm> <array> <atomic> <charconv> <chrono> <condition_variable> <cstdint> <cstring> <exception> <functional> <map>
  <memory> <mutex> <optional> <span> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>)

if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # A header's time is not part of what it says: without this, ccache would never meet the same one again.
  set(precompiled_options -Xclang -fno-pch-timestamp)
else()
  # -fpch-preprocess is for ccache. GCC 12 sees overlaps and overruns in inlined std::string (GCC bug 105651 and its like) and stays silent
  # only as long as it remembers that the code stands in a system header, which a precompiled header makes it forget.
  set(precompiled_options -fpch-preprocess -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread
    -Wno-error=maybe-uninitialized -Wno-error=dangling-pointer -Wno-error=use-after-free -Wno-error=nonnull)
endif()

function(sluice_precompile name)
  if(NOT SLUICE_PRECOMPILE)
    return()
  endif()
  cmake_parse_arguments(SET "" "" "HEADERS;LIBRARIES;OPTIONS" ${ARGN})
  set(source ${PROJECT_BINARY_DIR}/generated/precompiled_${name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "// Carries the precompiled headers of the set ${name}.\n")
  add_library(precompiled_${name} OBJECT EXCLUDE_FROM_ALL ${source})
  target_link_libraries(precompiled_${name} PRIVATE sluice_options ${SET_LIBRARIES})
  target_compile_options(precompiled_${name} PRIVATE ${precompiled_options} ${SET_OPTIONS})
  target_precompile_headers(precompiled_${name} PRIVATE ${SET_HEADERS})
endfunction()

sluice_precompile(std HEADERS ${std_headers})
sluice_precompile(asio HEADERS ${std_headers} <asio.hpp> LIBRARIES sluice::asio)
sluice_precompile(json HEADERS ${std_headers} <nlohmann/json.hpp> LIBRARIES sluice::json)
sluice_precompile(std_small HEADERS ${std_headers} OPTIONS ${small_code})
sluice_precompile(json_small HEADERS ${std_headers} <nlohmann/json.hpp> LIBRARIES sluice::json OPTIONS ${small_code})
sluice_precompile(test HEADERS ${std_headers} <doctest/doctest.h> LIBRARIES doctest::doctest OPTIONS ${test_code})

# The set for `target`: SET, or what its LIBRARIES ask for; SMALL: made like the rooms that are made small.
function(sluice_use_precompiled target)
  if(NOT SLUICE_PRECOMPILE)
    return()
  endif()
  cmake_parse_arguments(USE "SMALL" "SET" "LIBRARIES" ${ARGN})
  set(name std)
  if(USE_SET)
    set(name ${USE_SET})
  elseif("sluice::asio" IN_LIST USE_LIBRARIES)
    set(name asio)
  endif()
  if(USE_SMALL)
    string(APPEND name _small)
  endif()
  target_compile_options(${target} PRIVATE ${precompiled_options})
  target_precompile_headers(${target} REUSE_FROM precompiled_${name})
endfunction()
