#include "agent/plan_file.hpp"

#include "base/file.hpp"
#include "link/plan_json.hpp"

namespace sluice::agent {

Result<void> store_plan(const std::string& path, const plan::Plan& plan) { return write_file_atomically(path, link::encode_plan(plan)); }

Result<plan::Plan> load_plan(const std::string& path)
{
    const auto text = read_file(path);
    if (!text) return text.error();
    return link::decode_plan(*text);
}

} // namespace sluice::agent
