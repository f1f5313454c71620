# Debian's packages as static libraries, each behind a target of our own name; cpp-httplib from Debian's source package
# (scripts/fetch-httplib), compiled once. Why each one is here: docs/DEPENDENCIES.md.
set(CMAKE_FIND_LIBRARY_SUFFIXES .a) # before any find_package: else SQLiteCpp drags in libsqlite3.so

find_package(OpenSSL REQUIRED)
find_package(SQLiteCpp REQUIRED)
find_package(doctest REQUIRED)
find_package(nlohmann_json REQUIRED)
find_library(ARGON2_LIBRARY argon2 REQUIRED)
find_library(ZLIB_STATIC_LIBRARY z REQUIRED)

add_library(sluice_openssl INTERFACE)
target_link_libraries(sluice_openssl INTERFACE OpenSSL::SSL OpenSSL::Crypto)
add_library(sluice::openssl ALIAS sluice_openssl)

add_library(sluice_sqlite INTERFACE)
target_link_libraries(sluice_sqlite INTERFACE SQLiteCpp)
add_library(sluice::sqlite ALIAS sluice_sqlite)

add_library(sluice_argon2 INTERFACE)
target_link_libraries(sluice_argon2 INTERFACE ${ARGON2_LIBRARY})
add_library(sluice::argon2 ALIAS sluice_argon2)

add_library(sluice_zlib INTERFACE)
target_link_libraries(sluice_zlib INTERFACE ${ZLIB_STATIC_LIBRARY})
add_library(sluice::zlib ALIAS sluice_zlib)

find_library(MINIZIP_LIBRARY minizip REQUIRED)
add_library(sluice_minizip INTERFACE)
target_link_libraries(sluice_minizip INTERFACE ${MINIZIP_LIBRARY} ${ZLIB_STATIC_LIBRARY})
add_library(sluice::minizip ALIAS sluice_minizip)

add_library(sluice_json INTERFACE)
target_link_libraries(sluice_json INTERFACE nlohmann_json::nlohmann_json)
add_library(sluice::json ALIAS sluice_json)

add_library(sluice_tomlplusplus INTERFACE)
target_compile_definitions(sluice_tomlplusplus INTERFACE TOML_HEADER_ONLY=1)
add_library(sluice::tomlplusplus ALIAS sluice_tomlplusplus)

find_library(YAML_LIBRARY yaml-cpp REQUIRED)
add_library(sluice_yaml INTERFACE)
target_link_libraries(sluice_yaml INTERFACE ${YAML_LIBRARY})
add_library(sluice::yaml ALIAS sluice_yaml)

# asio, compiled once.
file(WRITE ${PROJECT_BINARY_DIR}/asio_impl.cpp.in "#include <asio/impl/src.hpp>\n#include <asio/ssl/impl/src.hpp>\n")
configure_file(${PROJECT_BINARY_DIR}/asio_impl.cpp.in ${PROJECT_BINARY_DIR}/asio_impl.cpp COPYONLY)
add_library(sluice_asio STATIC ${PROJECT_BINARY_DIR}/asio_impl.cpp)
target_compile_features(sluice_asio PUBLIC cxx_std_20)
# asio 1.22 asks for std::aligned_alloc only where a standard header came before it, so that one file would allocate with it what
# another returns to operator delete.
target_compile_definitions(sluice_asio PUBLIC ASIO_STANDALONE ASIO_NO_DEPRECATED ASIO_SEPARATE_COMPILATION ASIO_DISABLE_STD_ALIGNED_ALLOC)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  target_compile_definitions(sluice_asio PUBLIC ASIO_HAS_CO_AWAIT=1 ASIO_HAS_STD_COROUTINE=1)
endif()
target_compile_options(sluice_asio PRIVATE ${SLUICE_SYSTEM_FLAGS})
target_link_libraries(sluice_asio PUBLIC OpenSSL::SSL Threads::Threads)
add_library(sluice::asio ALIAS sluice_asio)

# cpp-httplib: one header split into httplib.h and httplib.cc by its own script, compiled once.
set(SLUICE_HTTPLIB_DIR ${PROJECT_SOURCE_DIR}/build/third_party/httplib CACHE PATH "Folder with httplib.h and httplib.cc")
if(NOT EXISTS ${SLUICE_HTTPLIB_DIR}/httplib.cc)
  execute_process(COMMAND ${PROJECT_SOURCE_DIR}/scripts/fetch-httplib ${SLUICE_HTTPLIB_DIR} COMMAND_ERROR_IS_FATAL ANY)
endif()
add_library(sluice_httplib STATIC ${SLUICE_HTTPLIB_DIR}/httplib.cc)
target_include_directories(sluice_httplib SYSTEM PUBLIC ${SLUICE_HTTPLIB_DIR})
target_compile_features(sluice_httplib PUBLIC cxx_std_20)
target_compile_definitions(sluice_httplib PUBLIC CPPHTTPLIB_OPENSSL_SUPPORT CPPHTTPLIB_USE_POLL)
# -O1: it parses heads and makes answers; compiled with -O2 it alone takes as long as six files of ours.
target_compile_options(sluice_httplib PRIVATE ${SLUICE_SYSTEM_FLAGS} $<$<CONFIG:Release>:-O1> -w)
target_link_libraries(sluice_httplib PUBLIC OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
add_library(sluice::httplib ALIAS sluice_httplib)

# doctest's main, compiled once.
file(WRITE ${PROJECT_BINARY_DIR}/test_main.cpp.in "#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN\n#include <doctest/doctest.h>\n")
configure_file(${PROJECT_BINARY_DIR}/test_main.cpp.in ${PROJECT_BINARY_DIR}/test_main.cpp COPYONLY)
add_library(sluice_test_main STATIC EXCLUDE_FROM_ALL ${PROJECT_BINARY_DIR}/test_main.cpp)
target_compile_features(sluice_test_main PUBLIC cxx_std_20)
target_compile_options(sluice_test_main PRIVATE ${SLUICE_SYSTEM_FLAGS})
target_link_libraries(sluice_test_main PUBLIC doctest::doctest sluice_options)
