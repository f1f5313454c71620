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

# npm takes an optional package that could not be fetched for one that is not wanted here, and says nothing. Vite's native part is one.
function(check_native_part)
  execute_process(COMMAND ${ARGN} --input-type=module -e "await import('rolldown')" WORKING_DIRECTORY ${EMBED}
    RESULT_VARIABLE failed OUTPUT_QUIET ERROR_VARIABLE words)
  if(failed)
    file(REMOVE ${EMBED}/node_modules/.installed-lock) # the next build tries again
    string(REGEX MATCH "Error: [^\n]*" words "${words}")
    message(FATAL_ERROR "npm left out Vite's native part, most likely because the registry could not be reached: ${words}")
  endif()
endfunction()

install(${EMBED}/toolchain ${NPM})

set(modules ${EMBED}/toolchain/node_modules)
file(GLOB node ${modules}/node-linux-*/bin/node)
if(node)
  list(GET node 0 node)
  # Debian's Node trusts the certificates of the system; this one does when it is asked to. A registry behind a company's own
  # authority would be out of reach otherwise.
  install(${EMBED} ${node} --use-system-ca ${modules}/npm/bin/npm-cli.js)
else()
  set(node node)
  install(${EMBED} ${NPM}) # a host that the toolchain brings no Node for: its own has to do
endif()
check_native_part(${node})
