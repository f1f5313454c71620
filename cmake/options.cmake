option(SLUICE_TESTS "Build the tests" ON)
option(SLUICE_FUZZ "Build libFuzzer programs (clang): cmake/fuzz.cmake" OFF)
set(SLUICE_SANITIZE "" CACHE STRING "Sanitizers for a test build: address, thread, or empty")

# Every target of ours links this: language level, warnings as errors, hardening.
add_library(sluice_options INTERFACE)
target_compile_features(sluice_options INTERFACE cxx_std_20)
target_compile_definitions(sluice_options INTERFACE SLUICE_VERSION="${SLUICE_VERSION}")
find_package(Threads REQUIRED)
target_link_libraries(sluice_options INTERFACE Threads::Threads)
target_compile_options(sluice_options INTERFACE
  -Werror -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor -Woverloaded-virtual
  -ffunction-sections -fdata-sections -g1)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # asio 1.22 sees clang's coroutines only with these; libstdc++ 12 calls its own std::get_temporary_buffer, which it calls deprecated.
  target_compile_definitions(sluice_options INTERFACE ASIO_HAS_CO_AWAIT=1 ASIO_HAS_STD_COROUTINE=1)
  target_compile_options(sluice_options INTERFACE -Wno-deprecated-declarations)
elseif(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 reports frees of vectors that it itself moved out of existence.
  target_compile_options(sluice_options INTERFACE -Wno-free-nonheap-object)
endif()

# How programs are linked: static-pie for the product, dynamic for sanitizer builds (which cannot be static).
add_library(sluice_static INTERFACE)

if(SLUICE_SANITIZE)
  if(SLUICE_SANITIZE STREQUAL "address")
    set(flags -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
  else()
    set(flags -fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer)
  endif()
  target_compile_options(sluice_options INTERFACE ${flags})
  set(CMAKE_CXX_FLAGS_DEBUG "-O1")
  if(SLUICE_FUZZ)
    target_compile_options(sluice_options INTERFACE -fsanitize=fuzzer-no-link) # what libFuzzer steers by
  endif()
  # lld: 1.2 s for the executable with AddressSanitizer, where GNU ld takes 7.5 s.
  target_link_options(sluice_options INTERFACE ${flags} -fuse-ld=lld)
  set(SLUICE_SYSTEM_FLAGS ${flags} -O0)
else()
  target_compile_options(sluice_options INTERFACE -fPIE
    -fstack-protector-strong -fstack-clash-protection)
  target_compile_definitions(sluice_options INTERFACE _GLIBCXX_ASSERTIONS $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64")
    target_compile_options(sluice_options INTERFACE -fcf-protection)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    target_compile_options(sluice_options INTERFACE -mbranch-protection=standard)
  endif()
  target_link_options(sluice_static INTERFACE -static-pie -Wl,--gc-sections,-z,relro,-z,now,-z,noexecstack)
  set(SLUICE_SYSTEM_FLAGS -fPIE)
endif()
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
set(CMAKE_C_FLAGS_RELEASE "-O2")

# How rooms that say so (rooms.cmake) and unit tests are compiled. A sanitizer looks at every line whatever the compiler made of it;
# a fuzz target is to run often.
if(SLUICE_SANITIZE AND NOT SLUICE_FUZZ)
  set(small_code -O0)
  set(plain_code -O1)
  set(test_code -O0)
else()
  set(small_code $<$<CONFIG:Release>:-Os>)
  set(plain_code $<$<CONFIG:Release>:-O1>)
  set(test_code $<$<CONFIG:Release>:-O1>)
endif()
