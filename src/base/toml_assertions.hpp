// toml++ asserts on some malformed keys ("[", form feed) where it should refuse them. Whoever wrote the text is owed a message, not an
// abort. Included before <toml++/toml.h>, the same in every file that has it, this makes a failed assertion throw std::logic_error.
#pragma once

#include <stdexcept>

namespace sluice {

[[noreturn]] inline void toml_assertion_failed(const char* what) { throw std::logic_error(what); }

} // namespace sluice

#define TOML_ASSERT(expr) (static_cast<bool>(expr) ? static_cast<void>(0) : ::sluice::toml_assertion_failed(#expr))
