// Export and import of this dialect's backup object (FLVX contract 5.11), and, beyond the contract, the full backup of everything as one ZIP file.
#include "api/flvx/backup_json.hpp"
#include "api/flvx/messages.hpp"
#include "api/flvx/migration.hpp"
#include "api/flvx/route.hpp"

#include <unistd.h>
#include <utility>

namespace sluice::flvx {

namespace {

constexpr std::size_t largest_import = std::size_t{64} * 1024 * 1024;
constexpr std::size_t largest_archive = std::size_t{128} * 1024 * 1024;

domain::Sections everything() { return {domain::all_sections.begin(), domain::all_sections.end()}; }

// Names that say nothing are passed over. Absent: `types` is no list of texts.
std::optional<domain::Sections> read_types(const Json& types)
{
    if (!types.is_array()) return std::nullopt;
    domain::Sections sections;
    for (const auto& type : types) {
        if (!type.is_string()) return std::nullopt;
        sections.merge(sections_named(type.get_ref<const std::string&>()));
    }
    return sections;
}

bool is_empty(const Json& body, const char* key)
{
    const auto found = body.find(key);
    return found == body.end() || found->is_null() || (found->is_array() && found->empty());
}

Result<Json> export_of(Call& call, const domain::Sections& sections)
{
    const auto snapshot = call.panel.transfers().take(call.who(), sections);
    if (!snapshot) return snapshot.error();
    return backup_json(*snapshot, call.panel.clock().wall(), [&](NodeId node) { return call.panel.live().online(node); });
}

std::string text_of(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Reply export_backup(Call& call)
{
    const auto& body = call.body.json();
    auto sections = is_empty(body, "types") ? everything() : read_types(body["types"]);
    if (!sections) return fail(500, "请求参数错误");
    const auto out = export_of(call, *sections);
    if (!out) return fail(out.error());
    auto response = http::Response::json(text_of(*out));
    response.content_type = "application/json"; // without a charset (contract 5.11)
    response.headers.set("Content-Disposition", "attachment; filename=backup.json");
    return bare(std::move(response));
}

Json counters(const panel::TransferReport& report)
{
    Json out;
    for (const auto section : domain::all_sections) {
        const auto found = report.sections.find(section);
        const auto count = found == report.sections.end() ? 0 : found->second.added + found->second.changed;
        out[std::string{section_name(section)} + "Imported"] = count;
    }
    return out;
}

// Why an import was rolled back, in the words of the contract: "import users failed: ...".
std::string words_of(const Error& error)
{
    if (error.field == "import" && error.args.size() >= 2) return "import " + error.args[0] + " failed: " + error.args[1];
    return message_of(error);
}

Reply import_backup(Call& call)
{
    const auto& body = call.body.json();
    const auto read = read_backup(body);
    const bool named = body.contains("types"); // a file posted as it is has none (contract 8, row 49)
    const auto version = body.find("version");
    if (!read || (version != body.end() && !version->is_string() && !version->is_null())) return fail(500, "请求参数错误");
    if (named && is_empty(body, "types")) return fail(500, "请选择要导入的数据类型");
    const auto sections = named ? read_types(body["types"]) : everything();
    if (!sections) return fail(500, "请求参数错误");
    auto before = export_of(call, everything());
    if (!before) return fail(-2, "导入前自动备份失败: " + message_of(before.error()));
    if (version == body.end() || version->is_null() || version->get_ref<const std::string&>().empty()) return fail(500, "备份数据格式错误");
    const auto report = call.panel.transfers().restore(call.who(), read->snapshot, *sections, call.token_hash);
    if (!report) return report.error().code == Errc::forbidden ? fail(report.error()) : fail(-2, "导入失败: " + words_of(report.error()));
    auto data = counters(*report);
    data["autoBackup"] = std::move(*before);
    // Beyond the contract: what did not come over as it was.
    data["remarks"] = Json::array();
    for (const auto* remarks : {&read->remarks, &report->remarks}) {
        for (const auto& remark : *remarks) {
            if (sections->contains(remark.section)) data["remarks"].push_back(remark_json(remark));
        }
    }
    return ok(std::move(data));
}

std::string_view uploaded(const Call& call)
{
    const auto& parts = call.request.parts;
    return parts.empty() ? std::string_view{call.request.body} : std::string_view{parts.front().content};
}

Reply download_everything(Call& call)
{
    const auto path = call.panel.full_backups().write(call.who());
    if (!path) return fail(path.error());
    auto file = http::Response::file(*path, "application/zip");
    ::unlink(path->c_str()); // the open descriptor keeps it until it is sent
    if (!file) return fail(file.error());
    file->headers.set("Content-Disposition", "attachment; filename=\"sluice-backup.zip\"");
    file->headers.set("Cache-Control", "no-store");
    return bare(std::move(*file));
}

Reply restore_everything(Call& call)
{
    const auto report = call.panel.full_backups().restore(call.who(), uploaded(call));
    if (!report) return fail(report.error());
    return ok(
        {{"madeBy", report->made_by}, {"madeAt", report->made_at}, {"users", report->users}, {"forwards", report->forwards}, {"restarting", true}});
}

// What `use` makes of the rows of an FLVX panel that was handed in.
template <class Use>
Reply with_migration(Call& call, Use use)
{
    const auto file = call.panel.transfers().hand_in(call.who(), uploaded(call));
    if (!file) return fail(file.error());
    const auto migration = read_migration(*file);
    if (!migration) return fail(migration.error());
    const Result<panel::TransferReport> report = use(migration->snapshot);
    if (!report) return report.error().field == "import" ? fail(-2, "导入失败: " + words_of(report.error())) : fail(report.error());
    return ok(migration_json(*migration, *report));
}

Reply preview_migration(Call& call)
{
    return with_migration(call, [&](const auto& snapshot) { return call.panel.transfers().preview(call.who(), snapshot); });
}

Reply migrate(Call& call)
{
    return with_migration(call, [&](const auto& snapshot) { return call.panel.transfers().move_in(call.who(), snapshot, call.token_hash); });
}

// clang-format off: it would set this table in two columns
// The doubled prefix is an alias for old clients.
constexpr Route routes[] = {
    described({"/api/v1/backup/export", Access::admin, Needs::object, export_backup, 500}, "Rows by section, as a file of its own without an envelope.", &shapes::export_wish, gives_bare(shapes::backup)),
    described({"/api/v1/backup/import", Access::admin, Needs::object, import_backup, 500, "请求参数错误", false, largest_import}, "Puts rows of an export back: all of them or none.", &shapes::backup, gives(shapes::imported)),
    described({"/api/v1/backup/restore", Access::admin, Needs::object, import_backup, 500, "请求参数错误", false, largest_import}, "The same as backup/import.", &shapes::backup, gives(shapes::imported)),
    described({"/api/v1/api/v1/backup/export", Access::admin, Needs::object, export_backup, 500}, "The same as backup/export, under the doubled path that some clients call.", &shapes::export_wish, gives_bare(shapes::backup)),
    described({"/api/v1/api/v1/backup/import", Access::admin, Needs::object, import_backup, 500, "请求参数错误", false, largest_import}, "The same as backup/import, under the doubled path that some clients call.", &shapes::backup, gives(shapes::imported)),
    described({"/api/v1/api/v1/backup/restore", Access::admin, Needs::object, import_backup, 500, "请求参数错误", false, largest_import}, "The same as backup/restore, under the doubled path that some clients call.", &shapes::backup, gives(shapes::imported)),
    described({"/api/v1/backup/full", Access::admin, Needs::nothing, download_everything, -1, {}, true}, "Everything as one ZIP file.", nullptr, gives_file("application/zip")),
    described({"/api/v1/backup/full/restore", Access::admin, Needs::bytes, restore_everything, -1, {}, false, largest_archive}, "Puts such a file back and starts again with it.", nullptr, gives(shapes::restored)),
    described({"/api/v1/backup/flvx/preview", Access::admin, Needs::bytes, preview_migration, -1, {}, false, largest_archive}, "What an export or a database of another FLVX panel would bring. Changes nothing.", nullptr, gives(shapes::migration)),
    described({"/api/v1/backup/flvx/import", Access::admin, Needs::bytes, migrate, -1, {}, false, largest_archive}, "Brings it: all of it or nothing; may be repeated.", nullptr, gives(shapes::migration)),
};
// clang-format on

} // namespace

std::span<const Route> backup_routes() { return routes; }

} // namespace sluice::flvx
