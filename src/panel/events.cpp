#include "panel/events.hpp"

#include "panel/context.hpp"
#include "store/event_table.hpp"

namespace sluice::panel {

namespace {

std::string_view to_text(store::Severity severity)
{
    switch (severity) {
    case store::Severity::info: return "info";
    case store::Severity::warning: return "warning";
    case store::Severity::error: return "error";
    }
    return "info";
}

} // namespace

Result<Events::Part> Events::list(const Actor& actor, std::size_t skip, std::size_t count)
{
    return context_.store->read([&](store::ReadTx& tx) -> Result<Part> {
        store::EventTable table(tx);
        const auto about = actor.is_admin() ? std::nullopt : std::optional{actor.user};
        Part part;
        part.total = table.count(about);
        for (auto& row : table.part(about, skip, count))
            part.events.push_back(
                {row.id, row.happened, to_text(row.severity), std::move(row.kind), row.node, row.forward, row.user, std::move(row.details_json)});
        return part;
    });
}

} // namespace sluice::panel
