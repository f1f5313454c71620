# cmake -DEMBED=<folder> -DNPM=<program> -P npm_install.cmake
#
# Installs what package-lock.json names, unless that very lock file is installed already. Build folders share node_modules, so this
# holds a lock: two builds that start together install once.
cmake_minimum_required(VERSION 3.25)

file(LOCK ${EMBED}/.npm.lock GUARD PROCESS TIMEOUT 900)
file(SHA256 ${EMBED}/package-lock.json wanted)
set(stamp ${EMBED}/node_modules/.installed-lock)
if(EXISTS ${stamp})
  file(READ ${stamp} installed)
  if(installed STREQUAL wanted)
    return()
  endif()
endif()

# No scripts: a package gets to run code only when the page is built, never while it is installed.
execute_process(
  COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error
  WORKING_DIRECTORY ${EMBED}
  RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "npm ci failed in ${EMBED}. It needs the npm registry once; a build without npm takes a page "
    "that was built elsewhere: -DSLUICE_PAGE_DIST=<folder>.")
endif()
file(WRITE ${stamp} ${wanted})
