#include "panel/history.hpp"

#include "panel/context.hpp"
#include "store/setting_table.hpp"
#include "store/store.hpp"

namespace sluice::panel {

Result<History::Part> History::list(const Actor& actor, const std::string& words, std::size_t skip, std::size_t count)
{
    if (const auto allowed = require_admin(actor); !allowed) return allowed.error();
    return context_.store->read([&](store::ReadTx& tx) -> Result<Part> {
        store::AuditTable table(tx);
        Part part;
        part.total = table.count(words);
        for (auto& row : table.part(words, skip, count))
            part.changes.push_back({row.id, row.happened, row.user, std::move(row.user_name), std::move(row.address), std::move(row.action),
                                    std::move(row.object), std::move(row.before), std::move(row.after)});
        return part;
    });
}

} // namespace sluice::panel
