# sluice_test(NAME LABEL label TIMEOUT seconds COMMAND command... [ENVIRONMENT NAME=value...] [EXCLUSIVE] [PROCESSORS n])
#
# How every suite reaches CTest. A test that cannot run here (say, no right to chroot) ends with 77 and is shown as skipped. EXCLUSIVE
# tests do not run beside others.
if(SLUICE_SANITIZE STREQUAL "thread")
  # ThreadSanitizer of GCC 12 cannot map its shadow where the kernel randomises addresses widely.
  find_program(SLUICE_SETARCH setarch REQUIRED)
  set(SLUICE_TEST_LAUNCHER ${SLUICE_SETARCH} -R)
endif()

# clang's sanitizers name functions and lines with the help of another program; binutils is there in any case.
set(symbolizer external_symbolizer_path=/usr/bin/addr2line)
set(SLUICE_TEST_ENVIRONMENT
  "ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1:check_initialization_order=1:${symbolizer}"
  "UBSAN_OPTIONS=print_stacktrace=1"
  "TSAN_OPTIONS=second_deadlock_stack=1:halt_on_error=1:exitcode=66:${symbolizer}")
if(SLUICE_SANITIZE)
  list(APPEND SLUICE_TEST_ENVIRONMENT SLUICE_SLOW=1)
endif()

function(sluice_test name)
  cmake_parse_arguments(TEST "EXCLUSIVE" "LABEL;TIMEOUT;PROCESSORS" "COMMAND;ENVIRONMENT" ${ARGN})
  if(SLUICE_SANITIZE)
    math(EXPR TEST_TIMEOUT "${TEST_TIMEOUT} * 3")
  endif()
  list(POP_FRONT TEST_COMMAND program)
  if(TARGET ${program})
    if(CMAKE_CROSSCOMPILING)
      set(program ${CMAKE_CROSSCOMPILING_EMULATOR} $<TARGET_FILE:${program}>)
    else()
      set(program $<TARGET_FILE:${program}>)
    endif()
  endif()
  add_test(NAME ${name} COMMAND ${SLUICE_TEST_LAUNCHER} ${program} ${TEST_COMMAND})
  set_tests_properties(${name} PROPERTIES LABELS ${TEST_LABEL} TIMEOUT ${TEST_TIMEOUT} SKIP_RETURN_CODE 77
    ENVIRONMENT "${SLUICE_TEST_ENVIRONMENT};${TEST_ENVIRONMENT}")
  if(TEST_EXCLUSIVE)
    set_tests_properties(${name} PROPERTIES RUN_SERIAL ON)
  endif()
  if(TEST_PROCESSORS)
    set_tests_properties(${name} PROPERTIES PROCESSORS ${TEST_PROCESSORS})
  endif()
endfunction()
