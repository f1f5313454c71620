# Toolchain file: Debian's cross compiler, and the libraries that scripts/fetch-arm64 unpacked.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_ASM_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)

set(arm64_libraries ${CMAKE_CURRENT_LIST_DIR}/../build/third_party/arm64)
get_filename_component(arm64_libraries ${arm64_libraries} ABSOLUTE)
set(CMAKE_FIND_ROOT_PATH ${arm64_libraries})
# Libraries and headers come from that folder alone: two architectures' headers are not the same everywhere.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# openssl/configuration.h lies where only the compiler of that architecture would look.
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${arm64_libraries}/usr/include/aarch64-linux-gnu ${arm64_libraries}/usr/include)
set(CMAKE_C_STANDARD_INCLUDE_DIRECTORIES ${CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES})
