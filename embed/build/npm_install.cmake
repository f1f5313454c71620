# cmake -DEMBED=<folder> -DNPM=<program> -P npm_install.cmake
#
# Installs what the two lock files name, unless those very files are installed already:
#   toolchain/   Node and npm of the versions that the build is made with, by the host's npm, however old
#   .            the page's packages, by that Node and npm
# In one step it would fail where it matters: npm leaves out optional packages that ask for a newer Node than it runs on, and
# Vite's native part is one. Build folders share both folders, so this holds a lock: two builds that start together install once.
cmake_minimum_required(VERSION 3.25)

file(LOCK ${EMBED}/.npm.lock GUARD PROCESS TIMEOUT 900)

# install(FOLDER COMMAND...): No scripts: a package gets to run code only when the page is built, never while it is installed.
function(install folder)
  file(SHA256 ${folder}/package-lock.json wanted)
  set(stamp ${folder}/node_modules/.installed-lock)
  if(EXISTS ${stamp})
    file(READ ${stamp} installed)
    if(installed STREQUAL wanted)
      return()
    endif()
  endif()
  execute_process(
    COMMAND ${ARGN} ci --ignore-scripts --no-audit --no-fund --loglevel=error
    WORKING_DIRECTORY ${folder}
    RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "npm ci failed in ${folder}. It needs the npm registry once; a build without npm takes a page "
      "that was built elsewhere: -DSLUICE_PAGE_DIST=<folder>.")
  endif()
  file(WRITE ${stamp} ${wanted})
endfunction()

install(${EMBED}/toolchain ${NPM})

set(modules ${EMBED}/toolchain/node_modules)
file(GLOB node ${modules}/node-linux-*/bin/node)
if(node)
  list(GET node 0 node)
  install(${EMBED} ${node} ${modules}/npm/bin/npm-cli.js)
else()
  install(${EMBED} ${NPM}) # a host that the toolchain brings no Node for: its own has to do
endif()
